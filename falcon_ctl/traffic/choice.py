"""Which flows an experiment takes, by the CPUs that their stages get. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from falcon_ctl.errors import PartFailed
from falcon_ctl.traffic.flows import Flow

Hop = tuple[str, int]  # kind of stage, ifindex


@dataclass(frozen=True)
class Candidate:
    """A flow and where FALCON puts each of its stages: first choices, and second ones."""

    flow: Flow
    first: dict[Hop, int]
    second: dict[Hop, int]

    @property
    def is_spread(self) -> bool:
        """No two of its stages share a CPU."""
        return len(set(self.first.values())) == len(self.first)


def spread(candidates: Sequence[Candidate]) -> Candidate:
    """A flow whose stages all have a CPU of their own, as in the talk's single-flow figures.

    Raises:
        PartFailed: there is none.
    """
    for candidate in candidates:
        if candidate.is_spread:
            return candidate
    raise PartFailed("flows", f"none of {len(candidates)} has all stages on CPUs of their own")


def colliding(candidates: Sequence[Candidate]) -> tuple[Candidate, Candidate, int]:
    """Two spread flows that share exactly one CPU, whose second choice there is a free one.

    Returns:
        The flow that is to surge, the other, and the CPU that they share.

    Raises:
        PartFailed: there are none.
    """
    for one, other in combinations([c for c in candidates if c.is_spread], 2):
        shared = set(one.first.values()) & set(other.first.values())
        taken = set(one.first.values()) | set(other.first.values())
        if len(shared) != 1:
            continue
        (cpu,) = shared
        moves = [
            c.second.get(hop) for c in (one, other) for hop, at in c.first.items() if at == cpu
        ]
        if None not in moves and not set(moves) & taken:
            return one, other, cpu
    raise PartFailed("flows", f"no two of {len(candidates)} collide in one stage")
