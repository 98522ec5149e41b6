"""Findings of p4c's own tests (docs/stf.md), on small programs."""

import json
from typing import Any

import pytest

from tests.v1switch.corpus import vectors
from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import ProgramError
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.program import load_program

DROPPING, HEADERS, LOOPS = loaded("dropping"), loaded("headers"), loaded("loops")
ONE, TWO, THREE = (b"\x12\x34\0" + bytes([n]) for n in (1, 2, 3))


def internet_checksum(data: bytes) -> int:
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return ~(total % 0xFFFF) & 0xFFFF


def without_copies() -> dict[str, Any]:
    """The program of headers where nothing copies the header `three`."""
    program: dict[str, Any] = json.loads((COMPILED / "headers.json").read_text())
    for action in program["actions"]:
        for call in action["primitives"]:
            if {"type": "header", "value": "three"} in call["parameters"]:
                call.update(op="no_op", parameters=[])
    return program


def running(program: object) -> Dataplane:
    dataplane = Dataplane(PythonEngine())
    dataplane.load(load_program(json.dumps(program)))
    return dataplane


def headers(
    what: int,
    y: int = 0,
    flags: bytes = b"\x80\7\x09",
    rest: bytes = TWO + THREE,
    on: Dataplane = HEADERS,
) -> bytes:
    """What the program sends for a frame of its headers, between the first and the payload."""
    frame = bytes([what, 1, y]) + flags + ONE + rest
    ((port, out),) = on.process(1, frame + b"tail")
    assert port == 2
    assert out[:3] == frame[:3]
    assert out.endswith(b"tail")
    return out[3:-4]


def test_a_drop_needs_no_other_mention_of_egress_spec() -> None:
    assert DROPPING.process(1, b"\1frame") == []
    assert DROPPING.process(1, b"\2frame") == []
    assert DROPPING.process(1, b"\3frame") == [(0, b"\3frame")]


def test_headers_that_nothing_writes_to_are_copied() -> None:
    assert headers(0)[3:-4] == ONE + TWO + THREE
    assert headers(1)[3:-4] == ONE + TWO + THREE + THREE
    assert headers(9, rest=b"")[3:-4] == ONE, "an invalid one makes the copy invalid"


@pytest.mark.parametrize("two", [TWO, ONE, b"\0\0\0\1"])
def test_headers_are_compared_and_hashed(two: bytes) -> None:
    equal, found, *check = headers(0, rest=two + THREE)[-4:]
    assert (equal, found) == (two == ONE, 0)
    assert int.from_bytes(bytes(check), "big") == internet_checksum(two)


def test_headers_that_nothing_looks_into_are_hashed() -> None:
    program = without_copies()
    program["calculations"][0]["input"][0]["value"] = "three"
    check = headers(0, on=running(program))[-2:]
    assert int.from_bytes(check, "big") == internet_checksum(THREE)


@pytest.mark.parametrize("other", [TWO, THREE])
def test_headers_that_nothing_looks_into_are_compared(other: bytes) -> None:
    program = without_copies()
    (raw,) = [h for h in program["headers"] if h["name"] == "three"]
    raw["header_type"] = "pair_h"  # headers of one type are compared, or none
    ifs = program["pipelines"][0]["conditionals"]
    (choice,) = [c for c in ifs if "hdr.one == hdr.two" in c["source_info"]["source_fragment"]]
    three, two = ({"type": "header", "value": name} for name in ("three", "two"))
    equal = {"op": "==", "left": three, "right": two}
    choice["expression"] = {"type": "expression", "value": equal}
    assert headers(0, rest=other + THREE, on=running(program))[-4] == (other == THREE)


def test_a_field_of_a_struct_in_a_header_is_a_key() -> None:
    assert [headers(0, y)[-3] for y in (4, 5, 6)] == [0, 0x55, 0x66]


@pytest.mark.parametrize(
    ("what", "flags", "out"),
    [
        (3, b"\x80\7\x09", b"\x03\7\x09"),
        (3, b"\x04\7\x09", b"\x83\7\x09"),
        (4, b"\x80\7\x09", b""),
        (5, b"\x80\7\x09", b"\x80\7\x08"),
        (0, b"\xff\7\x09", b"\xff\7\x09"),
    ],
)
def test_boolean_fields_and_fields_named_as_we_name_things(
    what: int, flags: bytes, out: bytes
) -> None:
    assert headers(what, flags=flags)[: -4 - 12] == out


