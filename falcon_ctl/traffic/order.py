"""Reordering as RFC 4737 defines it, on the sequence numbers in order of arrival."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """Arrivals of one flow.

    `reordered` counts singletons of RFC 4737 section 3.3, `max_extent` is the largest extent
    (section 4.2), `missing` are sequence numbers of 0..`sent`-1 that never arrived.
    """

    received: int
    reordered: int
    max_extent: int
    duplicates: int
    missing: int


def analyse(sequence: Sequence[int], sent: int) -> Order:
    """Order of arrivals `sequence` of a flow that sent 0..`sent`-1."""
    seen: set[int] = set()
    peaks: list[int] = []  # rising maxima of what has arrived
    peak_index: list[int] = []
    reordered = max_extent = duplicates = index = 0
    for value in sequence:
        if value in seen:
            duplicates += 1
            continue
        seen.add(value)
        if peaks and value < peaks[-1]:
            reordered += 1
            # Earliest arrival with a larger number: the first of the rising maxima above value.
            max_extent = max(max_extent, index - peak_index[bisect_right(peaks, value)])
        else:
            peaks.append(value)
            peak_index.append(index)
        index += 1
    missing = sent - sum(1 for value in seen if 0 <= value < sent)
    return Order(len(seen), reordered, max_extent, duplicates, missing)
