"""Numbers as a reader takes them in at a glance. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def rate(per_second: float, unit: str) -> str:
    """`1,185 kpps`, `12.3 Gbit/s`: a rate with three or four digits."""
    for size, prefix in _UNITS:
        if per_second >= size * (10 if unit == "pps" and prefix != "k" else 1):
            return f"{digits(per_second / size)} {prefix}{unit}"
    return f"{per_second:.0f} {unit}"


def digits(value: float) -> str:
    """Three digits at least: `1.18`, `11.8`, `118`, `1,185`."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def percentile(latencies: Sequence[tuple[int, int]], share: float) -> int:
    """The latency that `share` of the frames have at most; of a histogram (largest, frames)."""
    frames, seen = sum(count for _, count in latencies), 0
    for bound, count in sorted(latencies):
        seen += count
        if seen >= share * frames:
            return bound
    return 0


def duration(ns: float) -> str:
    """`59.4 µs`, `1.55 ms`."""
    return f"{digits(ns / 1e6)} ms" if ns >= 1e6 else f"{digits(ns / 1e3)} µs"


def model_time(ns: int) -> str:
    """A model time in ms: `1,234.567 ms`."""
    return f"{ns / 1e6:,.3f} ms"
