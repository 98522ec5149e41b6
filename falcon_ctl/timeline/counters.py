"""Depths of queues and loads of cores over time, from all packets of a run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.timeline.model import Series
from falcon_ctl.timeline.packets import Hops, Integers, Packets, works
from rxpath.results import STAGE_KINDS

MOST_POINTS = 1000  # of a counter
FIRST_STAGES = [STAGE_KINDS.index(kind) for kind in ("napi", "poll")]
_SOCKET = STAGE_KINDS.index("socket")
_CELL = STAGE_KINDS.index("gro_cell")
_BEHIND = [STAGE_KINDS.index(kind) for kind in ("gro_cell", "backlog", "split", "rps")]
_STEERED = (1, 2)  # `Hops.choice`


class Depth(NamedTuple):
    """A queue's depth: of `kind` (ring, gro_cell, backlog, socket), the `number`-th of these."""

    kind: str
    number: int
    series: Series


def depths(packets: Packets) -> Iterator[Depth]:
    """The depth of each queue that was used: RX rings in frames, the others in skbs."""
    hops = packets.hops
    polled = hops.where(np.isin(hops.kind, FIRST_STAGES))
    queue, arrival = packets.queue[polled.packet], packets.arrival[polled.packet]
    yield from _by_number("ring", queue, arrival, polled.start)
    skbs = hops.where(works(hops)[0])
    # What a policy steers waits in a backlog, whatever its stage (enqueue_to_backlog).
    in_cell = (skbs.kind == _CELL) & ~np.isin(skbs.choice, _STEERED)
    in_backlog = np.isin(skbs.kind, _BEHIND) & ~in_cell
    for kind, chosen in (("gro_cell", in_cell), ("backlog", in_backlog)):
        yield from _by_number(kind, skbs.cpu[chosen], skbs.enqueue[chosen], skbs.start[chosen])
    chosen = skbs.kind == _SOCKET
    socket = packets.socket[skbs.packet[chosen]]
    yield from _by_number("socket", socket, skbs.enqueue[chosen], skbs.start[chosen])


def _by_number(kind: str, numbers: Integers, entered: Integers, left: Integers) -> Iterator[Depth]:
    for number in np.unique(numbers[numbers >= 0]).tolist():
        here = numbers == number
        yield Depth(kind, number, _depth(entered[here], left[here]))


def _depth(entered: Integers, left: Integers) -> Series:
    """How many have entered and not left, at each time at which that changes."""
    times = np.concatenate([entered, left])
    change = np.concatenate([np.ones(len(entered), np.int64), -np.ones(len(left), np.int64)])
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(change[order])
    last = np.append(np.diff(times) > 0, True)  # of those at the same time, the last one holds
    return _thinned(times[last], level[last])


def _thinned(times: Integers, values: NDArray[np.int64]) -> Series:
    """At most about `MOST_POINTS` points: the highest of each step of time, if there are more."""
    changed = np.append(True, np.diff(values) != 0)
    times, values = times[changed], values[changed]
    if len(times) > MOST_POINTS:
        span = max(1, int(times[-1] - times[0]))
        step = (times - times[0]) * (MOST_POINTS - 1) // span
        first = np.flatnonzero(np.append(True, np.diff(step) > 0))
        highest = np.maximum.reduceat(values, first)
        times = np.append(times[first], times[-1])
        values = np.append(highest, values[-1])
    return Series(times.tolist(), values.tolist())


def loads(packets: Packets, start: int, end: int) -> dict[int, Series]:
    """CPU → percent of each step of time that it worked on packets' stages."""
    step = max(1, -(-(end - start) // MOST_POINTS))
    grid = np.arange(start, max(end, start + 1) + step, step)
    return {
        cpu: _load(packets.hops, cpu, grid, step) for cpu in np.unique(packets.hops.cpu).tolist()
    }


def _load(hops: Hops, cpu: int, grid: Integers, step: int) -> Series:
    here = hops.cpu == cpu
    starts, ends = hops.start[here], hops.end[here]
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    starts = np.maximum(starts, np.append(starts[:1], ends[:-1]))  # what overlaps counts once
    ends = np.maximum(starts, ends)
    # Busy time until t: all works that ended before it, and the one that goes on.
    sums = np.concatenate([[0], np.cumsum(ends - starts)])
    place = np.searchsorted(starts, grid, side="right")
    until = sums[place] - np.maximum(0, np.append(grid[:1], ends)[place] - grid)
    percent = np.round(100 * np.diff(until) / step, 1)
    changed = np.append(True, np.diff(percent) != 0)
    return Series(grid[:-1][changed].tolist(), percent[changed].tolist())
