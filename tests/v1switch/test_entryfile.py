"""Entry files: what simple_switch_CLI accepts is accepted, errors are named with their line."""

import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from tests.p4.world import JSON, P4INFO
from tests.v1switch.explained import ENTRIES
from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import EntriesError, find_p4info, load_entries
from v1switch.entryfile.arguments import find_name
from v1switch.entryfile.errors import InvalidLine
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    CounterData,
    Exact,
    GroupRef,
    Lpm,
    MemberRef,
    MeterConfig,
    MulticastGroup,
    Origin,
    Range,
    Replica,
    Ternary,
    ValueSetMember,
)


def written(tmp_path: Path, name: str, *lines: str) -> Dataplane:
    """A data plane of a test program with the entries of some lines."""
    plane = loaded(name)
    load(tmp_path, plane, *lines)
    return plane


def load(tmp_path: Path, plane: Dataplane, *lines: str) -> None:
    file = tmp_path / "entries.txt"
    file.write_text("\n".join(lines))
    load_entries(file, plane, None)


def refused(tmp_path: Path, name: str, *lines: str) -> EntriesError:
    with pytest.raises(EntriesError) as caught:
        written(tmp_path, name, *lines)
    return caught.value


# -- what is accepted ------------------------------------------------------------------------------


def test_entries_of_every_match_kind(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "tables",
        "# a comment, then an empty line",
        "",
        "table_add exactly found_exact 0x0a 11 => 5",
        "table_add TableIngress.longest found_longest 0x1234/8 7 => 0x7",
        "table_add patterned found_ternary 0x12&&&0xf0 3&&&0xff => 8 20  # a priority",
        "table_add ranged found_range 2->9 1->1 0&&&0 => 9 30",
    )
    (exact,) = plane.entries("TableIngress.exactly")
    assert exact.key == (Exact(10), Exact(11))
    assert exact.action == ActionCall("TableIngress.found_exact", (5,))
    assert exact.opaque == Origin("entries.txt:3")
    (longest,) = plane.entries("TableIngress.longest")
    assert longest.key[0] == Lpm(0x1200, 8), "bits beyond the prefix are ignored"
    (patterned,) = plane.entries("TableIngress.patterned")
    assert patterned.key[0] == Ternary(0x10, 0xF0), "bits outside of the mask do not count"
    assert isinstance(patterned.opaque, Origin)
    assert patterned.opaque.priority == 20
    (ranged,) = plane.entries("TableIngress.ranged")
    assert ranged.key[0] == Range(2, 9)


def test_of_two_priorities_the_lower_number_wins(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "tables",
        "table_add patterned found_ternary 0&&&0 0&&&0 => 1 20",
        "table_add patterned found_ternary 0&&&0 1&&&0xff => 2 10",
    )
    weak, strong = plane.entries("TableIngress.patterned")
    assert strong.priority > weak.priority


def test_default_actions_registers_counters_and_meters(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "externs",
        "register_write ExternIngress.cells 3 0x55",
        "counter_write seen 2 7 700",
        "meter_set_rates pace 1 0.5:10 1:20",
    )
    assert plane.register("ExternIngress.cells", 3) == 0x55
    assert plane.counter("ExternIngress.seen", 2) == CounterData(7, 700)
    limits = MeterConfig(500_000, 10, 1_000_000, 20)
    assert plane.meter("ExternIngress.pace", 1) == limits
    plane = written(tmp_path, "tables", "table_set_default longest found_longest 9")
    default = plane.default_action("TableIngress.longest")
    assert default == ActionCall("TableIngress.found_longest", (9,))


def test_groups_and_sessions(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "replication",
        *("mc_mgrp_create 4", "mc_node_create 11 1 2", "mc_node_create 12 3"),
        *("mc_node_associate 4 0", "mc_node_associate 4 1"),
        *("mirroring_add 9 3", "mirroring_add_mc 10 4"),
    )
    replicas = (Replica(1, 11), Replica(2, 11), Replica(3, 12))
    assert plane.multicast_groups() == [MulticastGroup(4, replicas)]
    assert plane.clone_sessions() == [CloneSession(9, (Replica(3),)), CloneSession(10, replicas)]


def test_members_and_groups_of_action_profiles(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "selector",
        *("act_prof_create_member paths send 1", "act_prof_create_member paths send 2"),
        *("act_prof_create_group paths", "act_prof_add_member_to_group paths 1 0"),
        *("table_indirect_add balanced 5 => 0", "table_indirect_add_with_group balanced 6 => 0"),
    )
    actions = [entry.action for entry in plane.entries("SelectorIngress.balanced")]
    assert actions == [MemberRef(0), GroupRef(0)]


