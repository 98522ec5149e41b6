"""Who is where: from the scores of all rounds to a table. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LOWEST = 1e-3  # a score that is lower counts as this
DIGITS = 6  # means that agree in so many are equal


@dataclass(frozen=True)
class Standing:
    """A player's place.

    Attributes:
        place: from 1 on; students with equal means share one. 0: did not play.
        name: a student's id, or what an opponent is called.
        opponent: everybody meets it, and it is nobody's submission.
        mean: geometric, of the scores of all rounds.
        won: rounds in which no student had a higher score.
        beaten: students whose mean is lower.
        kinds: round's name → geometric mean of the scores in rounds of this name.
        worst: the lowest score.
        why_not: why it did not play, "" if it did.
    """

    place: int
    name: str
    opponent: bool = False
    mean: float = 0.0
    won: int = 0
    beaten: int = 0
    kinds: Mapping[str, float] = field(default_factory=dict)
    worst: float = 0.0
    why_not: str = ""


def standings(
    rounds: Sequence[str],
    students: Mapping[str, Sequence[float]],
    opponents: Mapping[str, Sequence[float]],
    absent: Mapping[str, str],
) -> list[Standing]:
    """The table, best first; who did not play comes last.

    Args:
        rounds: the name of each round.
        students: id → scores, one a round.
        opponents: name → scores, likewise.
        absent: id → why it did not play.
    """
    means = [round(mean(scores), DIGITS) for scores in students.values()]
    best = [max(column) for column in zip(*students.values(), strict=True)]

    def standing(name: str, scores: Sequence[float], opponent: bool) -> Standing:
        own = mean(scores)
        return Standing(
            place=1 + sum(other > round(own, DIGITS) for other in means),
            name=name,
            opponent=opponent,
            mean=own,
            won=0 if opponent else sum(map(math.isclose, scores, best)),
            beaten=sum(other < round(own, DIGITS) for other in means),
            kinds=_by_kind(rounds, scores),
            worst=min(scores),
        )

    found = [standing(name, scores, False) for name, scores in students.items()]
    found += [standing(name, scores, True) for name, scores in opponents.items()]
    found.sort(key=lambda one: (-round(one.mean, DIGITS), one.opponent, one.name))
    return found + [Standing(0, name, why_not=why) for name, why in sorted(absent.items())]


def mean(scores: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(math.fsum(math.log(max(LOWEST, one)) for one in scores) / len(scores))


def _by_kind(rounds: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    both = list(zip(rounds, scores, strict=True))
    return {
        kind: mean([score for one, score in both if one == kind]) for kind in dict.fromkeys(rounds)
    }
