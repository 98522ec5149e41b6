"""Model time from wall time, and how late the driver ran.

model ns = (wall ns - epoch) // dilation, all int64.  Lateness is kept in a histogram of 16 steps
per power of two, so that a percentile is right to 6 % and costs no memory per sample.

A clock is one int64 array: the columns below, then the histogram.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rxpath.compile.jit import kernel as entry

EPOCH, DILATION = 0, 1
LAST = 2  # model ns of the last arrival, or up to which the model has run
CLAMPED, CLAMP_MAX = 3, 4  # arrivals that came after the model had passed them
LATE_MAX, OVER, BUDGET = 5, 6, 7  # model ns; frames over the budget; model ns
LATE = 8  # first bucket of the histogram
STEPS_LOG2 = 4
STEPS = 1 << STEPS_LOG2
BUCKETS = 64 * STEPS


def make(epoch: int, dilation: int, budget: int) -> np.ndarray:
    """Start a clock whose model time is 0 at wall time `epoch`; `budget` in model ns."""
    clock = np.zeros(LATE + BUCKETS, np.int64)
    clock[EPOCH], clock[DILATION], clock[BUDGET] = epoch, dilation, budget
    return clock


@entry
def model_ns(clock: np.ndarray, wall: int) -> int:
    """Model time at a wall time."""
    time: int = (wall - clock[EPOCH]) // clock[DILATION]
    return time


@entry
def wait_ns(clock: np.ndarray, deadline: int, wall: int, most: int) -> int:
    """Wall ns from `wall` until model time reaches `deadline`, between 0 and `most`."""
    if deadline > model_ns(clock, wall + most):
        return most
    wait: int = max(clock[EPOCH] + deadline * clock[DILATION] - wall, 0)
    return wait


@entry
def arrival_ns(clock: np.ndarray, stamp: int) -> int:
    """Model time of a frame stamped at wall ns `stamp`, never before an earlier one's.

    The stamp is taken before the frame reaches the socket, so a frame can show up after the model
    has passed it; it is then taken as arriving now, and counted.
    """
    time = model_ns(clock, stamp)
    if time < clock[LAST]:
        clock[CLAMPED] += 1
        clock[CLAMP_MAX] = max(clock[CLAMP_MAX], clock[LAST] - time)
        time = clock[LAST]
    clock[LAST] = time
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
def delivered(clock: np.ndarray, due: int, wall: int) -> None:
    """Note that a frame due at model time `due` went out at wall time `wall`."""
    late = max(model_ns(clock, wall) - due, 0)
    clock[LATE + bucket(late)] += 1
    clock[LATE_MAX] = max(clock[LATE_MAX], late)
    clock[OVER] += late > clock[BUDGET]


def rebase(clock: np.ndarray, wall: int, dilation: int) -> None:
    """Change the dilation at wall time `wall`; model time goes on from where it is."""
    now = int(model_ns(clock, wall))
    clock[EPOCH], clock[DILATION] = wall - now * dilation, dilation


def reset(clock: np.ndarray) -> None:
    """Forget what was measured; time goes on."""
    clock[LATE:] = 0
    clock[[CLAMPED, CLAMP_MAX, LATE_MAX, OVER]] = 0


def figures(clock: np.ndarray) -> dict[str, Any]:
    """Lateness in model ns: samples, max, p99, share over the budget; and clamped arrivals."""
    late = clock[LATE:]
    samples, longest = int(late.sum()), int(clock[LATE_MAX])
    rank = int(np.searchsorted(np.cumsum(late), max(1, -(-samples * 99 // 100))))
    return {
        "samples": samples,
        "max_ns": longest,
        "p99_ns": min(upper_bound(rank), longest) if samples else 0,
        "over_budget": int(clock[OVER]) / samples if samples else 0.0,
        "budget_ns": int(clock[BUDGET]),
        "clamped": int(clock[CLAMPED]),
        "clamp_max_ns": int(clock[CLAMP_MAX]),
    }
