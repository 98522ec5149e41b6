"""Sampling of packets for a timeline that would be too large. Pure, deterministic.

Those that arrive in windows of equal length at equal distances. Within a window every packet is
shown whole, so that the cores look there as they were; packets taken one by one would make busy
cores look idle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.timeline.packets import Integers

MOST_SLICES = 200_000  # of a timeline; Perfetto opens it in a second, the file has 15 MB
_WINDOWS = 20
_LEAST_NS = 50_000  # of a window, which has to show some packets behind one another


class Window(NamedTuple):
    """Packets that arrive from `start` on and before `end` are shown."""

    start: int
    end: int


def windows(start: int, end: int, share: float) -> list[Window]:
    """Windows that together are a `share` of the time from `start` to `end`, ns."""
    if share >= 1:
        return [Window(start, end + 1)]
    span = end + 1 - start
    count = max(1, min(_WINDOWS, int(share * span / _LEAST_NS)))
    period, length = span / count, share * span / count
    begins = [start + round(number * period) for number in range(count)]
    return [Window(begin, begin + max(1, round(length))) for begin in begins]


def chosen(arrivals: Integers, shown: list[Window]) -> NDArray[np.bool_]:
    """A mask of the arrivals in these windows."""
    begins = np.array([one.start for one in shown])
    ends = np.array([one.end for one in shown])
    place = np.searchsorted(begins, arrivals, side="right") - 1
    inside: NDArray[np.bool_] = (place >= 0) & (arrivals < ends[place])
    return inside
