"""Findings of fuzzing with programs (`make fuzz`): refused, with location and object."""

import copy
import json
from types import ModuleType
from typing import Any

import pytest

from tests.v1switch.broken import (
    FIELD,
    ZERO,
    Json,
    assigning,
    const_table,
    expression,
    field,
    named,
    refusal,
    source,
)
from v1switch.engines.python import source as printed
from v1switch.errors import ProgramError
from v1switch.lower import builder
from v1switch.program import load_program

# -- numbers and sizes -----------------------------------------------------------------------------


def test_a_number_of_thousands_of_digits() -> None:
    error = refusal_of_text('{"a": ' + "9" * 5000 + "}")
    assert error.reason == (
        "expected integers in -2147483647..2147483647, found one with thousands of digits"
    )


def refusal_of_text(text: str) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        load_program(text)
    return caught.value


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("register_arrays", 0, "size"), 2**30, "at most 16777216 cells in all arrays"),
        (("register_arrays", 0, "bitwidth"), 10**9, "an integer in 1..4096"),
        (("counter_arrays", 0, "size"), 10**15, "an integer in 0..2147483647"),
        (("header_types", 1, "fields", 0, 1), 2**31 - 1, "an integer in 1..4096"),
        (("actions", 0, "name"), "two\nlines", "a printable name of 1 to 1000 characters"),
        (("program",), "\0", "a printable name of 1 to 1000 characters"),
    ],
)
def test_what_would_fill_the_memory_or_a_message(path: Any, value: Any, expected: str) -> None:
    program = source("externs")
    place = program
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert refusal(program).expected == expected


def test_constants_have_a_limit() -> None:
    error = refusal(assigning({"type": "hexstr", "value": "0x1" + "0" * 5000}))
    assert error.expected == "a hexadecimal string of at most 4096 bits"
    assert error.subject.startswith("action 'WireIngress.")


def test_nested_expressions_have_a_limit() -> None:
    value = ZERO
    for _ in range(60):
        value = expression("+", value, ZERO)
    assert refusal(assigning(value)).expected == "expressions of at most 40 nested operators"


def test_the_generated_code_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "MAX_SOURCE", 1000)
    assert refusal(source("externs")).expected.endswith("at most 1000 characters of Python")


# -- types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (expression("size_stack", None, ZERO), "a value"),
        (expression("valid", None, field(*FIELD)), "a value"),
        (expression("+", {"type": "header", "value": "standard_metadata"}, ZERO), "a header"),
        (expression("<<", ZERO, {"type": "hexstr", "value": "-0x1"}), "-1"),
        (expression("two_comp_mod", ZERO, field(*FIELD)), None),
        ({"type": "lookahead", "value": [0, 8]}, "a lookahead"),
    ],
)
def test_what_an_operator_takes(value: Json, found: str | None) -> None:
    error = refusal(assigning(value))
    assert error.path.startswith("$.actions[")
    assert error.subject.startswith("action 'WireIngress.")
    assert found is None or error.found == found


def test_the_validity_is_no_field_to_write() -> None:
    error = refusal(assigning(ZERO, target=field("standard_metadata", "$valid$")))
    assert error.expected == "a field that can be written"


def test_only_standard_metadata_is_marked_to_drop() -> None:
    program = source("headers")
    action = next(each for each in program["actions"] if each["primitives"])
    two = {"type": "header", "value": "two"}
    action["primitives"] = [{"op": "mark_to_drop", "parameters": [two]}]
    assert refusal(program).expected == "a header like the standard metadata"


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        (printed, "MAX_TEXT", "expressions that become at most 100 characters of Python"),
        (builder, "MAX_SIZE", "a program of at most 100 operations"),
    ],
)
def test_comparing_elements_at_computed_places_has_a_limit(
    module: ModuleType, name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, 100)
    program = source("stacks")
    stack = {"type": "header_stack", "value": program["header_stacks"][0]["name"]}
    element = expression("dereference_header_stack", stack, field("standard_metadata", "mcast_grp"))
    action = next(each for each in program["actions"] if each["primitives"])
    same = expression("b2d", None, expression("==", element, element))
    action["primitives"] = [{"op": "assign", "parameters": [field(*FIELD), same]}]
    assert refusal(program).expected == expected


def test_headers_of_different_types_are_not_copied() -> None:
    program = source("headers")
    action = next(each for each in program["actions"] if each["primitives"])
    two, three = ({"type": "header", "value": name} for name in ("two", "three"))
    action["primitives"] = [{"op": "assign_header", "parameters": [two, three]}]
    error = refusal(program)
    assert error.expected == "operands of one type, like the left one, a header of type 'pair_h'"
    assert error.found == "a header of type 'raw_h'"


def test_the_elements_of_a_stack_are_of_its_type() -> None:
    program = source("stacks")
    stack = program["header_stacks"][0]
    other = next(h for h in program["headers"] if h["header_type"] != stack["header_type"])
    stack["header_ids"][0] = other["id"]
    error = refusal(program)
    assert error.path == "$.header_stacks[0].header_ids[0]"
    assert error.subject == f"header stack {stack['name']!r}"


def test_metadata_that_the_switch_writes_has_its_width() -> None:
    program = source("wire")
    fields = named(program["header_types"], "standard_metadata")["fields"]
    next(each for each in fields if each[0] == "egress_port")[1] = 1
    error = refusal(program)
    assert error.expected == "standard_metadata.egress_port to be bit<9> (v1model)"


def test_jumps_leave_no_action() -> None:
    program = source("loops")
    action = next(a for a in program["actions"] if "_jump" in json.dumps(a))
    jump = next(p for p in action["primitives"] if p["op"].startswith("_jump"))
    jump["parameters"][-1]["value"] = "0x77"
    error = refusal(program)
    assert error.subject == f"action {action['name']!r}"
    assert error.found == "one to 119"


# -- what the program puts into its tables ---------------------------------------------------------


def test_a_constant_entry_that_does_not_fit_its_key() -> None:
    program, table = const_table()
    table["entries"][0]["match_key"][0]["key"] = "0x12345"
    error = refusal(program)
    assert error.subject == "table 'MatchIngress.patterned'"
    assert error.reason == 'expected a value of 16 bits, found "0x12345"'


def test_a_constant_entry_that_is_there_twice() -> None:
    program, table = const_table()
    table["entries"].append(copy.deepcopy(table["entries"][0]))
    assert refusal(program).expected == "a key that no entry before it has"


def test_a_constant_entry_with_an_action_of_another_table() -> None:
    program, table = const_table()
    other = next(a["id"] for a in program["actions"] if a["id"] not in table["action_ids"])
    table["entries"][0]["action_entry"]["action_id"] = other
    assert refusal(program).expected == "the id of one of the table's actions"


def test_a_default_action_whose_argument_does_not_fit() -> None:
    program, table = const_table("MatchIngress.exactly")
    table["default_entry"]["action_data"][0] = "0x1ff"
    error = refusal(program)
    assert error.subject == "table 'MatchIngress.exactly'"
    assert error.expected == "a value of 8 bits"


def test_the_kind_of_a_table_is_that_of_its_key() -> None:
    program, table = const_table()
    table["match_type"] = "exact"
    assert refusal(program).expected == "'ternary', as the key has it"
