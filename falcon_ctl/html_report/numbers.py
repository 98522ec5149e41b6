"""Numbers as CSV files have them. Pure."""

from __future__ import annotations

import math


def number(text: str | float | None) -> float | None:
    """A finite number; None where there is none."""
    try:
        value = float(text) if text not in ("", None) else math.nan
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
