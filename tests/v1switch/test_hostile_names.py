"""Names that a program may have and Python may not: whatever becomes an identifier is made one."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.engines.native import machine
from v1switch.engines.native.printer.function import print_switch
from v1switch.engines.python.compiler import compile_program
from v1switch.engines.python.engine import PythonEngine
from v1switch.lower import lower
from v1switch.program.loader import load_program

PROGRAMS = ("stacks", "unions", "variable")
WORDS = (
    *("class", "None", "lambda", "def", "import", "return", "True", "self", "run", "frame"),
    *("port", "now", "out", "work", "len", "int", "bytes", "state", "kind", "restore"),
    *("frame_length", "rows", "k", "c", "b", "d", "make"),
)
STYLES: dict[str, Callable[[int, str], str]] = {
    "a leading digit": lambda n, old: f"{n}{old}",
    "digits": lambda n, _: str(n),
    "keywords": lambda n, _: WORDS[n % len(WORDS)] + "_" * (n // len(WORDS)),
    "letters of other scripts": lambda n, _: "é名ﬁßΩ"[n % 5] * (n // 5 + 1),
    "the same but for signs": lambda n, _: "".join("._- '\"{}%#\\"[int(c)] for c in f"{n:03o}"),
    "generated suffixes": lambda n, _: "h" + "_" * n + ("__V", "__N", "__D", "__O")[n % 4],
}
LISTS = (
    *("headers", "header_stacks", "header_unions", "header_union_stacks", "header_types"),
    *("actions", "counter_arrays", "meter_arrays", "register_arrays", "calculations"),
    *("learn_lists", "parse_vsets", "field_lists"),
)
FIXED = {"standard_metadata", "ingress", "egress", "parser", "deparser", "start"}


def names(document: dict[str, Any]) -> Iterator[str]:
    """The names of all objects, their fields and parameters."""
    for kind in LISTS:
        yield from (each["name"] for each in document.get(kind) or ())
    for kind in document["header_types"]:
        if kind["name"] != "standard_metadata":
            yield from (field[0] for field in kind["fields"])
    for action in document["actions"]:
        yield from (param["name"] for param in action["runtime_data"])
    for pipeline in document["pipelines"]:
        for kind in ("tables", "conditionals", "action_profiles"):
            yield from (each["name"] for each in pipeline[kind])


def words(value: Any, inside: str = "") -> Iterator[str]:
    """What is no name: members of the format, and its constants."""
    if isinstance(value, dict):
        for key, member in value.items():
            if inside != "next_tables":
                yield key
            if key in ("type", "op", "match_type", "algo") and isinstance(member, str):
                yield member
            yield from words(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from words(member)


def renamed(document: dict[str, Any], style: str) -> dict[str, Any]:
    """The same program with other names."""
    standard = next(t for t in document["header_types"] if t["name"] == "standard_metadata")
    kept = {*FIXED, *words(document), *(field[0] for field in standard["fields"])}
    wanted = [name for name in dict.fromkeys(names(document)) if name not in kept]
    new = {old: STYLES[style](n, old) for n, old in enumerate(wanted)}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {new.get(key, key): walk(member) for key, member in value.items()}
        if isinstance(value, list):
            return [walk(member) for member in value]
        return new.get(value, value) if isinstance(value, str) else value

    return {key: value if key == "__meta__" else walk(value) for key, value in document.items()}


def outputs(text: str) -> list[list[tuple[int, bytes]]]:
    """What becomes of some frames."""
    plane, rng = Dataplane(PythonEngine()), random.Random(7)
    plane.load(load_program(text))
    return [plane.process(rng.randrange(4), rng.randbytes(60), 0) for _ in range(40)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_programs_names_do_not_matter(name, style):
    document = json.loads((COMPILED / f"{name}.json").read_text())
    text = json.dumps(renamed(document, style))
    assert outputs(text) == outputs(json.dumps(document))
    compile_program(load_program(text), traced=True)
    machine.parse(print_switch(lower(load_program(text))).text)
