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
    return _uniform(rng.poisson(_count(rate, duration)), duration, rng)


def poisson_of(rate: float, duration: float, rng: np.random.Generator) -> Offsets:
    """As `poisson`, of exactly `rate` * `duration` frames: for a load close to a capacity."""
    return _uniform(_count(rate, duration), duration, rng)


def _uniform(count: int, duration: float, rng: np.random.Generator) -> Offsets:
    """Given their number, a Poisson process's arrivals in an interval are uniform, sorted."""
    return np.sort(rng.integers(0, int(duration * _SECOND), count, dtype=np.int64))


def ramp(low: float, high: float, duration: float) -> Offsets:
    """From `low` to `high` frames/s, growing evenly over `duration` seconds."""
    if not 0 < low < high:
        raise UsageError("ramp", f"from {low} to {high} frames/s", "a growing rate")
    numbers = np.arange(_count((low + high) / 2, duration))
    # n(t) = low t + growth t^2 / 2, solved for t
    growth = (high - low) / duration
    seconds = (np.sqrt(low**2 + 2 * growth * numbers) - low) / growth
    return np.asarray(np.round(seconds * _SECOND), np.int64)


def surge(base: float, peak: float, duration: float, start: float, end: float) -> Offsets:
    """`base` frames/s, but `peak` frames/s between `start` and `end` (seconds)."""
    if not 0 <= start <= end <= duration:
        raise UsageError("surge", f"from {start} to {end} s", f"a part of 0 to {duration} s")
    before, within, after = (
        constant(base, start),
        constant(peak, end - start),
        constant(base, duration - end),
    )
    return follow((before, start), (within, end - start), (after, duration - end))


def follow(*parts: tuple[Offsets, float]) -> Offsets:
    """One schedule after the other; each is given with its duration (s)."""
    starts = np.cumsum([0.0, *(duration for _, duration in parts)])
    return np.concatenate(
        [
            offsets + round(start * _SECOND)
            for (offsets, _), start in zip(parts, starts, strict=False)
        ]
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
