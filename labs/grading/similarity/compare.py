"""How much of two submissions is the same: the share of runs of tokens that both have.

A run is `RUN` tokens in a row; a submission is the set of its runs, without those of the files that
everybody was given. So moved functions, new names, other numbers and added code change little
[the k-grams of Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003; all are kept, as a class is
small].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from labs.grading.similarity.tokens import is_program, tokens

RUN = 8
FEWEST = 12  # runs of its own that a submission needs to be compared
LIKE = 0.7  # share from which two submissions are listed
MOST_PAIRS = 200

Runs = frozenset[tuple[str, ...]]


class Pair(NamedTuple):
    """Two submissions: `shared` of 1 is the same, `own` likewise but for what the reference has."""

    first: str
    second: str
    shared: float
    own: float | None  # None: nearly all of both is in the reference


class Similar(NamedTuple):
    """The pairs, most similar first, and for each submission its share of the reference."""

    pairs: Sequence[Pair]
    reference: Mapping[str, float]


def runs(files: Mapping[str, bytes], template: Runs = frozenset()) -> Runs:
    """The runs of tokens of a submission, without those of a template."""
    found: set[tuple[str, ...]] = set()
    for name, data in files.items():
        if is_program(name):
            read = tokens(name, data)
            found.update(tuple(read[at : at + RUN]) for at in range(len(read) - RUN + 1))
    return frozenset(found) - template


def compare(
    submissions: Mapping[str, Mapping[str, bytes]],
    template: Mapping[str, bytes],
    reference: Mapping[str, bytes],
) -> Similar:
    """The similar pairs among submissions.

    Args:
        submissions: id → the files.
        template: the files that everybody was given.
        reference: those of the reference solution.
    """
    given = runs(template)
    solution = runs(reference, given)
    by_id = {name: runs(files, given) for name, files in submissions.items()}
    by_id = {name: found for name, found in by_id.items() if len(found) >= FEWEST}
    pairs = []
    for (first, one), (second, other) in combinations(sorted(by_id.items()), 2):
        shared = _share(one, other)
        if shared >= LIKE:
            rest = one - solution, other - solution
            own = _share(*rest) if min(map(len, rest)) >= FEWEST else None
            pairs.append(Pair(first, second, shared, own))
    pairs.sort(
        key=lambda pair: (-(pair.own if pair.own is not None else 0.0), -pair.shared, pair[:2])
    )
    likeness = {name: _share(found, solution) for name, found in sorted(by_id.items())}
    return Similar(pairs[:MOST_PAIRS], likeness)


def _share(one: Runs, other: Runs) -> float:
    """Of the smaller one's runs, those that the other has, too."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
