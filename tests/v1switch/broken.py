"""Test programs with something broken in them, and how the switch refuses them."""

import json
from typing import Any

import pytest

from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Engine
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import ProgramError
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.text import TextView
from v1switch.program import load_program
from v1switch.program.model import Program
from v1switch.state.entries import ActionCall

Json = Any
FIELD, ZERO = ["standard_metadata", "egress_spec"], {"type": "hexstr", "value": "0x0"}


def source(name: str) -> Json:
    return json.loads((COMPILED / f"{name}.json").read_text())


def engine(traced: bool) -> Engine:
    """Plain Python, or the engine that explains; its explanations are written as text, too."""
    return TracingEngine(_write) if traced else PythonEngine()


def _write(program: Program, explanation: Explanation) -> None:
    lines = list(TextView(program).lines(explanation))
    assert lines
    assert all(line.isprintable() for line in lines)


def plane(program: Json, traced: bool = False) -> Dataplane:
    made = Dataplane(engine(traced))
    made.load(load_program(json.dumps(program)))
    return made


def run_first_actions(plane: Dataplane) -> None:
    """Have each table that can do its first action, with parameters 0, when it misses."""
    assert plane.program is not None
    for table in plane.program.tables.values():
        action = plane.program.actions[table.actions[0]]
        if table.implementation == "simple" and not (
            table.default_entry and table.default_entry.const_action
        ):
            plane.set_default(table.name, ActionCall(action.name, (0,) * len(action.params)))


def refusal(program: Json) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        plane(program)
    assert "\n" not in str(caught.value)
    return caught.value


def named(items: Json, name: str) -> Json:
    return next(each for each in items if each["name"] == name)


def field(*path: str) -> Json:
    return {"type": "field", "value": list(path)}


def expression(op: str, left: Json, right: Json) -> Json:
    return {"type": "expression", "value": {"op": op, "left": left, "right": right}}


def assigning(value: Json, name: str = "wire", target: Json = None) -> Json:
    """A program whose first action with a primitive assigns a value to a field."""
    program = source(name)
    action = next(each for each in program["actions"] if each["primitives"])
    call = {"op": "assign", "parameters": [target or field(*FIELD), value]}
    action["primitives"] = [call]
    return program


def const_table(name: str = "MatchIngress.patterned") -> tuple[Json, Json]:
    program = source("matching")
    return program, named(program["pipelines"][0]["tables"], name)
