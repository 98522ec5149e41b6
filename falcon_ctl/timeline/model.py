"""A timeline: tracks with slices, counters and instants, and the packets that pass through them.

All times are integer nanoseconds of the run's model clock. Pure: others build it and write it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Path = tuple[str, ...]
Detail = tuple[tuple[str, int | str], ...]
"""What is said of something beside its name, in the order in which it is shown."""

SLICES, COUNTER = "slices", "counter"


class Track(NamedTuple):
    """A row of the timeline.

    Attributes:
        path: names of the tracks that it lies in, and its own; the last one is unique in there.
        rank: its place among its siblings.
        unit: of a counter's values; "" for slices.
        kind: `SLICES` or `COUNTER`.
        about: what a reader has to know of it.
    """

    path: Path
    rank: int
    unit: str = ""
    kind: str = SLICES
    about: str = ""

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]


class Slice(NamedTuple):
    """Work on a track from `start` to `end`.

    Attributes:
        track: index into `Timeline.tracks`.
        kind: of `falcon_ctl.timeline.kinds.KINDS`; decides its colour.
        name: device and flow, or table.
        packets: indices into `Timeline.packets` of those that it works on. Arrows follow them
            from first part to first part.
        part: 1, or where the work was interrupted which part of it this is.
    """

    track: int
    start: int
    end: int
    kind: str
    name: str
    packets: tuple[int, ...] = ()
    part: int = 1
    detail: Detail = ()


class Instant(NamedTuple):
    """Something that happened at a time: `kind` is drop, rehash, hand-over, switch off or on."""

    track: int
    time: int
    kind: str
    name: str
    detail: Detail = ()


class Series(NamedTuple):
    """A counter's values: from each of `times` on the value beside it holds."""

    times: Sequence[int]
    values: Sequence[float]


class Packet(NamedTuple):
    """One frame.

    Attributes:
        run: index into `Timeline.runs`.
        number: in its run.
        ended: when the application had it or it was dropped, -1: it was still in the host.
        reason: why it was dropped, "" when it was not.
    """

    run: int
    number: int
    flow: str
    arrival: int
    ended: int
    reason: str


class Run(NamedTuple):
    """What was measured from `start` to `end` on the tracks below `group`.

    `packets`: all of them; `shown`: those with slices; `slices`: how many all of them would have.
    """

    group: str
    label: str
    start: int
    end: int
    packets: int
    shown: int
    slices: int

    @property
    def note(self) -> str:
        """What of it is shown, "" when all of it is."""
        if self.shown == self.packets:
            return ""
        return f"sampled: {self.shown:,} of {self.packets:,} packets"


class Arrow(NamedTuple):
    """A packet goes on from one slice to another: indices of `packets` and `slices`."""

    packet: int
    source: int
    target: int


@dataclass
class Timeline:
    """One or several runs.

    `counters`: index of a track → its values. `about`: what is said of the whole.
    """

    title: str
    tracks: list[Track] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    counters: dict[int, Series] = field(default_factory=dict)
    instants: list[Instant] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What of it is sampled, in one line; "" when everything is shown."""
        count, shown = (
            sum(getattr(run, name) for run in self.runs) for name in ("packets", "shown")
        )
        if shown == count:
            return ""
        slices = sum(run.slices for run in self.runs)
        return (
            f"sampled: {shown:,} of {count:,} packets are shown, each of them whole, in groups "
            f"that arrived one after another; all would be {slices:,} slices. Counters and drops "
            "are of all packets"
        )

    def journeys(self) -> dict[int, list[int]]:
        """Packet → indices of its slices, in the order in which it passes through them."""
        found: dict[int, list[int]] = defaultdict(list)
        for index, one in enumerate(self.slices):
            for packet in one.packets if one.part == 1 else ():
                found[packet].append(index)
        for indices in found.values():
            indices.sort(key=lambda index: (self.slices[index].start, index))
        return dict(found)

    def arrows(self) -> Iterator[Arrow]:
        """From each slice of a packet to its next one."""
        for packet, indices in self.journeys().items():
            for source, target in itertools.pairwise(indices):
                yield Arrow(packet, source, target)


class Tracks:
    """Makes each track of a timeline once, whatever number of times it is asked for."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._indices: dict[Path, int] = {t.path: i for i, t in enumerate(timeline.tracks)}

    def index(
        self, path: Path, rank: int = 0, unit: str = "", kind: str = SLICES, about: str = ""
    ) -> int:
        """The index of the track with this path; those that it lies in are made, too."""
        if path not in self._indices:
            if len(path) > 1:
                self.index(path[:-1])
            self._indices[path] = len(self._timeline.tracks)
            self._timeline.tracks.append(Track(path, rank, unit, kind, about))
        return self._indices[path]

    def counter(self, path: Path, rank: int, unit: str) -> int:
        """As `index`, of a counter."""
        return self.index(path, rank, unit, COUNTER)
