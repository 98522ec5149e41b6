"""Selection of flows by the CPUs that their stages run on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from falcon_ctl.errors import PartFailed
from falcon_ctl.traffic.flows import Flow

Hop = tuple[str, int]  # kind of stage, ifindex


@dataclass(frozen=True)
class Candidate:
    """A flow and the CPUs of its stages; `second` has those that FALCON may move."""

    flow: Flow
    first: dict[Hop, int]
    second: dict[Hop, int]

    @property
    def is_spread(self) -> bool:
        """No two of its stages share a CPU."""
        return len(set(self.first.values())) == len(self.first)

    @property
    def steered(self) -> set[int]:
        """CPUs of the stages that FALCON may move."""
        return {self.first[hop] for hop in self.second}


def spread(candidates: Sequence[Candidate]) -> Candidate:
    """A flow whose stages all have different CPUs, as in the talk's single-flow figures.

    Raises:
        PartFailed: there is none.
    """
    for candidate in candidates:
        if candidate.is_spread:
            return candidate
    raise PartFailed("flows", f"none of {len(candidates)} has all stages on different CPUs")


def colliding(candidates: Sequence[Candidate]) -> tuple[Candidate, Candidate, int]:
    """Two spread flows that share exactly one CPU, whose second choice there is a free one.

    Returns:
        The flow that is to surge, the other, and the CPU that they share.

    Raises:
        PartFailed: there are none.
    """
    for one, other in combinations([c for c in candidates if c.is_spread], 2):
        shared = one.steered & other.steered
        taken = one.steered | other.steered
        moves = {c.second[hop] for c in (one, other) for hop in c.second if c.first[hop] in shared}
        if len(shared) == 1 and not moves & taken:
            return one, other, shared.pop()
    raise PartFailed("flows", f"no two of {len(candidates)} collide in one stage")
