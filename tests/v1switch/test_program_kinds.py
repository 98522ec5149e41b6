"""Programs as older compilers wrote them, and what p4c writes rarely, are taken as BMv2 does."""

import json
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2

from tests.v1switch import small
from tests.v1switch.small import Json, running
from v1switch.commands.loading import load
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import ProgramError
from v1switch.p4runtime.errors import Refused
from v1switch.p4runtime.join import join
from v1switch.program import load_program
from v1switch.state.entries import (
    ActionCall,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Member,
    TableEntry,
)

ETH = bytes(range(12)) + b"\x08\x00"
FRAME = ETH + b"payload"


def loaded(program: Json) -> str:
    """What there is to say about a program that is taken."""
    return load_program(json.dumps(program)).remark


def refused(program: Json) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        load_program(json.dumps(program))
    return caught.value


# -- an action that a table offers and the program calls with a constant ---------------------------


def two_signatures() -> Json:
    """`send(port)` in a table; frames that it does not know get `send(3)` from the program."""
    program = small.program()
    data = {"type": "runtime_data", "value": 0}
    program["actions"] = [
        small.action(0, "send", small.egress(data), port=9),
        small.action(1, "send", small.egress(small.number(3))),
        small.action(2, "nothing"),
    ]
    offered = small.table("t", [small.exact("eth", "type")], {"send": 0, "nothing": 2}, 2)
    program["pipelines"][0] = small.pipeline(
        "ingress", small.table("tbl_send", [], {"send": 1}, 1, then="t"), offered
    )
    return program


P4INFO = """
tables { preamble { id: 1 name: "t" } size: 64
         match_fields { id: 1 name: "type" bitwidth: 16 match_type: EXACT }
         action_refs { id: 2 } action_refs { id: 3 } }
actions { preamble { id: 2 name: "send" } params { id: 1 name: "port" bitwidth: 9 } }
actions { preamble { id: 3 name: "nothing" } }
"""


def test_each_call_of_a_name_runs_its_own_action() -> None:
    plane = running(two_signatures())
    assert plane.process(1, FRAME, 0) == [(3, FRAME)]
    plane.insert_entry("t", TableEntry((Exact(0x800),), ActionCall("send", (4,))))
    assert plane.process(1, FRAME, 0) == [(4, FRAME)]


def test_p4info_has_the_action_of_the_table() -> None:
    program = load_program(json.dumps(two_signatures()))
    info = text_format.Parse(P4INFO, p4info_pb2.P4Info())
    (action,) = (a for a in join(info, program).tables[1].actions.values() if a.action.id == 2)
    assert [param.width for param in action.action.params] == [9]
    info.actions[0].params[0].bitwidth = 8
    with pytest.raises(Refused, match="'send', parameter 'port' is 8 bits, in the program 9"):
        join(info, program)


def test_p4info_without_tables_may_have_the_action_too() -> None:
    """An action that is only called has its parameters in no action of the program."""
    program = two_signatures()
    program["pipelines"][0]["tables"].pop()
    program["pipelines"][0]["tables"][0]["next_tables"] = {"send": None}
    program["pipelines"][0]["tables"][0]["base_default_next"] = None
    program["actions"].pop(0)
    info = text_format.Parse(P4INFO, p4info_pb2.P4Info())
    info.ClearField("tables")
    join(info, load_program(json.dumps(program)))


def test_in_one_table_a_name_is_one_action() -> None:
    program = two_signatures()
    program["pipelines"][0]["tables"][1]["action_ids"] = [0, 1]
    program["pipelines"][0]["tables"][1]["actions"] = ["send", "send"]
    error = refused(program)
    assert error.path == "$.pipelines[0].tables[1].action_ids"
    assert "'send' with two signatures" in str(error)


def test_in_one_action_profile_a_name_is_one_action() -> None:
    program = two_signatures()
    ingress = program["pipelines"][0]
    ingress["action_profiles"] = [{"name": "ways", "id": 0, "max_size": 4}]
    for table in ingress["tables"]:
        table.update(type="indirect", action_profile="ways", default_entry=None)
    assert "one action of each name in an action profile" in str(refused(program))


# -- older p4c -------------------------------------------------------------------------------------


def test_a_constant_in_a_field_list_keeps_nothing() -> None:
    program = small.program()
    elements = [{"type": "hexstr", "value": "0x63", "bitwidth": 32}, small.field("scalars", "x")]
    program["field_lists"] = [{"id": 1, "name": "kept", "elements": elements}]
    read = load_program(json.dumps(program))
    assert [(f.header, f.field) for f in read.field_lists[1].fields] == [("scalars", "x")]
    assert "constants in field lists" in read.remark
    elements[0]["value"] = "none"
    assert refused(program).path == "$.field_lists[0].elements[0].value"


