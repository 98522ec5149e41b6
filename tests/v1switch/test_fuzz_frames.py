"""Findings of fuzzing with frames (`make fuzz`): programs that hung, raised, or grew."""

import copy
import json

import pytest

from tests.v1switch.both import Both
from tests.v1switch.broken import (
    FIELD,
    ZERO,
    Json,
    assigning,
    expression,
    field,
    named,
    plane,
    run_first_actions,
    source,
)
from v1switch.control.dataplane import Dataplane
from v1switch.explain.document import Document
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.recorder import MAX_EVENTS
from v1switch.explain.text import TextView
from v1switch.lower.limits import MAX_ACTION_LOOPS
from v1switch.program import load_program
from v1switch.state.entries import CloneSession, Replica


def every_table_runs(program: Json) -> Dataplane:
    """The plane of a program, each of whose tables does its first action."""
    made = plane(program)
    run_first_actions(made)
    return made


def test_a_parser_that_takes_nothing_ends() -> None:
    program = source("wire")
    parser = program["parsers"][0]
    start = named(parser["parse_states"], parser["init_state"])
    start["parser_ops"], start["transition_key"] = [], []
    start["transitions"] = [{"type": "default", "value": None, "next_state": start["name"]}]
    assert plane(program).process(1, bytes(60)) == [(2, bytes(60))]


@pytest.mark.parametrize("index", ["-", "+"])
def test_an_index_below_or_above_an_array(index: str) -> None:
    program = source("externs")
    array = program["register_arrays"][0]["name"]
    at = expression(index, ZERO, {"type": "hexstr", "value": "0xffffff"})
    read = {"type": "register", "value": [array, at]}
    made = copy.deepcopy(program)
    for action in made["actions"]:
        action["primitives"] = [{"op": "assign", "parameters": [field(*FIELD), read]}]
    ((port, out),) = every_table_runs(made).process(1, bytes(60))
    assert (port, len(out)) == (0, 60)


def test_names_that_are_no_identifiers_in_a_trace() -> None:
    text = json.dumps(source("wire")).replace("WireIngress", "²{x}'\\\"")
    lines: list[str] = []
    made = Dataplane(
        TracingEngine(lambda of, explanation: lines.extend(TextView(of).lines(explanation)))
    )
    made.load(load_program(text))
    made.process(1, bytes(60))
    assert any("²{x}'\"" in line for line in lines)


def test_a_stack_of_a_hundred_elements() -> None:
    program = source("stacks")
    stack = program["header_stacks"][0]
    pattern = next(h for h in program["headers"] if h["id"] == stack["header_ids"][0])
    for number in range(100):
        program["headers"].append({**pattern, "name": f"more{number}", "id": 1000 + number})
    stack["header_ids"] += [1000 + number for number in range(100)]
    assert plane(program, traced=True).process(1, bytes(60)) == [(2, bytes(60))]


def test_copies_of_copies_end() -> None:
    made = plane(source("replication"))
    ports = tuple(Replica(port, copy) for port in range(4) for copy in range(64))
    for number in range(1, 10):
        made.insert_clone_session(CloneSession(number, ports))
    for what in range(256):
        assert len(made.process(1, bytes([what]) + bytes(range(60)))) < 1 << 17


@pytest.mark.parametrize("op", ["access_field", "=="])
def test_metadata_is_always_valid(op: str) -> None:
    metadata = {"type": "header", "value": "standard_metadata"}
    fields = named(source("wire")["header_types"], "standard_metadata")["fields"]
    value = expression(op, metadata, len(fields) if op == "access_field" else metadata)
    made = every_table_runs(assigning(value))
    assert [port for port, _ in made.process(1, bytes(60))] == [1]


def test_a_lookahead_inside_an_expression_beyond_the_end_of_a_frame() -> None:
    program = source("wire")
    parser = program["parsers"][0]
    start = named(parser["parse_states"], parser["init_state"])
    ahead = {"type": "lookahead", "value": [8, 8]}
    value = expression("+", ahead, {"type": "hexstr", "value": "0x1"})
    start["parser_ops"] = [{"op": "set", "parameters": [field(*FIELD), value]}]
    made = plane(program)
    for length in range(4):
        assert made.process(1, bytes(length)) == [(2, bytes(length))]


def test_a_packet_length_below_zero() -> None:
    program = source("headers")
    length, where = field("standard_metadata", "packet_length"), field("three", "a")
    one, three = ({"type": "header", "value": name} for name in ("one", "three"))
    wide = named(program["header_types"], "raw_h")["fields"]
    wide[0][1], wide[1][1] = 32, 32
    for action in program["actions"]:
        action["primitives"] = [
            {"op": "remove_header", "parameters": [one]},
            {"op": "add_header_fast", "parameters": [one]},
        ] * 20
    egress = copy.deepcopy(program["actions"][0])
    stored = {"op": "assign", "parameters": [where, length]}
    egress.update(
        id=900,
        name="store",
        runtime_data=[],
        primitives=[{"op": "add_header", "parameters": [three]}, stored],
    )
    program["actions"].append(egress)
    call = {"name": "stored", "id": 900, "action_id": 900, "next_node": None}
    program["pipelines"][1].update(init_table="stored", action_calls=[call])
    made = every_table_runs(program)
    for what in range(8):
        ((_, out),) = made.process(1, bytes([what, 1, 4]) + bytes(40))
        assert int.from_bytes(out[14:18], "big", signed=True) < 0


