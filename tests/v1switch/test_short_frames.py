"""Frames too short for a header, and keys that read a field of it: 0, as match_units.cpp has it.

A header that every way through the parser extracts is not always valid, and what a program writes
to a field of an invalid header is not what a key sees.
"""

import pytest

from tests.v1switch import small
from v1switch.state.entries import ActionCall, Exact, TableEntry

ETH = bytes(range(12)) + b"\x08\x00"
SHORT = ETH[:4]


def running(program: small.Json) -> small.Both:
    plane = small.running(program)
    plane.insert_entry("t", TableEntry((Exact(7),), ActionCall("send", (3,))))
    plane.insert_entry("t", TableEntry((Exact(0),), ActionCall("send", (4,))))
    return plane


def keyed(*calls: small.Json, header: str = "eth", name: str = "dst") -> small.Json:
    """Ingress runs some primitives, then looks a field up."""
    program = small.program()
    data = {"type": "runtime_data", "value": 0}
    program["actions"] = [
        small.action(0, "write", *calls),
        small.action(1, "send", small.egress(data), port=9),
        small.action(2, "nothing"),
    ]
    looked = small.table("t", [small.exact(header, name)], {"send": 1, "nothing": 2}, 2)
    program["pipelines"][0] = small.pipeline(
        "ingress", small.table("tbl_write", [], {"write": 0}, 0, then="t"), looked
    )
    return program


def ports(plane: small.Both, frame: bytes) -> list[int]:
    return [port for port, _ in plane.process(1, frame, 0)]


@pytest.mark.parametrize(
    "call",
    [
        small.assign("eth", "dst", small.number(7)),
        {"op": "add_to_field", "parameters": [small.field("eth", "dst"), small.number(7)]},
        {
            "op": "modify_field_rng_uniform",
            "parameters": [small.field("eth", "dst"), small.number(7), small.number(7)],
        },
    ],
)
def test_a_key_reads_0_where_the_header_is_missing(call: small.Json) -> None:
    plane = running(keyed(call))
    assert ports(plane, SHORT) == [4]
    assert plane.carried["python"] == 0


def test_it_reads_what_was_written_where_the_header_is_there() -> None:
    plane = running(keyed(small.assign("eth", "dst", small.number(7))))
    assert ports(plane, ETH) == [3]


def test_a_field_that_nothing_writes() -> None:
    plane = running(keyed(small.assign("eth", "src", small.number(7))))
    assert ports(plane, SHORT) == [4]


def test_a_header_that_a_parser_has_made_invalid_again() -> None:
    program = keyed()
    op = {"op": "set", "parameters": [small.field("eth", "$valid$"), small.number(0)]}
    program["parsers"][0]["parse_states"][0]["parser_ops"].append(op)
    plane = running(program)
    assert ports(plane, (7).to_bytes(6, "big") + ETH[6:]) == [4]


def test_a_header_whose_own_length_is_beyond_the_frame() -> None:
    """The fields in front of a variable-length one are read before the header is there."""
    program = keyed(header="opt", name="kind")
    length = small.operation("*", {"type": "local", "value": 1}, small.number(8))
    program["header_types"].append(
        {
            "name": "opt_t",
            "id": 3,
            "max_length": 64,
            "length_exp": length,
            "fields": [["kind", 8, False], ["size", 8, False], ["rest", "*"]],
        }
    )
    program["headers"].append(small.header(3, "opt", "opt_t"))
    extract = {"op": "extract", "parameters": [{"type": "regular", "value": "opt"}]}
    program["parsers"][0]["parse_states"][0]["parser_ops"].append(extract)
    program["deparsers"][0]["order"].append("opt")
    plane = running(program)
    assert ports(plane, ETH + b"\x07\x02ab") == [3]
    assert ports(plane, ETH + b"\x07\x09ab") == [4]
