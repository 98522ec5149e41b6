"""Numbers as a reader takes them in at a glance. Pure."""

from __future__ import annotations

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


def model_time(ns: int) -> str:
    """A model time in ms: `1,234.567 ms`."""
    return f"{ns / 1e6:,.3f} ms"
