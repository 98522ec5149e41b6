"""Per-flow statistics for observers: counts, latency histograms; `flows` has the endpoints.

Only this module writes these tables, and only while one observes; they are for as many flows as the
model tells apart.  Latencies are in buckets of 32 steps per power of two: accurate to 3 %.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.tables import Row, Rows, word, words
from rxpath.model.state import codes
from rxpath.model.state.packets import Event

STEPS = 32
BUCKETS = 1024  # up to 34 s
REASONS = len(codes.DROP_REASONS)


class Sight(Row):
    """Whether one observes, how many flows were seen, and the host's latencies."""

    on = word("1: flows are noted")
    count = word("flows in the list of those that were seen")
    latencies = words(BUCKETS, "delivered frames by latency")


class Number(Row):
    """An item of that list."""

    flow = word("as the model numbers it")


class SeenFlow(Row):
    """One flow."""

    arrived = word("frames")
    bytes = word("on the wire, of those", "bytes")
    delivered = word("frames")
    drops = words(REASONS, "frames, by the model's drop reason")
    first = word("arrival of the first frame", "ns")
    last = word("arrival of the last frame", "ns")
    first_delivered = word("when the application had the first one", "ns")
    last_delivered = word("when it had the last one", "ns")
    latency_sum = word("of all delivered frames", "ns")
    latency_max = word("of a delivered frame", "ns")
    listed = word("1: it is in the list")
    reordered = word("frames before the counters were last zeroed")


class Latencies(Row):
    """A flow's delivered frames by latency."""

    frames = words(BUCKETS, "by bucket")


class Seen(NamedTuple):
    """All of it; tables of one row while nobody observes."""

    sight: Sight
    numbers: Rows[Number]
    flows: Rows[SeenFlow]
    latencies: Rows[Latencies]


def make(flows: int, *, on: bool) -> Seen:
    """Tables for so many flows, all zero; memory is used as flows are seen."""
    sight = Sight.new()
    sight.on = int(on)
    rows = flows if on else 1
    return Seen(sight, Rows.new(Number, rows), Rows.new(SeenFlow, rows), Rows.new(Latencies, rows))


@inner
def bucket(latency: int) -> int:
    """The histogram's bucket of a latency in ns."""
    shift = 0
    while latency >> shift >= 2 * STEPS:
        shift += 1
    return min(shift * STEPS + (latency >> shift), BUCKETS - 1)


def upper_bounds() -> np.ndarray:
    """The largest latency of each bucket, ns: int64 [BUCKETS]."""
    index = np.arange(BUCKETS)
    shift = np.maximum(index // STEPS - 1, 0)
    bounds: np.ndarray = ((index - shift * STEPS + 1) << shift) - 1
    return bounds


@inner
def arrived(seen: Seen, flow: int, now: int, size: int) -> None:
    """A frame of `flow`, `size` bytes on the wire, arrived at ``now``."""
    if seen.sight.on == 0:
        return
    row = seen.flows[flow]
    if row.listed == 0:
        seen.numbers[seen.sight.count].flow = flow
        seen.sight.count += 1
        row.listed = 1
    if row.arrived == 0:
        _begin(seen, row, flow, now)
    row.arrived += 1
    row.bytes += size
    row.last = now


@inner
def forget(seen: Seen, flow: int) -> None:
    """The number is another flow's from now on."""
    if seen.sight.on:
        seen.flows[flow].arrived = 0


@inner
def _begin(seen: Seen, row: SeenFlow, flow: int, now: int) -> None:
    """The first frame of a flow."""
    row.bytes = row.delivered = row.reordered = 0
    row.latency_sum = row.latency_max = 0
    row.first = now
    row.first_delivered = row.last_delivered = -1
    for reason in range(REASONS):
        row.drops[reason] = 0
    histogram = seen.latencies[flow].frames
    for i in range(BUCKETS):
        histogram[i] = 0


@inner
def refused(seen: Seen, flow: int, reason: int) -> None:
    """A frame of `flow` that had arrived was dropped at once."""
    if seen.sight.on:
        seen.flows[flow].drops[reason] += 1


@inner
def left(seen: Seen, event: Event) -> None:
    """What the model's event says of a frame."""
    if seen.sight.on == 0:
        return
    row = seen.flows[event.flow]
    if event.kind != codes.DELIVER:
        row.drops[event.reason] += 1
        return
    row.delivered += 1
    if row.first_delivered < 0:
        row.first_delivered = event.time
    row.last_delivered = event.time
    row.latency_sum += event.latency
    row.latency_max = max(row.latency_max, event.latency)
    at = bucket(event.latency)
    seen.sight.latencies[at] += 1
    seen.latencies[event.flow].frames[at] += 1
