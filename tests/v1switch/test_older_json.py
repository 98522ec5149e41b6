"""JSON of compilers of 2015, and bit<0>: what v1switch makes of it, on both engines.

`programs/older.p4` compares what BMv2 makes of the same with it, frame by frame.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness_client import DELETE, INSERT, Refused, SwitchClient
from tests.v1switch import small
from tests.v1switch.small import Json, running
from tests.v1switch.test_entryfile import load
from tests.v1switch.test_program_kinds import FRAME, loaded, refused
from tests.v1switch.thrift_client import Client, exact, options
from tests.v1switch.twin import COMPILED
from tests.v1switch.twin import loaded as running_program
from v1switch.bmthrift.serving import serve
from v1switch.program import load_program
from v1switch.state.entries import ActionCall, Exact, Lpm, Match, Range, TableEntry, Ternary

OLDER = COMPILED / "older.json"
MACS, REWRITE = "OlderIngress.macs", "OlderIngress.rewrite"

# -- headers that do not say whether they are metadata ---------------------------------------------


def without_metadata() -> Json:
    """The small program, in which a frame's type is a key by way of metadata."""
    program = small.program()
    program["header_types"][0] = small.header_type(0, "scalars_0", x=16)
    copied = small.assign("scalars", "x", small.field("eth", "type"))
    program["actions"] = [
        small.action(0, "copy", copied, small.egress(small.number(2))),
        small.action(1, "send", small.egress({"type": "runtime_data", "value": 0}), port=9),
        small.action(2, "nothing"),
    ]
    key = [small.exact("scalars", "x"), small.exact("standard_metadata", "ingress_port")]
    program["pipelines"][0] = small.pipeline(
        "ingress",
        small.table("copying", [], {"copy": 0}, 0, then="t"),
        small.table("t", key, {"send": 1, "nothing": 2}, 2),
    )
    for header in program["headers"]:
        del header["metadata"]
    return program


def kinds(program: Json) -> dict[str, bool]:
    """Which headers are taken for metadata."""
    headers = load_program(json.dumps(program)).headers.values()
    return {header.name: header.metadata for header in headers}


def test_what_no_frame_can_have_is_metadata() -> None:
    program = without_metadata()
    assert "headers without `metadata`" in loaded(program)
    assert kinds(program) == {"scalars": True, "standard_metadata": True, "eth": False}
    plane = running(program)
    plane.insert_entry("t", TableEntry((Exact(0x800), Exact(1)), ActionCall("send", (5,))))
    assert plane.process(1, FRAME, 0) == [(5, FRAME)], "tables find what metadata holds"


def added(program: Json) -> None:
    call = {"op": "add_header", "parameters": [{"type": "header", "value": "h"}]}
    program["actions"][2]["primitives"].append(call)


def stacked(program: Json) -> None:
    program["header_stacks"] = [
        {"name": "s", "id": 0, "header_type": "eth_t", "size": 1, "header_ids": [3]}
    ]


def emitted(program: Json) -> None:
    program["deparsers"][0]["order"].append("h")


def extracted(program: Json) -> None:
    state = program["parsers"][0]["parse_states"][0]
    op = {"op": "extract", "parameters": [{"type": "regular", "value": "h"}]}
    state["parser_ops"].append(op)


@pytest.mark.parametrize("use", [added, stacked, emitted, extracted])
def test_headers_that_a_frame_may_have_are_not_metadata(use: Callable[[Json], None]) -> None:
    program = without_metadata()
    program["headers"].append({"name": "h", "id": 3, "header_type": "eth_t"})
    assert kinds(program)["h"]
    use(program)
    assert not kinds(program)["h"]


def test_metadata_is_a_boolean_where_it_is_there() -> None:
    program = without_metadata()
    program["headers"][0]["metadata"] = 1
    assert refused(program).path == "$.headers[0].metadata"


# -- checksums of type ipv4 ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "found"),
    [(["ipv4", "src"], "32 bits after 96"), (["ipv4", "ttl"], "8 bits after 64")],
)
def test_the_checksum_of_ipv4_has_its_place(target: list[str], found: str) -> None:
    program = json.loads(OLDER.read_text())
    program["checksums"][0]["target"] = target
    error = refused(program)
    assert (error.path, error.found) == ("$.checksums[0].target", found)
    program["checksums"][0].update(target=["ipv4", "checksum"], type="ipv6")
    assert str(refused(program)).endswith('expected generic or ipv4, found "ipv6"')


