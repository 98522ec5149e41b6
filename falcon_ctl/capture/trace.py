"""What the receiving host recorded of each frame: its way through stages and CPUs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from falcon_ctl.errors import PartFailed
from rxpath import records
from rxpath.layout import STAGE_NAMES


class Stage(NamedTuple):
    """One stage of one frame; times in model ns.

    `choice`: 0 not steered, 1 first choice, 2 second choice, 3 steering was switched off.
    """

    kind: str
    ifindex: int
    cpu: int
    choice: int
    enqueue: int
    start: int
    end: int


class Passage(NamedTuple):
    """A frame on its way; `delivered` is 0 and `place` names where when it was dropped."""

    number: int
    arrival: int
    rss_hash: int
    queue: int
    proto: int
    container: int
    stages: tuple[Stage, ...]
    delivered: int
    place: str
    wire_len: int
    frame: bytes

    @property
    def latency(self) -> int:
        """Model ns from the NIC to the application."""
        return self.delivered - self.arrival


@dataclass(frozen=True)
class Trace:
    """All passages of one recording in order of arrival, and the host's state at its start."""

    passages: list[Passage]
    meta: dict[str, Any]

    @property
    def delivered(self) -> Iterator[Passage]:
        """Frames that reached the application."""
        return (p for p in self.passages if not p.place)


def load(path: Path) -> Trace:
    """Read a recording of rxpath.

    Raises:
        PartFailed: there is no such file, or it is no recording.
    """
    try:
        found = records.read(path)
    except (OSError, ValueError) as error:
        raise PartFailed("rxpath", f"recording {path}: {error}") from error
    places = {int(code): name for code, name in found.meta["places"].items()}
    frames = [bytes(frame) for frame in found.frames]
    passages = [
        _passage(row, frame, places)
        for row, frame in zip(found.records.tolist(), frames, strict=True)
    ]
    return Trace(sorted(passages, key=lambda p: (p.arrival, p.number)), found.meta)


def _passage(row: tuple[Any, ...], frame: bytes, places: dict[int, str]) -> Passage:
    """From one row of `rxpath.records.RECORD`, whose order of fields it relies on."""
    number, arrival, wire_len, rss, queue, proto, _, container, count, stages, delivered, place = (
        row
    )
    return Passage(
        number=number,
        arrival=arrival,
        rss_hash=rss,
        queue=queue,
        proto=proto,
        container=container,
        stages=tuple(Stage(STAGE_NAMES[s[0]], *s[1:]) for s in stages[:count]),
        delivered=max(delivered, 0),
        place=places.get(place, "queued" if delivered < 0 else ""),
        wire_len=wire_len,
        frame=frame[: min(wire_len, len(frame))],
    )