@pytest.mark.parametrize("meta", [None, {}, {"compiler": "p4c-bm2"}])
def test_a_program_without_a_version(meta: Json | None) -> None:
    program = small.program()
    program["__meta__"] = meta
    assert "no version (__meta__)" in loaded(program)
    del program["__meta__"]
    assert "no version (__meta__)" in loaded(program)
    assert running(program).process(1, FRAME, 0) == [(2, FRAME)]


def sets_valid(value: Json) -> Json:
    """The parser makes `tmp` valid by an expression; its validity is the egress port, plus 4."""
    program = small.program()
    program["headers"].append(small.header(3, "tmp", "eth_t"))
    state = program["parsers"][0]["parse_states"][0]
    state["parser_ops"].append({"op": "set", "parameters": [small.field("tmp", "$valid$"), value]})
    valid = small.operation("+", small.field("tmp", "$valid$"), small.number(4))
    program["actions"] = [small.action(0, "forward", small.egress(valid))]
    return program


def test_a_parser_that_writes_to_a_headers_validity() -> None:
    low = small.operation("&", small.field("eth", "type"), small.number(1))
    program = sets_valid({"type": "expression", "value": low})
    assert "$valid$" in loaded(program)
    plane = running(program)
    assert plane.process(1, ETH, 0) == [(4, ETH)]
    odd = ETH[:-1] + b"\x01"
    assert plane.process(1, odd, 0) == [(5, odd)]


def test_metadata_has_no_validity_to_write_to() -> None:
    program = sets_valid(small.number(1))
    op = program["parsers"][0]["parse_states"][0]["parser_ops"][-1]
    op["parameters"][0] = small.field("scalars", "$valid$")
    assert "a header's validity" in str(refused(program))


def test_an_action_profile_inside_of_its_table() -> None:
    program = two_signatures()
    table = program["pipelines"][0]["tables"][1]
    table.update(type="indirect_ws", act_prof_name="ways", default_entry=None)
    table["selector"] = {"algo": "crc16", "input": [small.field("eth", "dst")]}
    assert "action profiles inside of tables" in loaded(program)
    plane = running(program)
    plane.insert_member("ways", Member(0, ActionCall("send", (5,))))
    plane.insert_group("ways", Group(0, (GroupMember(0),)))
    plane.insert_entry("t", TableEntry((Exact(0x800),), GroupRef(0)))
    assert plane.process(1, FRAME, 0) == [(5, FRAME)]


# -- bit<0> ----------------------------------------------------------------------------------------


def test_fields_of_no_bits_read_0_and_take_nothing() -> None:
    program = small.program()
    program["header_types"][2] = small.header_type(
        2, "eth_t", dst=48, nothing=0, src=48, type=16, end=0
    )
    program["header_types"][0] = small.header_type(0, "scalars_0", none=0, x=8)
    total = small.operation("+", small.field("eth", "nothing"), small.number(7))
    program["actions"] = [
        small.action(
            *(0, "forward", small.assign("scalars", "none", small.number(1))),
            *(small.assign("eth", "nothing", small.number(1)), small.egress(total)),
            small.assign("eth", "type", small.number(0x1234)),
        )
    ]
    assert "bit<0>" in loaded(program)
    assert running(program).process(1, FRAME, 0) == [(7, ETH[:12] + b"\x12\x34payload")]


def test_fields_behind_one_of_no_bits_keep_their_places() -> None:
    """`access_field` counts all fields that the program declares."""
    program = small.program()
    program["header_types"][2] = small.header_type(2, "eth_t", dst=48, nothing=0, src=48, type=16)
    program["headers"] += [small.header(3, "s0", "eth_t"), small.header(4, "s1", "eth_t")]
    program["header_stacks"] = [
        {"name": "s", "id": 0, "header_type": "eth_t", "size": 2, "header_ids": [3, 4]}
    ]
    state = program["parsers"][0]["parse_states"][0]
    state["parser_ops"] = [{"op": "extract", "parameters": [{"type": "stack", "value": "s"}]}]
    program["deparsers"][0]["order"] = ["s0", "s1"]

    def member(offset: int) -> Json:
        element = small.operation(
            "dereference_header_stack", {"type": "header_stack", "value": "s"}, small.number(0)
        )
        return {
            "type": "expression",
            "value": {"op": "access_field", "left": element, "right": offset},
        }

    cut = small.operation("+", member(1), small.operation("&", member(3), small.number(0x1F)))
    program["actions"] = [small.action(0, "forward", small.egress(cut))]
    frame = ETH[:-1] + b"\x05"
    assert running(program).process(1, frame, 0) == [(5, frame)]


# -- one warning -----------------------------------------------------------------------------------


def test_a_program_of_an_older_compiler_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = small.program()
    del program["__meta__"]
    program["field_lists"] = [
        {"id": 1, "elements": [{"type": "hexstr", "value": "0x1", "bitwidth": 8}]}
    ]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(program))
    with caplog.at_level(logging.WARNING, "v1switch"):
        load(Dataplane(PythonEngine()), file)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{file}: ")
    assert "field lists" in record.getMessage()
    assert "__meta__" in record.getMessage()
