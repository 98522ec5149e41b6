"""A timeline as plain JSON values, bounded in size: for pages that draw it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from falcon_ctl.timeline.kinds import KINDS
from falcon_ctl.timeline.model import Instant, Series, Slice, Timeline

SCHEMA = "falcon-timeline/1"  # counts up when a member is removed or changes its meaning
MOST_SLICES = 5_000
MOST_POINTS = 200  # of a counter
MOST_INSTANTS = 500


def as_json(timeline: Timeline, most_slices: int = MOST_SLICES) -> dict[str, Any]:
    """The timeline; with more slices than `most_slices`, a part of each run's packets.

    Columns, each a list as long as the others of its object; times are model ns:

    - ``kinds``: object: kind → {title, colour}
    - ``tracks``: {path, rank, unit, kind, about}: path from the outermost group to its own name
    - ``names``: texts that ``slices.name`` refers to
    - ``slices``: {track, start, end, kind, name, packets, part, detail}; a packet passes its slices
      with part 1 in the order of their start
    - ``packets``: {run, number, flow, arrival, ended, reason}
    - ``instants``: {track, time, kind, name, detail}
    - ``counters``: list of {track, times, values}: a value holds until the next
    - ``runs``: list of {group, label, start, end, count, shown, slices}
    - ``title``, ``about``, ``note``: what is sampled, "" when nothing is.
    """
    slices, packets = _chosen(timeline, most_slices)
    places = {packet: place for place, packet in enumerate(packets)}
    names = list(dict.fromkeys(one.name for one in slices))
    numbers = {name: number for number, name in enumerate(names)}
    kept = [timeline.packets[packet] for packet in packets]
    instants = _instants(timeline.instants)
    note = timeline.note
    if len(kept) < len(timeline.packets):
        count = sum(run.packets for run in timeline.runs)
        note = f"sampled: {len(kept):,} of {count:,} packets are shown"
    return {
        "schema": SCHEMA,
        "title": timeline.title,
        "about": dict(timeline.about),
        "note": note,
        "kinds": {
            name: {"title": kind.title, "colour": kind.colour} for name, kind in KINDS.items()
        },
        "tracks": {
            "path": [list(track.path) for track in timeline.tracks],
            "rank": [track.rank for track in timeline.tracks],
            "unit": [track.unit for track in timeline.tracks],
            "kind": [track.kind for track in timeline.tracks],
            "about": [track.about for track in timeline.tracks],
        },
        "names": names,
        "slices": {
            "track": [one.track for one in slices],
            "start": [one.start for one in slices],
            "end": [one.end for one in slices],
            "kind": [one.kind for one in slices],
            "name": [numbers[one.name] for one in slices],
            "packets": [[places[p] for p in one.packets if p in places] for one in slices],
            "part": [one.part for one in slices],
            "detail": [dict(one.detail) for one in slices],
        },
        "packets": _columns(kept, ("run", "number", "flow", "arrival", "ended", "reason")),
        "instants": {
            **_columns(instants, ("track", "time", "kind", "name")),
            "detail": [dict(one.detail) for one in instants],
        },
        "counters": [
            {"track": track, **_series(series)} for track, series in timeline.counters.items()
        ],
        "runs": [run._asdict() for run in timeline.runs],
    }


def _instants(instants: Sequence[Instant]) -> list[Instant]:
    """At most `MOST_INSTANTS` drops, and as many others: a flood of drops hides nothing else."""
    drops = [one for one in instants if one.kind == "drop"]
    others = [one for one in instants if one.kind != "drop"]
    return [one for ones in (others, drops) for one in ones[:: -(-len(ones) // MOST_INSTANTS) or 1]]


def _columns(rows: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}


def _chosen(timeline: Timeline, most: int) -> tuple[list[Slice], list[int]]:
    """The slices and packets of at most about `most` slices: of each run packets in a row."""
    packets = range(len(timeline.packets))
    if len(timeline.slices) <= most:
        return timeline.slices, list(packets)
    share = most / len(timeline.slices)
    told = {packet for one in timeline.slices if one.kind == "frame" for packet in one.packets}
    kept: list[int] = []
    for number in range(len(timeline.runs)):
        own = [packet for packet in packets if timeline.packets[packet].run == number]
        count = int(share * len(own))
        first = next((place for place, packet in enumerate(own) if packet in told), len(own) // 2)
        first = min(first, len(own) - count)
        kept += own[first : first + count]
    chosen = set(kept)
    found = [one for one in timeline.slices if not one.packets or chosen.intersection(one.packets)]
    return found, kept


def _series(series: Series) -> dict[str, list[float]]:
    """At most `MOST_POINTS` points, each the highest of its step."""
    times, values = series
    step = -(-len(times) // MOST_POINTS) or 1
    places = range(0, len(times), step)
    return {
        "times": [times[place] for place in places],
        "values": [max(values[place : place + step]) for place in places],
    }
