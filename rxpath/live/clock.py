"""Model time from wall time, and how late the driver ran.

model ns = (wall ns - epoch) // dilation, all int64.  Lateness is kept in a histogram of 16 steps
per power of two, so that a percentile is right to 6 % and costs no memory per sample.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rxpath.jit import jit

EPOCH, DILATION, LAST, CLAMPED, CLAMP_MAX, LATE_MAX, OVER, BUDGET = range(8)
STEPS_LOG2 = 4
STEPS = 1 << STEPS_LOG2
BUCKETS = 64 * STEPS


class Clock(NamedTuple):
    """Epoch, dilation and what was measured; int64 arrays."""

    time: np.ndarray  # [8] the columns named above; LAST: model ns of the last arrival
    late: np.ndarray  # [BUCKETS] how many frames were delivered how late


def make(epoch: int, dilation: int, budget: int) -> Clock:
    """Start a clock whose model time is 0 at wall time `epoch`; `budget` in model ns."""
    clock = Clock(np.zeros(8, np.int64), np.zeros(BUCKETS, np.int64))
    clock.time[EPOCH], clock.time[DILATION], clock.time[BUDGET] = epoch, dilation, budget
    return clock


@jit
def model_ns(clock: Clock, wall: int) -> int:
    """Model time at a wall time."""
    return (wall - clock.time[EPOCH]) // clock.time[DILATION]


@jit
def wait_ns(clock: Clock, deadline: int, wall: int, most: int) -> int:
    """Wall ns from `wall` until model time reaches `deadline`, between 0 and `most`."""
    if deadline > model_ns(clock, wall + most):
        return most
    return max(clock.time[EPOCH] + deadline * clock.time[DILATION] - wall, 0)


@jit
def arrival_ns(clock: Clock, stamp: int) -> int:
    """Model time of a frame stamped at wall ns `stamp`, never before an earlier one's.

    The stamp is taken before the frame reaches the socket, so a frame can show up after the model
    has passed it; it is then taken as arriving now, and counted.
    """
    time = model_ns(clock, stamp)
    if time < clock.time[LAST]:
        clock.time[CLAMPED] += 1
        clock.time[CLAMP_MAX] = max(clock.time[CLAMP_MAX], clock.time[LAST] - time)
        return clock.time[LAST]
    clock.time[LAST] = time
    return time


@jit
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


@jit
def delivered(clock: Clock, due: int, wall: int) -> None:
    """Note that a frame due at model time `due` went out at wall time `wall`."""
    late = max(model_ns(clock, wall) - due, 0)
    clock.late[bucket(late)] += 1
    clock.time[LATE_MAX] = max(clock.time[LATE_MAX], late)
    clock.time[OVER] += late > clock.time[BUDGET]


def rebase(clock: Clock, wall: int, dilation: int) -> None:
    """Change the dilation at wall time `wall`; model time goes on from where it is."""
    now = int(model_ns(clock, wall))
    clock.time[EPOCH], clock.time[DILATION] = wall - now * dilation, dilation


def reset(clock: Clock) -> None:
    """Forget what was measured; time goes on."""
    clock.late[:] = 0
    for column in (CLAMPED, CLAMP_MAX, LATE_MAX, OVER):
        clock.time[column] = 0


def figures(clock: Clock) -> dict[str, Any]:
    """Lateness in model ns: samples, max, p99, share over the budget; and clamped arrivals."""
    samples = int(clock.late.sum())
    rank = np.searchsorted(np.cumsum(clock.late), max(1, -(-samples * 99 // 100)))
    over = int(clock.time[OVER])
    return {
        "samples": samples,
        "max_ns": int(clock.time[LATE_MAX]),
        "p99_ns": min(upper_bound(int(rank)), int(clock.time[LATE_MAX])) if samples else 0,
        "over_budget": over / samples if samples else 0.0,
        "budget_ns": int(clock.time[BUDGET]),
        "clamped": int(clock.time[CLAMPED]),
        "clamp_max_ns": int(clock.time[CLAMP_MAX]),
    }