def test_value_sets(tmp_path: Path) -> None:
    plane = loaded("parser")
    name = next(iter(plane.state.value_sets))
    load(tmp_path, plane, f"pvs_add {name} 0x12", f"pvs_add {name} 0x13")
    assert plane.value_set(name) == (ValueSetMember(0x12), ValueSetMember(0x13))


def test_addresses_are_written_as_addresses(tmp_path: Path) -> None:
    plane = Dataplane(PythonEngine())
    from v1switch.program import load_file

    plane.load(load_file(JSON))
    load_entries(ENTRIES, plane, None)
    name = "FalconIngress.forward.bridge.l2_forward"
    assert plane.entries(name)[0].key == (Exact(5001), Exact(0x02AA00000001))
    assert plane.entries(name)[0].action.params == (0xAC100001,)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("tables", "table_add exactly", "expected table_add TABLE ACTION MATCH... => PARAMETER..."),
        (
            "tables",
            "table_add exacty found_exact 1 2 => 3",
            "table 'exacty': unknown, expected one of exactly, ",
        ),
        (
            "tables",
            "table_add exactly found_longest 1 2 => 3",
            "table 'TableIngress.exactly': action 'found_longest': unknown, expected one of",
        ),
        ("tables", "table_add exactly found_exact 1 2", "no '=>', expected table_add TABLE ACTION"),
        (
            "tables",
            "table_add exactly found_exact 1 => 3",
            "table 'TableIngress.exactly': 1 match fields, expected 2 (",
        ),
        (
            "tables",
            "table_add exactly found_exact 1 2 =>",
            "action 'TableIngress.found_exact': 0 parameters, expected 1 (",
        ),
        (
            "tables",
            "table_add exactly found_exact 256 2 => 3",
            "(exact): '256' does not fit in 8 bits",
        ),
        (
            "tables",
            "table_add exactly found_exact one 2 => 3",
            "(exact): 'one', expected a number (10, 0x0a) or a MAC, IPv4 or IPv6 address",
        ),
        (
            "tables",
            "table_add exactly found_exact 1 2 => 99999",
            "action 'TableIngress.found_exact', parameter ",
        ),
        (
            "tables",
            "table_add longest found_longest 16 1 => 3",
            "(lpm): '16', expected VALUE/LENGTH, such as 10.0.0.0/8",
        ),
        (
            "tables",
            "table_add longest found_longest 16/17 1 => 3",
            "(lpm): '16/17', expected a prefix length of at most 16",
        ),
        (
            "tables",
            "table_add patterned found_ternary 1 2&&&3 => 3 1",
            "(ternary): '1', expected VALUE&&&MASK",
        ),
        (
            "tables",
            "table_add patterned found_ternary 1&&&1 2&&&3 => 3 high",
            "table 'TableIngress.patterned', priority (the last argument): 'high', expected",
        ),
        (
            "tables",
            "table_add ranged found_range 9->2 1->1 0&&&0 => 3 1",
            "(range): '9->2', expected LOW->HIGH with LOW at most HIGH",
        ),
        (
            "selector",
            "table_add balanced send 1 => 2",
            "it takes members of 'SelectorIngress.paths', expected table_indirect_add",
        ),
        ("tables", "table_indirect_add exactly 1 2 => 0", "it has no action profile, expected"),
        (
            "selector",
            "table_indirect_add balanced 1 => 7",
            "member handle 7 is unknown",
        ),
        ("externs", "register_write cells 999999 1", "index: '999999', expected a number, 0.."),
        ("externs", "register_write nowhere 1 1", "register 'nowhere': unknown, expected"),
        ("externs", "meter_set_rates pace 1 fast 1:2", "'fast', expected RATE:BURST"),
        ("externs", "meter_set_rates pace 1 1e999:1 1:2", "'1e999:1', expected RATE:BURST"),
        ("externs", "meter_set_rates pace 1 -1:1 1:2", "meter"),
        ("externs", f"counter_write seen 2 {1 << 63} 1", "counter"),
        ("externs", "register_write " + "x" * 5000 + " 1 1", f"register '{'x' * 80}…{'x' * 80}'"),
        ("replication", "mc_node_associate 4 0", "node handle 0 is unknown"),
        ("replication", "mc_node_create 1 2 | 300", "expected a number, 0..256"),
        ("replication", "mc_mgrp_create 0", "multicast group 0: id outside 1..32767"),
        ("replication", "mirroring_add 1", "1 arguments: expected mirroring_add SESSION"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path: Path, name: str, line: str, message: str) -> None:
    error = refused(tmp_path, name, "# first line", line)
    assert error.line == 2
    assert str(error).startswith(f"{tmp_path}/entries.txt:2: ")
    assert message in str(error)
    assert "\n" not in str(error)


