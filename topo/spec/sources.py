"""Load a topology by name: a built-in one with its parameters, or a YAML file."""

import inspect
from pathlib import Path

from topo.errors import SpecError
from topo.spec.builders import BUILDERS
from topo.spec.model import Topology
from topo.spec.rules import check
from topo.spec.yaml_file import from_file

SUFFIXES = (".yaml", ".yml")


def load(source: str) -> Topology:
    """Return the checked topology that `source` names; raise SpecError.

    ``pair``, ``leafspine``, ``leafspine:leaves=4,machines=2``, ``fattree:k=4``, or a YAML file.
    """
    if source.endswith(SUFFIXES) or "/" in source:
        return from_file(Path(source))
    name, _, arguments = source.partition(":")
    if name not in BUILDERS:
        known = ", ".join(BUILDERS)
        raise SpecError(source, None, "", f"expected one of {known}, or a file *.yaml")
    builder = BUILDERS[name]
    numbers = _numbers(source, arguments, list(inspect.signature(builder).parameters))
    if name == "fattree" and numbers.get("k", 4) % 2:
        raise SpecError(source, None, "k", f"expected an even number, got {numbers['k']}")
    return check(builder(**numbers), source)


def _numbers(source: str, arguments: str, known: list[str]) -> dict[str, int]:
    numbers = {}
    for argument in filter(None, arguments.split(",")):
        key, _, value = argument.partition("=")
        if key not in known:
            expected = f"expected one of {', '.join(known)}" if known else "expected no parameters"
            raise SpecError(source, None, key, expected)
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= LARGEST:
            raise SpecError(source, None, key, f"expected a number from 1 to {LARGEST}")
        numbers[key] = int(value)
    return numbers


LARGEST = 64  # of any parameter; no laptop runs more switches or machines
