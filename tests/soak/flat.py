"""Whether a series of samples grows: Theil-Sen's slope, which outliers do not move. Pure.

H. Theil (1950), P. K. Sen (1968): the median of the slopes of all pairs of points; up to 29 % of
the points may be anything.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Growth(NamedTuple):
    """How a series grew from its first to its last sample, by its slope; `limit`: what may be."""

    name: str
    first: float
    last: float
    grown: float
    limit: float

    @property
    def is_flat(self) -> bool:
        return self.grown <= self.limit


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Units per second; 0 for fewer than two samples."""
    t, v = np.asarray(times, float), np.asarray(values, float)
    earlier, later = np.triu_indices(len(t), 1)
    spans = t[later] - t[earlier]
    return (
        float(np.median((v[later] - v[earlier])[spans > 0] / spans[spans > 0]))
        if len(t) > 1
        else 0.0
    )


def growth(name: str, times: Sequence[float], values: Sequence[float], limit: float) -> Growth:
    """The growth over all samples, compared with `limit` units in that time."""
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    grown = slope(times, values) * span
    return Growth(name, values[0], values[-1], round(grown, 3), limit)
