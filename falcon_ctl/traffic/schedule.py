"""When frames are due: offsets from the start, int64 ns, sorted. Pure; randomness is handed in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.errors import UsageError

Offsets = NDArray[np.int64]
MAX_FRAMES = 200_000
_SECOND = 1_000_000_000


def constant(rate: float, duration: float) -> Offsets:
    """`rate` frames/s in equal gaps for `duration` seconds, the first at 0."""
    count = _count(rate, duration)
    return np.round(np.arange(count) * (_SECOND / rate)).astype(np.int64)


def poisson(rate: float, duration: float, rng: np.random.Generator) -> Offsets:
    """Exponential gaps with mean 1/`rate` s, as independent users would send."""
    count = _count(rate, duration)
    # Given their number, a Poisson process's arrivals in an interval are uniform, sorted.
    arrivals = rng.poisson(count)
    return np.sort(rng.integers(0, int(duration * _SECOND), arrivals, dtype=np.int64))


def surge(base: float, peak: float, duration: float, start: float, end: float) -> Offsets:
    """`base` frames/s, but `peak` frames/s between `start` and `end` (seconds)."""
    if not 0 <= start <= end <= duration:
        raise UsageError("surge", f"from {start} to {end} s", f"a part of 0 to {duration} s")
    parts = ((base, 0.0, start), (peak, start, end), (base, end, duration))
    return np.concatenate(
        [constant(rate, to - since) + round(since * _SECOND) for rate, since, to in parts]
    )


def burst(count: int, gap_ns: int, pause_ns: int, bursts: int) -> Offsets:
    """`bursts` trains of `count` frames, `gap_ns` apart within and `pause_ns` between trains."""
    train = np.arange(count, dtype=np.int64) * gap_ns
    starts = np.arange(bursts, dtype=np.int64) * (count * gap_ns + pause_ns)
    return (starts[:, None] + train[None, :]).ravel()


def merge(schedules: Sequence[Offsets]) -> tuple[Offsets, NDArray[np.int64]]:
    """All schedules as one: sorted offsets and the index of the schedule that each belongs to."""
    if not schedules:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    offsets = np.concatenate(schedules)
    flows = np.repeat(np.arange(len(schedules)), [len(s) for s in schedules])
    order = np.argsort(offsets, kind="stable")
    return offsets[order], flows[order]


def _count(rate: float, duration: float) -> int:
    if rate <= 0 or duration < 0:
        raise UsageError("schedule", f"{rate} frames/s for {duration} s", "positive numbers")
    count = int(rate * duration)
    if count > MAX_FRAMES:
        raise UsageError("schedule", f"{count} frames", f"at most {MAX_FRAMES}")
    return count
