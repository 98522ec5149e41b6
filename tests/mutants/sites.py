"""Where source code can be mutated, and how: mutmut's operators and a sample by seed.

mutmut itself leaves decorated functions alone, which all kernels are, so the walk is our own.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

# Texts are messages and names, which tests spell out where they matter.
OPERATORS = [each for each in mutation_operators if each[1] is not operator_string]
# What nothing evaluates, or what interpreted kernels do not have.
SKIPPED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        file: path from the project's root.
        line: number of the first line of what is changed.
        number: which of the file's mutants, from 0.
        was: the first line that differs, as it stands, without indentation.
        becomes: the same line of the mutant.
        source: the whole file with the change.
    """

    file: str
    line: int
    number: int
    was: str
    becomes: str
    source: str


class Sites(cst.CSTVisitor):
    """All changes of a module: (node, its replacement, line)."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, int]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, SKIPPED):
            return False
        position = self.get_metadata(PositionProvider, node, None)
        line = position.start.line if position else 0
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.found += [(node, changed, line) for changed in operator(node)]
        return True


@cache
def sites(path: Path) -> tuple[cst.Module, list[tuple[cst.CSTNode, cst.CSTNode, int]]]:
    """Return a file's tree and all changes that can be made to it."""
    visitor = Sites()
    module = MetadataWrapper(cst.parse_module(path.read_text())).visit(visitor)
    return module, visitor.found


def sample(root: Path, files: Iterable[str], count: int, seed: int) -> Iterator[Mutant]:
    """Draw mutants: first nodes, all alike, then one of the changes that each node allows."""
    choices: dict[tuple[str, int], list[int]] = defaultdict(list)
    for file in sorted(files):
        first: dict[int, int] = {}
        for number, (node, _, _) in enumerate(sites(root / file)[1]):
            choices[file, first.setdefault(id(node), number)].append(number)
    rng = random.Random(seed)
    for place in sorted(rng.sample(sorted(choices), min(count, len(choices)))):
        yield mutant(root, place[0], rng.choice(choices[place]))


def mutant(root: Path, file: str, number: int) -> Mutant:
    """Make one change."""
    module, found = sites(root / file)
    node, changed, line = found[number]
    source = module.deep_replace(node, changed).code
    pairs = zip(module.code.splitlines(), source.splitlines(), strict=False)
    was, becomes = next(((a.strip(), b.strip()) for a, b in pairs if a != b), ("", ""))
    return Mutant(file, line, number, was, becomes, source)
