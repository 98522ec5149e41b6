"""Which constructs of the BMv2 JSON format v1switch implements, and which a program has.

Both come from the code: the reader's lists of keywords, and the classes of its model.
A construct is (kind, name), as docs/v1switch-constructs.md names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from types import ModuleType

from tests.v1switch.golden import names
from tests.v1switch.scenarios import program_path
from v1switch.lower.demand import walk
from v1switch.program import (
    expression_reader,
    expressions,
    load_file,
    model,
    packet_model,
    pipeline_reader,
    primitives,
)
from v1switch.program.model import Program

Construct = tuple[str, str]

CHOICES = {  # attribute of a model's class: its name here
    ("Primitive", "op"): "primitive",
    ("Operation", "op"): "operator",
    ("KeyField", "match_kind"): "match",
    ("Table", "match_type"): "table",
    ("Table", "implementation"): "implementation",
    ("Calculation", "algo"): "hash",
    ("ActionProfile", "selector_algo"): "selector hash",
    ("CalculationInput", "kind"): "hash input",
    ("Extract", "kind"): "extract",
    ("Transition", "kind"): "transition",
    ("MeterArray", "unit"): "meter of",
}
FLAGS = {  # optional attributes
    *{("FieldType", "signed"), ("FieldType", "saturating"), ("HeaderType", "varbit")},
    *{("Checksum", "update"), ("Checksum", "verify"), ("Checksum", "condition")},
    *{("Table", "with_counters"), ("Table", "support_timeout"), ("Table", "direct_meter")},
    *{("Table", "hit_miss"), ("Table", "const_entries"), ("Table", "default_entry")},
    *{("KeyField", "mask"), ("Transition", "mask"), ("Extract", "length")},
    *{("HeaderType", "length_expr"), ("CounterArray", "binding"), ("MeterArray", "binding")},
}
WORDS = {
    "primitive": primitives.PRIMITIVES,
    "operator": {*expression_reader.BINARY, *expression_reader.UNARY, "?"},
    "match": pipeline_reader.MATCH_KINDS,
    "table": pipeline_reader.TABLE_KINDS,
    "implementation": pipeline_reader.IMPLEMENTATIONS,
    "hash": pipeline_reader.ALGORITHMS,
    "selector hash": pipeline_reader.ALGORITHMS,
    "hash input": ("field", "hexstr", "header", "payload"),
    "extract": ("regular", "stack", "union_stack"),
    "transition": ("default", "value", "value_set"),
    "meter of": ("packets", "bytes"),
}


def _classes(module: ModuleType) -> Iterator[str]:
    for name, found in vars(module).items():
        if is_dataclass(found) and found.__module__ == module.__name__:
            yield name


def implemented() -> set[Construct]:
    """Everything that v1switch's reader accepts."""
    classes = {
        ("class", n) for module in (expressions, model, packet_model) for n in _classes(module)
    }
    words = {(kind, word) for kind, words in WORDS.items() for word in words}
    return classes | words | {("attribute", f"{owner}.{flag}") for owner, flag in FLAGS}


def appearing(program: Program) -> set[Construct]:
    """Every construct of a program."""
    found: set[Construct] = set()
    for node in walk(program):
        owner = type(node).__name__
        found.add(("class", owner))
        for (of, attribute), kind in CHOICES.items():
            if of == owner and getattr(node, attribute) is not None:
                found.add((kind, str(getattr(node, attribute))))
        for of, flag in FLAGS:
            if of == owner and getattr(node, flag):
                found.add(("attribute", f"{owner}.{flag}"))
    return found


# -- docs/v1switch-constructs.md ------------------------------------------------------------------

NOT_COMPARED = {
    ("hash", "random"): "BMv2 has no such algorithm; `test_hashes.py`",
    ("selector hash", "random"): "BMv2 has no such algorithm",
    ("match", "optional"): "BMv2 knows no such word, p4c writes `ternary`: program `rules`",
    ("class", "UnionMember"): (
        "BMv2 takes `access_union_header` for `access_field` and ends; `test_unlike_bmv2.py`"
    ),
}
SHOWN = 4  # programs that a row names at most


def by_program() -> dict[str, set[Construct]]:
    """The constructs of every program that has a case."""
    return {name: appearing(load_file(program_path(name))) for name in names()}


def rows(programs: dict[str, set[Construct]]) -> list[str]:
    """The lines of the table: each construct with programs that have it, the smallest first."""
    lines = ["| kind | construct | programs |", "|---|---|---|"]
    smallest_first = sorted(programs, key=lambda name: (len(programs[name]), name))
    for kind, word in sorted(implemented()):
        having = [name for name in smallest_first if (kind, word) in programs[name]]
        more = ", …" if len(having) > SHOWN else ""
        shown = ", ".join(having[:SHOWN]) + more or NOT_COMPARED[kind, word]
        escaped = word.replace("|", "\\|")
        lines.append(f"| {kind} | `{escaped}` | {shown} |")
    return lines


if __name__ == "__main__":
    print("\n".join(rows(by_program())))
