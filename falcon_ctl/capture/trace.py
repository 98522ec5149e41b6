"""The receiving host's record of each frame: stages, CPUs and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from falcon_ctl.errors import PartFailed
from rxpath.live import records
from rxpath.live.records import Recording


class Stage(NamedTuple):
    """One stage of one frame; times in model ns.

    `choice`: 0 not steered, 1 first choice, 2 second choice, 3 steering was switched off. `held`:
    for how long the order guard held the frame, in front of its work or behind it.
    """

    kind: str
    ifindex: int
    cpu: int
    choice: int
    enqueue: int
    start: int
    end: int
    held: int = 0


class Passage(NamedTuple):
    """A frame in the host; when it was dropped, `delivered` is 0 and `drop_reason` says why.

    `dropped`: when that was, `drop_cpu` where: the CPU whose queue was full; -1 without one, and
    in recordings of older versions.
    """

    number: int
    arrival: int
    rss_hash: int
    queue: int
    proto: int
    container: int
    stages: tuple[Stage, ...]
    delivered: int
    drop_reason: str
    wire_len: int
    frame: bytes
    dropped: int = -1
    drop_cpu: int = -1

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
        return (p for p in self.passages if not p.drop_reason)


def load(path: Path) -> Trace:
    """Read a recording of rxpath.

    Raises:
        PartFailed: there is no such file, or it is no recording.
    """
    try:
        found = records.read(path)
    except (OSError, ValueError) as error:
        raise PartFailed("rxpath", f"recording {path}: {error}") from error
    return of(found)


def of(found: Recording, most: int | None = None) -> Trace:
    """A recording's frames; with `most` the first ones, and the others count as missed."""
    if most is not None and len(found.records) > most:
        chosen = np.sort(np.argsort(found.records["arrival"], kind="stable")[:most])
        missed = found.meta.get("missed", 0) + len(found.records) - most
        meta = {**found.meta, "missed": missed}
        found = Recording(found.records[chosen], found.frames[chosen], meta)
    frames = [bytes(frame) for frame in found.frames]
    fields = found.records.dtype.names or ()
    rows = (dict(zip(fields, row, strict=True)) for row in found.records.tolist())
    stages = found.records["stages"].tolist()
    passages = [
        _passage(row, passed, frame, found.meta)
        for row, passed, frame in zip(rows, stages, frames, strict=True)
    ]
    return Trace(sorted(passages, key=lambda p: (p.arrival, p.number)), found.meta)


def _passage(row: dict[str, Any], stages: list[Any], frame: bytes, meta: dict[str, Any]) -> Passage:
    """From one row of `rxpath.live.records.RECORD`, its stages and the frame's first bytes."""
    delivered, reason = row["delivered"], meta["drop_reasons"].get(str(row["drop_reason"]))
    return Passage(
        number=row["id"],
        arrival=row["arrival"],
        rss_hash=row["rss_hash"],
        queue=row["rx_queue"],
        proto=row["proto"],
        container=row["container"],
        stages=tuple(
            Stage(meta["stage_kinds"][stage[0]], *stage[1:]) for stage in stages[: row["n_stages"]]
        ),
        delivered=max(delivered, 0),
        drop_reason=reason or ("queued" if delivered < 0 else ""),
        wire_len=row["wire_len"],
        frame=frame[: row["wire_len"]],
        dropped=row.get("dropped", -1),
        drop_cpu=row.get("drop_cpu", -1),
    )