def test_a_duplicate_entry_is_reported_with_its_line(tmp_path: Path) -> None:
    line = "table_add exactly found_exact 1 2 => 3"
    error = refused(tmp_path, "tables", line, line)
    assert str(error).endswith("table 'TableIngress.exactly': it already has this entry (line 1)")


def test_a_suffix_that_several_have_is_refused() -> None:
    names = ["In.acl.check", "Out.acl.check", "Out.acl.count"]
    assert find_name("table", "count", names) == "Out.acl.count"
    with pytest.raises(InvalidLine) as caught:
        find_name("table", "acl.check", names)
    assert caught.value.reason == "ambiguous: In.acl.check, Out.acl.check"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "entries"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(EntriesError, match="byte 0 is not UTF-8 text"):
        load_entries(file, loaded("tables"), None)


# -- the tutorials' runtime files ------------------------------------------------------------------


def runtime(tmp_path: Path, name: str, **members: object) -> Dataplane:
    file = tmp_path / "s1-runtime.json"
    file.write_text(json.dumps({"target": "bmv2", "p4info": "x", "bmv2_json": "y", **members}))
    plane = loaded(name)
    load_entries(file, plane, None)
    return plane


def row(table: str, action: str, params: dict[str, object], **more: object) -> dict[str, object]:
    return {"table": table, "action_name": action, "action_params": params, **more}


def test_the_tutorials_runtime_files_are_taken(tmp_path: Path) -> None:
    exact = {"hdr.key.a": 1, "hdr.key.b": "0x0002"}
    ranged = {"hdr.key.a": [2, 9]}
    rows = [
        row("TableIngress.exactly", "TableIngress.found_exact", {"v": 7}, match=exact),
        row("longest", "found_longest", {"v": 8}, match={"hdr.key.b": ["16", 12], "hdr.key.c": 3}),
        row("patterned", "found_ternary", {"v": 9}, match={"hdr.key.a": [5, 6]}, priority=4),
        row("ranged", "found_range", {"v": 1}, match=ranged, priority=2),
        row("exactly", "found_exact", {"v": 6}, default_action=True),
    ]
    plane = runtime(tmp_path, "tables", table_entries=rows)
    (first,) = plane.entries("TableIngress.exactly")
    assert first.key == (Exact(1), Exact(2))
    assert first.opaque == Origin("s1-runtime.json table_entries[0]")
    assert plane.entries("TableIngress.longest")[0].key == (Lpm(16, 12), Exact(3))
    (patterned,) = plane.entries("TableIngress.patterned")
    assert (patterned.key, patterned.priority) == ((Ternary(4, 6), Ternary(0, 0)), 4)
    expected = (Range(2, 9), Range(0, 0xFFFF), Ternary(0, 0))
    assert plane.entries("TableIngress.ranged")[0].key == expected
    default = plane.default_action("TableIngress.exactly")
    assert default == ActionCall("TableIngress.found_exact", (6,))


