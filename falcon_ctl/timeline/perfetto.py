"""A timeline in Perfetto's format: TrackEvents, as protos/perfetto/trace/track_event declares them.

The file is a `Trace` message: TracePackets, one after the other. A slice is a pair of events, a
packet is a flow through its slices. What repeats (names, details) is written once and referred to.

Perfetto's UI colours a slice by its correlation id, and where it is older than those by its name
without digits. Both depend on the slice's kind alone, so that each kind has one colour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from falcon_ctl.timeline import wire
from falcon_ctl.timeline.kinds import KINDS
from falcon_ctl.timeline.model import COUNTER, Detail, Path, Series, Slice, Timeline

# Field numbers, by message.
_PACKET = 1  # Trace
_TIMESTAMP, _SEQUENCE, _EVENT, _INTERNED, _FLAGS, _DESCRIPTOR = 8, 10, 11, 12, 13, 60  # TracePacket
_UUID, _NAME, _PARENT, _COUNTER, _ORDERING, _RANK, _DESCRIPTION = 1, 2, 5, 8, 11, 12, 14
_CATEGORY_ID, _ANNOTATION, _TYPE, _NAME_ID, _TRACK = 3, 4, 9, 10, 11  # TrackEvent
_VALUE, _DOUBLE_VALUE, _FLOW, _CORRELATION_ID = 30, 44, 47, 54
_UNIT = 6  # CounterDescriptor
_ANNOTATION_NAME_ID, _INTEGER, _STRING_ID = 1, 4, 17  # DebugAnnotation
_ID, _TEXT = 1, 2  # of an interned string
_CATEGORIES, _NAMES, _ANNOTATION_NAMES, _STRINGS, _CORRELATIONS = 1, 2, 3, 29, 43  # InternedData

_BEGIN, _END, _INSTANT, _COUNT = 1, 2, 3, 4  # TrackEvent.Type
_EXPLICIT = 3  # TrackDescriptor.ChildTracksOrdering
_CLEARED, _NEEDS = 1, 2  # TracePacket.SequenceFlags

_ONE_SEQUENCE = wire.integer(_SEQUENCE, 1)
_REFERS = _ONE_SEQUENCE + wire.integer(_FLAGS, _NEEDS)
_ROOT = 1  # the track that all others lie in; track i of the timeline is i + 2


class _Event(NamedTuple):
    time: int
    content: bytes


def trace(timeline: Timeline) -> bytes:
    """The file's content."""
    writer = _Writer(timeline)
    events = sorted(writer.events(), key=lambda event: event.time)  # stable: a track's keep order
    packets = [_timed(event) for event in events]
    return b"".join([*writer.tracks(), writer.strings(), *packets])


def _timed(event: _Event) -> bytes:
    head = wire.integer(_TIMESTAMP, event.time)
    return wire.message(_PACKET, head + _REFERS + wire.message(_EVENT, event.content))


class _Strings:
    """Texts that are written once; a text's number is its position from 1 on."""

    def __init__(self, field: int) -> None:
        self._field = field
        self._ids: dict[str, int] = {}

    def id(self, text: str) -> int:
        """The number of a text."""
        return self._ids.setdefault(text, len(self._ids) + 1)

    def content(self) -> bytes:
        """The texts as fields of InternedData."""
        return b"".join(
            wire.message(self._field, wire.integer(_ID, number) + wire.text(_TEXT, text))
            for text, number in self._ids.items()
        )


