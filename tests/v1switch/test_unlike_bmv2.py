"""Constructs on which BMv2 (1.15.5) aborts, so that they cannot be compared."""

import json
from typing import Any

import pytest

from tests.v1switch.golden import read
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.program import load_program


def program(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COMPILED / f"{name}.json").read_text())
    return found


def running(changed: dict[str, Any]) -> Dataplane:
    dataplane = Dataplane(PythonEngine())
    dataplane.load(load_program(json.dumps(changed)))
    return dataplane


def operation(op: str, left: object, right: object) -> dict[str, Any]:
    return {"type": "expression", "value": {"op": op, "left": left, "right": right}}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_member_of_a_union_at_a_computed_place(at: int) -> None:
    changed = program("unions")
    place = {"type": "field", "value": ["order", "at"]}
    stack = {"type": "header_union_stack", "value": "items"}
    member = operation("access_union_header", operation("dereference_union_stack", stack, place), 0)
    target = operation("access_field", member, 1)
    (push,) = (a for a in changed["actions"] if a["name"] == "UnionIngress.push")
    value = {"type": "hexstr", "value": "0xe1"}
    push["primitives"] = [{"op": "assign", "parameters": [target, value]}]
    ((_, out),) = running(changed).process(1, bytes([5, at, 1]) + b"\1\1" + b"\x11\2" * 3 + b"\0")
    items = out[9:]
    assert items == b"".join(b"\x11" + (b"\xe1" if n == at else b"\2") for n in range(3)) + b"\0"


def test_the_last_element_as_p4c_writes_it() -> None:
    case, expected = read("lasts")
    changed = program("lasts")
    mended = json.dumps(changed)
    last = operation("last_stack_index", None, {"type": "header_stack", "value": "items"})
    stack = {"type": "header_stack", "value": "items"}
    element = operation("dereference_header_stack", stack, last)
    written = {"type": "stack_field", "value": ["items", "last"]}
    raw = mended.replace(json.dumps(element), json.dumps(written))
    assert raw.count(json.dumps(written)) == 2
    dataplane = running(json.loads(raw))
    out = [found.hex() for _, frame in case.frames for _, found in dataplane.process(1, frame)]
    assert out == expected["frames"]["2"]
