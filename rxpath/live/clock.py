"""Model time from wall time, and how late the driver ran.

model ns = (wall ns - epoch) // dilation.  Lateness is kept in a histogram of 16 steps per power of
two, so that a percentile is accurate to 6 % and costs no memory per sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rxpath.compile.jit import entry
from rxpath.compile.tables import Row, word, words

STEPS_LOG2 = 4
STEPS = 1 << STEPS_LOG2
BUCKETS = 64 * STEPS
MAX_DILATION = 10**9


class Clock(Row):
    """The clock of a live host, and its lateness since the last reset."""

    epoch = word("when model time is 0", "wall ns")
    dilation = word("wall ns for a model ns")
    last = word("of the last arrival, or up to which the model has run", "model ns")
    clamped = word("arrivals that came after the model had passed them")
    clamp_max = word("the furthest that one was moved", "model ns")
    late_max = word("of a delivery", "model ns")
    over = word("deliveries over the budget")
    budget = word("for lateness", "model ns")
    late = words(BUCKETS, "histogram of deliveries by lateness")


def make(epoch: int, dilation: int, budget: int) -> Clock:
    """Start a clock whose model time is 0 at wall time `epoch`; `budget` in model ns."""
    clock = Clock.new()
    clock.epoch, clock.dilation, clock.budget = epoch, dilation, budget
    return clock


@entry
def model_ns(clock: Clock, wall: int) -> int:
    """Model time at a wall time."""
    time: int = (wall - clock.epoch) // clock.dilation
    return time


@entry
def wait_ns(clock: Clock, deadline: int, wall: int, most: int) -> int:
    """Wall ns from `wall` until model time reaches `deadline`, between 0 and `most`."""
    if deadline > model_ns(clock, wall + most):
        return most
    wait: int = max(clock.epoch + deadline * clock.dilation - wall, 0)
    return wait


@entry
def arrival_ns(clock: Clock, stamp: int) -> int:
    """Model time of a frame stamped at wall ns `stamp`, never before an earlier one's.

    The kernel stamps a frame before it reaches the socket, so the model may have passed it when it
    is read; it then arrives now, and is counted.
    """
    time = model_ns(clock, stamp)
    if time < clock.last:
        clock.clamped += 1
        clock.clamp_max = max(clock.clamp_max, clock.last - time)
        time = clock.last
    clock.last = time
    return time


@entry
def bucket(value: int) -> int:
    """Histogram bucket of a non-negative value."""
    shift = 0
    while value >> shift >= 2 * STEPS:
        shift += 1
    return shift * STEPS + (value >> shift)


def upper_bound(index: int) -> int:
    """Largest value of a bucket."""
    if index < 2 * STEPS:
        return index
    shift = index // STEPS - 1
    return ((index - shift * STEPS + 1) << shift) - 1


@entry
def delivered(clock: Clock, due: int, wall: int) -> None:
    """Note that a frame due at model time `due` went out at wall time `wall`."""
    late = max(model_ns(clock, wall) - due, 0)
    clock.late[bucket(late)] += 1
    clock.late_max = max(clock.late_max, late)
    clock.over += late > clock.budget


def largest_dilation(clock: Clock, wall: int) -> int:
    """With which `rebase` at wall ns `wall` is possible: its epoch must fit into 64 bits."""
    return min(MAX_DILATION, (1 << 62) // max(1, int(model_ns(clock, wall))))


def rebase(clock: Clock, wall: int, dilation: int) -> None:
    """Change the dilation at wall time `wall`; model time goes on from where it is."""
    now = int(model_ns(clock, wall))
    clock.epoch, clock.dilation = wall - now * dilation, dilation


def reset(clock: Clock) -> None:
    """Zero what was measured; time goes on."""
    clock.late.array[:] = 0
    clock.clamped = clock.clamp_max = clock.late_max = clock.over = 0


def figures(clock: Clock) -> dict[str, Any]:
    """Lateness in model ns: samples, max, p99, share over the budget; and clamped arrivals."""
    late = clock.late.array
    samples, longest = int(late.sum()), int(clock.late_max)
    rank = int(np.searchsorted(np.cumsum(late), max(1, -(-samples * 99 // 100))))
    return {
        "samples": samples,
        "max_ns": longest,
        "p99_ns": min(upper_bound(rank), longest) if samples else 0,
        "over_budget": int(clock.over) / samples if samples else 0.0,
        "budget_ns": int(clock.budget),
        "clamped": int(clock.clamped),
        "clamp_max_ns": int(clock.clamp_max),
    }