@pytest.mark.parametrize(("value", "ok"), [(0, True), (1, True), (True, True), (2, False)])
def test_p4c_writes_truth_in_a_field_as_a_number_too(value: object, ok: bool) -> None:
    program = json.loads((COMPILED / "headers.json").read_text())
    fields = next(t for t in program["header_types"] if t["name"] == "pair_h")["fields"]
    fields[0][2] = value
    if ok:
        load_program(json.dumps(program))
        return
    with pytest.raises(ProgramError, match="true or false, found 2"):
        load_program(json.dumps(program))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 16, 200])
def test_loops_in_actions(n: int) -> None:
    ((_, out),) = LOOPS.process(1, bytes([n]) + bytes(14) + b"tail")
    numbers = [int.from_bytes(out[at : at + 4], "big") for at in (1, 5, 9)]
    assert numbers == [sum(range(n + 1)), 3 * n, n // 2]
    assert out[13] == next((i for i in range(15) if i * i >= n), 0xFF)


@pytest.mark.parametrize(("n", "size"), [(2, 0x41), (4, 0x21), (8, 0x32), (9, 3), (77, 0xEE)])
def test_returns_from_the_middle_of_an_action(n: int, size: int) -> None:
    ((_, out),) = LOOPS.process(1, bytes([n]) + bytes(14))
    assert (out[0], out[14]) == (n + 1, size)


@pytest.mark.parametrize(("n", "first"), [(77, 78), (9, 3)])
def test_jumps_other_than_those_of_ifs(n: int, first: int) -> None:
    program = json.loads((COMPILED / "loops.json").read_text())
    (leaves,) = [a for a in program["actions"] if a["name"] == "LoopIngress.leaves"]
    *_, jump, last = leaves["primitives"]
    assert jump["op"] == "_jump", "over the last one, which otherwise does what was done before"
    last["parameters"][0]["value"] = ["order", "first"]
    ((_, out),) = running(program).process(1, bytes([n]) + bytes(14))
    assert out[13] == first


def test_a_checksum_is_verified_against_metadata() -> None:
    assert DROPPING.process(1, b"\xff\0") == []
    assert DROPPING.process(1, b"\xff\xff") == [(0, b"\xff\xff")]


def test_a_variable_of_variable_length_is_empty_before_it_is_written() -> None:
    program = json.loads((COMPILED / "parser.json").read_text())
    options = next(h for h in program["header_types"] if h.get("max_length"))
    name = next(h["name"] for h in program["headers"] if h["header_type"] == options["name"])
    field = next(f[0] for f in options["fields"] if f[1] == "*")
    program["header_types"].append({**options, "name": "kept_t", "fields": [["field", "*"]]})
    kept = {"name": "kept", "id": 999, "header_type": "kept_t", "metadata": True}
    program["headers"].append(kept)
    target, empty = ({"type": "field", "value": v} for v in ([name, field], ["kept", "field"]))
    for action in program["actions"]:
        action["primitives"].insert(0, {"op": "assign_VL", "parameters": [target, empty]})
    explanations: list[Explanation] = []
    plain = running(program)
    traced = Dataplane(TracingEngine(lambda _, each: explanations.append(each)))
    traced.load(load_program(json.dumps(program)))
    for port, frame in vectors("parser"):
        out = plain.process(port, frame, 0)
        assert traced.process(port, frame, 0) == out
    assert len(explanations) == len(vectors("parser"))


def test_an_endless_loop_ends() -> None:
    program = json.loads((COMPILED / "loops.json").read_text())
    sums = next(a for a in program["actions"] if a["name"] == "LoopIngress.sums")
    jump = next(p for p in sums["primitives"] if p["op"] == "_jump")
    jump["parameters"][0]["value"] = hex(sums["primitives"].index(jump))
    assert running(program).process(1, bytes([2]) + bytes(14)) == []
