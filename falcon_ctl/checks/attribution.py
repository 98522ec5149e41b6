"""Attributes losses: where a run lost its own frames, and drops of other traffic.

At each hop of a run's path its own frames are counted where they come in and where they come out
(`falcon_ctl.capture.bpf`), so how many were lost there is known apart from any drop counter.  The
parts' drop counters say why, but count everybody's frames.  Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# What no frame of a run meets in a network that works: drops for these are others' first.
FOREIGN_REASONS = ("NOT_UNDERLAY", "UNTAGGED", "NOT_OUR_MAC", "LINK_LOCAL", "not_ours")


@dataclass(frozen=True)
class Hop:
    """A part of the path.

    `came`, `went`: the run's own frames. `counted`: drops by place, of anybody's frames. `residual`
    names what was lost and is in no counter.
    """

    came: int
    went: int
    counted: Mapping[str, int]
    residual: str


@dataclass(frozen=True)
class Losses:
    """Lost frames by place: of the run (`own`), and of others (`foreign`)."""

    own: Mapping[str, int] = field(default_factory=dict)
    foreign: Mapping[str, int] = field(default_factory=dict)


def attribute(hops: Iterable[Hop]) -> Losses:
    """The losses of a path."""
    own: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    for hop in hops:
        lost = max(0, hop.came - hop.went)  # a flooded frame goes out more often than it came
        counted = {place: count for place, count in hop.counted.items() if count > 0}
        surplus = sum(counted.values()) - lost
        if surplus <= 0:
            own.update(counted)
            own[hop.residual] -= surplus
            continue
        left = _without_foreign(counted, surplus)
        if lost:
            own[" or ".join(left)] += lost
        foreign.update(_of_others(counted, left, lost))
    return Losses(_positive(own), _positive(foreign))


def _without_foreign(counted: Mapping[str, int], surplus: int) -> dict[str, int]:
    """Drops that may be the run's: `surplus` less, as far as others' reasons explain them."""
    left = dict(counted)
    for place in counted:
        if place.endswith(FOREIGN_REASONS):
            taken = min(surplus, left[place])
            left[place] -= taken
            surplus -= taken
    return {place: count for place, count in left.items() if count}


def _of_others(counted: Mapping[str, int], left: Mapping[str, int], lost: int) -> dict[str, int]:
    """Drops of others: what strangers' reasons explain, and the rest under its places' names."""
    found = {place: count - left.get(place, 0) for place, count in counted.items()}
    if (rest := sum(left.values()) - lost) > 0:
        place = " or ".join(left)
        found[place] = found.get(place, 0) + rest
    return found


def _positive(counts: Mapping[str, int]) -> dict[str, int]:
    return {place: count for place, count in counts.items() if count > 0}