# -- bit<0> ----------------------------------------------------------------------------------------


def empty_keys(kind: str) -> Json:
    """A table with keys of no bits around another one, and an action with such parameters."""
    program = small.program()
    program["header_types"][0] = small.header_type(0, "scalars_0", none=0, x=8)
    low = small.operation("&", {"type": "runtime_data", "value": 1}, small.number(7))
    total = small.operation("+", low, {"type": "runtime_data", "value": 2})
    program["actions"] = [
        small.action(0, "send", small.egress(total), first=0, port=9, last=0),
        small.action(1, "nothing", small.egress(small.number(2))),
    ]
    fields = [("scalars", "none"), ("eth", "type"), ("scalars", "none")]
    kinds_of = {"lpm": ["exact", "lpm", "exact"]}.get(kind, [kind] * 3)
    key = [{**small.exact(*f), "match_type": k} for f, k in zip(fields, kinds_of, strict=True)]
    table = small.table("t", key, {"send": 0, "nothing": 1}, 1)
    table["match_type"] = kind
    program["pipelines"][0] = small.pipeline("ingress", table)
    return program


MATCHES: dict[str, tuple[Match, ...]] = {
    "exact": (Exact(0), Exact(0x800), Exact(0)),
    "lpm": (Exact(0), Lpm(0x800, 8), Exact(0)),
    "ternary": (Ternary(0, 0), Ternary(0x800, 0xFF00), Ternary(0, 0)),
    "range": (Range(0, 0), Range(0x700, 0x900), Range(0, 0)),
}


@pytest.mark.parametrize("kind", MATCHES)
def test_keys_and_parameters_of_no_bits_are_0(kind: str) -> None:
    program = empty_keys(kind)
    assert "parameters of no bits (bit<0>)" in loaded(program)
    plane = running(program)
    plane.insert_entry("t", TableEntry(MATCHES[kind], ActionCall("send", (0, 5, 0)), priority=1))
    assert plane.process(1, FRAME, 0) == [(5, FRAME)]
    other = FRAME[:12] + b"\x12\x34payload"
    assert plane.process(1, other, 0) == [(2, other)]
    assert plane.carried["python"] == 0


def test_commands_and_thrift_give_a_parameter_of_no_bits(tmp_path: Path) -> None:
    plane = running_program("older")
    load(tmp_path, plane, f"table_add {MACS} {REWRITE} 0x0a000001 => 0 0x010203040506")
    server = serve(plane, "127.0.0.1", 0, device_id=3)
    client = Client(server.port)
    key = exact(b"\x0a\0\0\2")
    for data in ([b"", b"\1"], [b"\0", b"\2"]):
        handle = client.standard.bm_mt_add_entry(0, MACS, key, REWRITE, data, options())
        found = client.standard.bm_mt_get_entry(0, MACS, handle)
        assert found.action_entry.action_data == [b"\0", data[1]]
        client.standard.bm_mt_delete_entry(0, MACS, handle)
    client.close()
    server.stop()
    assert [entry.action for entry in plane.entries(MACS)] == [
        ActionCall(REWRITE, (0, 0x010203040506))
    ]


def writes_of_bit_0(client: SwitchClient) -> list[bytes]:
    """The values of a parameter of no bits that a switch takes."""
    taken = []
    for value in (b"", b"\0", b"\0\0", b"\1"):
        entry = client.names.entry(MACS, {"hdr.ipv4.src": 1}, REWRITE, {"first": 0, "mac": 1})
        entry.action.action.params[0].value = value
        try:
            client.write(INSERT, rt.Entity(table_entry=entry))
        except Refused:
            continue
        taken.append(value)
        client.write(DELETE, rt.Entity(table_entry=entry))
    return taken


TAKEN = [b"", b"\0", b"\0\0"]  # by BMv2 as well: `test_equal_bmv2.py`


def test_p4runtime_carries_a_parameter_of_no_bits(client: SwitchClient) -> None:
    client.load(OLDER.with_suffix(".p4info.txtpb"), OLDER)
    assert writes_of_bit_0(client) == TAKEN
    entry = client.names.entry(MACS, {"hdr.ipv4.src": 1}, REWRITE, {"first": 0, "mac": 1})
    client.write(INSERT, rt.Entity(table_entry=entry))
    (read,) = client.read(rt.Entity(table_entry=rt.TableEntry(table_id=entry.table_id)))
    assert read.table_entry == entry, "one byte 0; BMv2 aborts"