class _Writer:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._categories, self._names = _Strings(_CATEGORIES), _Strings(_NAMES)
        self._keys, self._texts = _Strings(_ANNOTATION_NAMES), _Strings(_STRINGS)
        self._correlations = _Strings(_CORRELATIONS)

    # -- tracks -----------------------------------------------------------------------------------

    def tracks(self) -> Iterator[bytes]:
        """A TrackDescriptor for each track, parents first."""
        timeline = self._timeline
        text = "; ".join(filter(None, (timeline.note, *timeline.about.values())))
        root = wire.integer(_UUID, _ROOT) + wire.text(_NAME, timeline.title)
        root += wire.integer(_ORDERING, _EXPLICIT) + wire.text(_DESCRIPTION, text)
        yield self._described(root)
        uuids = {track.path: index + 2 for index, track in enumerate(timeline.tracks)}
        ranks = self._ranks()
        for index, track in enumerate(timeline.tracks):
            content = wire.integer(_UUID, index + 2) + wire.text(_NAME, track.name)
            content += wire.integer(_PARENT, uuids.get(track.path[:-1], _ROOT))
            content += wire.integer(_ORDERING, _EXPLICIT) + wire.integer(_RANK, ranks[index])
            if track.about:
                content += wire.text(_DESCRIPTION, track.about)
            if track.kind == COUNTER:
                content += wire.message(_COUNTER, wire.text(_UNIT, track.unit))
            yield self._described(content)

    def _described(self, content: bytes) -> bytes:
        return wire.message(_PACKET, _ONE_SEQUENCE + wire.message(_DESCRIPTOR, content))

    def _ranks(self) -> dict[int, int]:
        """Each track's place among its siblings, from 1 on: a rank of 0 is as good as none."""
        siblings: dict[Path, list[int]] = defaultdict(list)
        for index, track in enumerate(self._timeline.tracks):
            siblings[track.path[:-1]].append(index)
        found: dict[int, int] = {}
        for indices in siblings.values():
            ordered = sorted(indices, key=lambda index: self._timeline.tracks[index].rank)
            found |= {index: place for place, index in enumerate(ordered, start=1)}
        return found

    # -- strings ----------------------------------------------------------------------------------

    def strings(self) -> bytes:
        """The packet with all texts; it stands before the events, which have to be made first."""
        tables = (self._categories, self._names, self._keys, self._texts, self._correlations)
        content = b"".join(table.content() for table in tables)
        flags = wire.integer(_FLAGS, _CLEARED | _NEEDS)
        return wire.message(_PACKET, _ONE_SEQUENCE + flags + wire.message(_INTERNED, content))

    # -- events -----------------------------------------------------------------------------------

    def events(self) -> Iterator[_Event]:
        """All events; those of one track in order of time."""
        yield from self._about()
        by_track: dict[int, list[Slice]] = defaultdict(list)
        for one in self._timeline.slices:
            by_track[one.track].append(one)
        for track, slices in by_track.items():
            yield from self._nested(_on(track), slices)
        for instant in self._timeline.instants:
            content = self._named(instant.kind, instant.name, instant.detail)
            yield _Event(instant.time, _typed(_INSTANT) + _on(instant.track) + content)
        for track, series in self._timeline.counters.items():
            yield from _counted(_on(track), series)

    def _about(self) -> Iterator[_Event]:
        """What is said of the whole, as a mark where the timeline begins."""
        timeline = self._timeline
        start = min((run.start for run in timeline.runs), default=0)
        detail: Detail = tuple(timeline.about.items())
        name = timeline.note or "every packet of the recording is shown"
        content = self._named("about", name, detail)
        yield _Event(start, _typed(_INSTANT) + wire.integer(_TRACK, _ROOT) + content)

    def _nested(self, track: bytes, slices: list[Slice]) -> Iterator[_Event]:
        """Begins and ends: a slice that ends when another begins ends first."""
        begins, ends = _typed(_BEGIN) + track, _typed(_END) + track
        open_until: list[int] = []
        for one in sorted(slices, key=lambda one: (one.start, -one.end)):
            while open_until and open_until[-1] <= one.start:
                yield _Event(open_until.pop(), ends)
            if one.kind == "arrival":
                yield _Event(one.start, _typed(_INSTANT) + track + self._worked(one))
                continue
            yield _Event(one.start, begins + self._worked(one))
            if one.end > one.start:
                open_until.append(one.end)
            else:
                yield _Event(one.end, ends)
        while open_until:
            yield _Event(open_until.pop(), ends)

    def _worked(self, one: Slice) -> bytes:
        detail = one.detail if one.part == 1 else (("part", one.part), *one.detail)
        flows = [wire.fixed64(_FLOW, packet + 1) for packet in one.packets if one.part == 1]
        return self._named(one.kind, one.name, detail) + b"".join(flows)

    def _named(self, kind: str, name: str, detail: Iterable[tuple[str, int | str]]) -> bytes:
        known = KINDS.get(kind)
        content = wire.integer(_CATEGORY_ID, self._categories.id(kind))
        content += wire.integer(_NAME_ID, self._names.id(name))
        if known is not None:
            number = self._correlations.id(known.perfetto or known.title)
            content += wire.integer(_CORRELATION_ID, number)
        return content + b"".join(self._annotation(key, value) for key, value in detail)

    def _annotation(self, key: str, value: int | str) -> bytes:
        content = wire.integer(_ANNOTATION_NAME_ID, self._keys.id(key))
        if isinstance(value, int):
            content += wire.integer(_INTEGER, value)
        else:
            content += wire.integer(_STRING_ID, self._texts.id(value))
        return wire.message(_ANNOTATION, content)


def _typed(kind: int) -> bytes:
    return wire.integer(_TYPE, kind)


def _on(track: int) -> bytes:
    return wire.integer(_TRACK, track + 2)


def _counted(track: bytes, series: Series) -> Iterator[_Event]:
    head = _typed(_COUNT) + track
    for time, value in zip(series.times, series.values, strict=True):
        if isinstance(value, int):
            yield _Event(time, head + wire.integer(_VALUE, value))
        else:
            yield _Event(time, head + wire.double(_DOUBLE_VALUE, value))