def _spinning() -> Json:
    """The program of loops, where the first loop never ends."""
    program = source("loops")
    calls = named(program["actions"], "LoopIngress.sums")["primitives"]
    (test,) = (call for call in calls if call["op"] == "_jump_if_zero")
    test["parameters"][0] = {"type": "hexstr", "value": "0x1"}
    return program


@pytest.mark.parametrize("traced", [False, True])
def test_an_action_that_does_not_end_drops_the_frame(
    traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    made = plane(_spinning(), traced)
    assert made.process(1, bytes(20)) == made.process(1, bytes(20)) == []
    (said,) = [r.getMessage() for r in caplog.records if "dropped" in r.getMessage()]
    jumps = "32,768 jumps back in action 'LoopIngress.sums'"
    assert said.startswith(f"frame from port 1 dropped after {jumps}; this is logged once")


def test_machine_code_leaves_an_action_that_does_not_end_to_python() -> None:
    made = Both()
    made.load(load_program(json.dumps(_spinning())))
    assert made.process(1, bytes(20)) == []
    assert made.carried == {"python": 1}


def test_only_the_first_events_of_an_endless_frame_are_explained() -> None:
    explanations: list[Explanation] = []
    tracing = TracingEngine(lambda _, explanation: explanations.append(explanation))
    switch = Dataplane(tracing)
    switch.load(program := load_program(json.dumps(_spinning())))
    switch.process(1, bytes(20))
    (explanation,) = explanations
    events_a_round = 3  # the test, and two statements
    expected = events_a_round * MAX_ACTION_LOOPS - MAX_EVENTS
    assert explanation.omitted == pytest.approx(expected, rel=0.01)
    text = list(TextView(program).lines(explanation))
    assert text[-2:] == [
        f"frame: too many events; {explanation.omitted:,} more are left out",
        "frame: nothing leaves",
    ]
    assert MAX_EVENTS <= len(text) < 2 * MAX_EVENTS  # of a line or two each
    assert Document(program).frame(explanation)["omitted"] == explanation.omitted


def test_a_header_that_nothing_looks_into_is_zero_when_it_becomes_valid() -> None:
    program = source("legacy")
    ((_, seven),) = plane(program).process(1, frame := bytes([2]) + bytes(60))
    calls = [call for action in program["actions"] for call in action["primitives"]]
    (assignment,) = (c for c in calls if {"type": "hexstr", "value": "0x0007"} in c["parameters"])
    assignment["parameters"][0] = field("scalars", "tmp")  # not to the header's only field
    made = Both()
    made.load(load_program(json.dumps(program)))
    ((_, zero),) = made.process(1, frame)
    changed = [(was, now) for was, now in zip(seven, zero, strict=True) if was != now]
    assert changed == [(7, 0)]


def test_an_index_of_the_header_that_becomes_valid_is_read() -> None:
    program = source("parser")
    (call,) = [
        call
        for action in program["actions"]
        for call in action["primitives"]
        if call["op"] == "add_header" and call["parameters"][0]["value"] == "result"
    ]
    stack, index = {"type": "header_stack", "value": "mpls"}, field("ethernet", "src")
    element = {"op": "dereference_header_stack", "left": stack, "right": index}
    call["parameters"][0] = {"type": "expression", "value": element}
    made = Both()
    made.load(load_program(json.dumps(program)))
    ((_, zero),) = made.process(1, bytes(60))
    ((_, nine),) = made.process(1, bytes(11) + bytes([9]) + bytes(48))
    assert len(zero) == len(nine) + 4, "mpls[0] became valid, and there is no mpls[9]"


def test_a_quotient_by_a_negative_number_is_cut_to_its_field() -> None:
    program = source("legacy")
    divide = named(program["actions"], "LegacyIngress.divide")["primitives"][0]
    minus_two = expression("-", ZERO, {"type": "hexstr", "value": "0x2"})
    divide["parameters"][1] = expression("/", field("numbers", "a"), minus_two)
    ((_, out),) = plane(program).process(1, bytes([0, 0, 0, 0, 0, 4]) + bytes(60))
    assert out[26:28] == b"\xff\xfe"


def test_a_field_by_its_offset_is_a_field_that_is_read() -> None:
    program = source("lookups")
    for conditional in program["pipelines"][0]["conditionals"]:
        compared = conditional["expression"]["value"]
        if compared["left"] == field("asked", "kind"):
            asked = {"type": "header", "value": "asked"}
            value = {"op": "access_field", "left": asked, "right": 0}
            compared["left"] = {"type": "expression", "value": value}
    assert plane(program).process(1, bytes(100)) == plane(source("lookups")).process(1, bytes(100))