def test_groups_and_sessions_of_runtime_files(tmp_path: Path) -> None:
    replicas = [{"egress_port": 1, "instance": 2}]
    plane = runtime(
        tmp_path,
        "replication",
        multicast_group_entries=[{"multicast_group_id": 3, "replicas": replicas}],
        clone_session_entries=[
            {"clone_session_id": 4, "replicas": replicas, "packet_length_bytes": 99}
        ],
    )
    assert plane.multicast_groups() == [MulticastGroup(3, (Replica(1, 2),))]
    assert plane.clone_sessions() == [CloneSession(4, (Replica(1, 2),), packet_length_bytes=99)]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            row("exacty", "x", {}),
            "table_entries[0], table 'exacty': unknown, expected one of",
        ),
        (row("exactly", "x", {}), "table 'TableIngress.exactly': action 'x': unknown, expected"),
        (
            row("exactly", "found_exact", {"w": 1}),
            "action 'TableIngress.found_exact': parameters w, expected v",
        ),
        (row("exactly", "found_exact", {"a\nb": 1}), "parameters a\\nb, expected v"),
        (
            row("exactly", "found_exact", {"v": 1}, match={"hdr.key.a": 1}),
            "table 'TableIngress.exactly': match fields hdr.key.a, expected hdr.key.a, hdr.key.b",
        ),
        (
            row("exactly", "found_exact", {"v": 1}, match={"hdr.key.a": 256, "hdr.key.b": 1}),
            "field 'hdr.key.a' (exact): '256' does not fit in 8 bits",
        ),
        (
            row("longest", "found_longest", {"v": 1}, match={"hdr.key.b": 1, "hdr.key.c": 1}),
            "field 'hdr.key.b' (lpm): 1, expected [value, length]",
        ),
        ({"table": "exactly"}, "$.table_entries[0]: expected a member 'action_name', found none"),
        ([], "$.table_entries[0]: expected a JSON object, found []"),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, entry: object, message: str) -> None:
    with pytest.raises(EntriesError) as caught:
        runtime(tmp_path, "tables", table_entries=[entry])
    assert str(caught.value).startswith(f"{tmp_path}/s1-runtime.json: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_member_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EntriesError, match="member 'table_entrys': expected one of multicast_g"):
        runtime(tmp_path, "tables", table_entrys=[])


# -- P4Runtime's text ------------------------------------------------------------------------------


def ids() -> tuple[int, int]:
    """P4Info's numbers of the table `exactly` and its action."""
    info = text_format.Parse((COMPILED / "tables.p4info.txtpb").read_text(), p4info_pb2.P4Info())
    table = next(t.preamble.id for t in info.tables if t.preamble.name.endswith(".exactly"))
    action = next(a.preamble.id for a in info.actions if a.preamble.name.endswith(".found_exact"))
    return table, action


def request(value: bytes) -> p4rt.WriteRequest:
    table, action = ids()
    made = p4rt.WriteRequest()
    for first in (b"\x01", value):
        entry = made.updates.add(type=p4rt.Update.INSERT).entity.table_entry
        entry.table_id = table
        for number, each in enumerate((first, b"\x02"), start=1):
            entry.match.add(field_id=number).exact.value = each
        entry.action.action.action_id = action
        entry.action.action.params.add(param_id=1, value=b"\x07")
    return made


def test_a_write_request_is_applied(tmp_path: Path) -> None:
    file = tmp_path / "entries.txtpb"
    file.write_text(text_format.MessageToString(request(b"\x05")))
    plane = loaded("tables")
    load_entries(file, plane, find_p4info(COMPILED / "tables.json"))
    keys = [entry.key for entry in plane.entries("TableIngress.exactly")]
    assert keys == [(Exact(1), Exact(2)), (Exact(5), Exact(2))]


def test_what_a_read_gave_is_written_again(tmp_path: Path) -> None:
    answer = p4rt.ReadResponse()
    answer.entities.extend(update.entity for update in request(b"\x05").updates)
    default = answer.entities.add().table_entry
    default.table_id, action_id = ids()
    default.is_default_action = True
    default.action.action.action_id = action_id
    default.action.action.params.add(param_id=1, value=b"\x09")
    file = tmp_path / "entries.txtpb"
    file.write_text(text_format.MessageToString(answer))
    plane = loaded("tables")
    load_entries(file, plane, COMPILED / "tables.p4info.txtpb")
    assert len(plane.entries("TableIngress.exactly")) == 2
    default_action = ActionCall("TableIngress.found_exact", (9,))
    assert plane.default_action("TableIngress.exactly") == default_action


def test_a_wrong_update_is_reported_with_its_line_and_number(tmp_path: Path) -> None:
    file = tmp_path / "entries.txtpb"
    text = text_format.MessageToString(request(b"\x05\x05"))
    file.write_text(text)
    with pytest.raises(EntriesError) as caught:
        load_entries(file, loaded("tables"), COMPILED / "tables.p4info.txtpb")
    second = text.splitlines().index("updates {", 1) + 1
    assert str(caught.value).startswith(f"{file}:{second}: update 2, table_entry: ")
    assert "0x0505 does not fit in bit<8>" in str(caught.value)
    assert "TableIngress.exactly" in str(caught.value)


def test_broken_text_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "entries.txtpb"
    file.write_text("updates {\n  typ: INSERT\n}\n")
    with pytest.raises(EntriesError) as caught:
        load_entries(file, loaded("tables"), COMPILED / "tables.p4info.txtpb")
    assert str(caught.value).startswith(f"{file}:2: WriteRequest: ")


def test_text_without_p4info_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "entries.txtpb"
    file.write_text("")
    with pytest.raises(EntriesError, match="expected one beside the program or --p4info"):
        load_entries(file, loaded("tables"), find_p4info(tmp_path / "prog.json"))
    assert find_p4info(JSON) == P4INFO
