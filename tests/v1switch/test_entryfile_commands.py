"""All commands of BMv2 1.15's simple_switch_CLI in entry files: handles, changes, what is noted."""

import logging
from pathlib import Path

import pytest

from tests.v1switch import small
from tests.v1switch.test_entryfile import load, refused, runtime, written
from tests.v1switch.test_hashes import RSS
from tests.v1switch.twin import loaded
from v1switch.bmthrift.state_text import commands
from v1switch.entryfile import EntriesError
from v1switch.entryfile.commands import WITHOUT_EFFECT, _Runner
from v1switch.entryfile.tally import Tally, stop
from v1switch.state.entries import (
    ActionCall,
    CloneSession,
    CounterData,
    Exact,
    GroupMember,
    MeterConfig,
    Replica,
    ValueSetMember,
)
from v1switch.state.queues import QueueInfo

EXACT, TERNARY = "TableIngress.exactly", "TableIngress.patterned"
ROWS = [f"table_add exactly found_exact {n} 0 => {n}" for n in (1, 2, 3)]

# every do_ of tools/runtime_CLI.py and targets/simple_switch/sswitch_CLI.py of BMv2 1.15.5
CLI = """
greet EOF shell show_tables show_actions table_show_actions table_info table_set_default
table_reset_default table_num_entries table_clear table_add table_set_timeout table_modify
table_delete act_prof_create_member table_indirect_create_member act_prof_delete_member
table_indirect_delete_member act_prof_modify_member table_indirect_modify_member
table_indirect_add table_indirect_add_with_group table_indirect_delete
table_indirect_set_default table_indirect_set_default_with_group table_indirect_reset_default
act_prof_create_group table_indirect_create_group act_prof_delete_group
table_indirect_delete_group act_prof_add_member_to_group table_indirect_add_member_to_group
act_prof_remove_member_from_group table_indirect_remove_member_from_group mc_mgrp_create
mc_mgrp_destroy mc_node_create mc_node_update mc_node_associate mc_node_dissociate
mc_node_destroy mc_set_lag_membership mc_dump load_new_config_file swap_configs
meter_array_set_rates meter_set_rates meter_get_rates counter_read counter_write counter_reset
register_read register_write register_reset table_dump_entry act_prof_dump_member
table_dump_member act_prof_dump_group table_dump_group act_prof_dump table_dump
table_dump_entry_from_key show_pvs pvs_add pvs_remove pvs_get pvs_clear port_add port_remove
show_ports switch_info reset_state write_config_to_file serialize_state set_crc16_parameters
set_crc32_parameters set_toeplitz_hash_key set_queue_depth set_queue_rate mirroring_add
mirroring_add_mc mirroring_delete mirroring_get get_time_elapsed get_time_since_epoch help
"""


def test_every_command_of_the_cli_is_known(tmp_path: Path) -> None:
    done = _Runner(tmp_path / "x", loaded("tables"), Tally(stop)).commands
    assert [name for name in CLI.split() if name not in done and name not in WITHOUT_EFFECT] == []
    assert not done.keys() & WITHOUT_EFFECT.keys()


def test_comments_and_commands_without_effect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [
        "// tunnels of leaf 1",
        "//mc_mgrp_create 0",
        "set_queue_rate 100 3",
        "set_queue_depth 7",
        "table_dump exactly",
        "table_dump ternarily",
        "tabel_add exactly found_exact 9 0 => 9",
        *ROWS,
    ]
    with caplog.at_level(logging.WARNING, "v1switch"):
        plane = written(tmp_path, "tables", *lines)
    assert len(plane.entries(EXACT)) == 3
    place = f"{tmp_path}/entries.txt"
    assert [record.getMessage() for record in caplog.records] == [
        f"{place}:5: 'table_dump' is passed over: it only shows something",
        f"{place}:7: 'tabel_add' is passed over: unknown, did you mean table_add?",
    ]
    assert plane.queue(3) == QueueInfo(3, 0, depth=7, rate=100, waiting=0, dropped=0)
    assert plane.queue(4).rate == 0


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("set_queue_rate", "0 arguments: expected set_queue_rate PACKETS_PER_SECOND ["),
        ("set_queue_rate -1", "rate: '-1', expected a number, 0..9223372036854775807"),
        ("set_queue_depth 5 2 1", "priority: '1', expected a number, 0..0"),
        ("set_queue_depth 5 2 0 1", "4 arguments: expected set_queue_depth PACKETS [PORT"),
    ],
)
def test_queues_that_do_not_exist(line: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(EntriesError) as refused:
        written(tmp_path, "tables", line)
    assert wrong in str(refused.value)


# -- entries and their handles ---------------------------------------------------------------------


def keys(plane) -> list[int]:
    return [entry.key[0].value for entry in plane.entries(EXACT)]


def test_entries_are_changed_by_their_handles(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "tables",
        *ROWS,
        "table_modify exactly found_exact 1 7",
        "table_modify exactly found_exact 2 => 8",
        "table_delete exactly 0",
        "table_set_timeout exactly 1 1500",
    )
    assert keys(plane) == [2, 3]
    second, third = plane.entries(EXACT)
    assert second.action == ActionCall("TableIngress.found_exact", (7,))
    assert third.action == ActionCall("TableIngress.found_exact", (8,))
    assert second.idle_timeout_ns == 1_500_000_000
    assert second.opaque.where == "entries.txt:4"


def test_a_freed_handle_is_given_again_as_another_one(tmp_path: Path) -> None:
    """As in BMv2: the place is the lowest that is free, the version is in the high bits."""
    again = "table_add exactly found_exact 9 0 => 9"
    plane = written(
        *(tmp_path, "tables", *ROWS, "table_delete exactly 1", again),
        f"table_delete exactly {1 << 24 | 1}",
    )
    assert keys(plane) == [1, 3]
    error = refused(
        tmp_path, "tables", *ROWS, "table_delete exactly 1", again, "table_delete exactly 1"
    )
    assert "entry handle 1 has expired, expected one of 0, 16777217, 2" in str(error)


def test_priorities_stay_with_modified_entries(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "tables",
        "table_add patterned found_ternary 0&&&0 0&&&0 => 1 20",
        "table_modify patterned found_ternary 0 3",
    )
    (entry,) = plane.entries(TERNARY)
    assert entry.action.params == (3,)
    assert entry.opaque.priority == 20


def test_tables_are_cleared_and_defaults_reset(tmp_path: Path) -> None:
    plane = loaded("tables")
    before = plane.default_action(EXACT)
    load(
        *(tmp_path, plane, *ROWS, "table_set_default exactly found_exact 5", "table_clear exactly"),
        *("table_reset_default exactly", ROWS[0], "table_delete exactly 0"),
    )
    assert plane.entries(EXACT) == []
    assert plane.default_action(EXACT) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("table_delete exactly 0", "entry handle 0 is unknown, there is none yet"),
        ("table_set_timeout longest 0 5", "it has no timeouts (support_timeout)"),
        ("table_modify exactly found_exact x 1", "entry handle: 'x', expected a number"),
        ("mc_node_destroy 3", "node handle 3 is unknown"),
        ("mirroring_delete 3", "mirroring_delete: "),
        (
            "set_crc32_parameters calc 1 2 3 true true",
            "crc32_custom 'calc': unknown, the program has none",
        ),
        ("table_indirect_create_member exactly x", "it has no action profile"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, message: str) -> None:
    assert message in str(refused(tmp_path, "tables", line))


def test_state_is_reset(tmp_path: Path) -> None:
    plane = written(
        *(tmp_path, "tables", *ROWS, "mc_mgrp_create 4", "mc_node_create 1 2"),
        *("mc_node_associate 4 0", "mirroring_add 3 4", "reset_state", ROWS[1]),
        *("table_delete exactly 0", "mc_mgrp_create 4", "mc_node_create 5 6"),
        "mc_node_associate 4 0",
    )
    assert plane.entries(EXACT) == []
    assert [group.replicas for group in plane.multicast_groups()] == [(Replica(6, 5),)]
    assert plane.clone_sessions() == []


# -- action profiles -------------------------------------------------------------------------------


def test_members_and_groups_are_changed(tmp_path: Path) -> None:
    profile = "SelectorIngress.paths"
    plane = written(
        tmp_path,
        "selector",
        *("act_prof_create_member paths send 1", "act_prof_create_member paths send 2"),
        *("act_prof_create_member paths send 3", "act_prof_modify_member paths send 1 => 7"),
        *("act_prof_create_group paths", "act_prof_create_group paths"),
        "act_prof_add_member_to_group paths 0 0",
        "act_prof_add_member_to_group paths 1 0",
        "act_prof_remove_member_from_group paths 0 0",
        "act_prof_delete_group paths 1",
        "act_prof_delete_member paths 0",
        "table_indirect_create_member balanced send 9",
        "table_indirect_add_with_group balanced 5 => 0",
        "table_indirect_add balanced 6 => 2",
        "table_indirect_delete balanced 1",
    )
    members = {member.member_id: member.action.params for member in plane.members(profile)}
    assert members == {0: (9,), 1: (7,), 2: (3,)}, "the lowest free handle is given"
    (group,) = plane.groups(profile)
    assert group.members == (GroupMember(1),)
    assert [entry.key for entry in plane.entries("SelectorIngress.balanced")] == [(Exact(5),)]


def test_a_default_member(tmp_path: Path) -> None:
    plane = written(
        *(tmp_path, "selector", "act_prof_create_member paths send 1"),
        "table_indirect_set_default balanced 0",
    )
    assert plane.default_action("SelectorIngress.balanced") is not None
    load(tmp_path, plane, "table_indirect_reset_default balanced")
    assert plane.default_action("SelectorIngress.balanced") is None


# -- replication -----------------------------------------------------------------------------------


def test_nodes_come_and_go_and_sessions_follow_their_group(tmp_path: Path) -> None:
    plane = written(
        tmp_path,
        "replication",
        *("mc_mgrp_create 4", "mc_mgrp_create 5", "mc_node_create 11 1 2", "mc_node_create 12 3 |"),
        *("mc_node_associate 4 0", "mc_node_associate 4 1", "mirroring_add_mc 9 4"),
        *("mc_node_update 1 6", "mc_node_dissociate 4 0", "mirroring_add 8 1", "mirroring_add 8 2"),
        *("mirroring_add 7 1", "mirroring_delete 7", "mc_mgrp_destroy 5", "mc_node_destroy 0"),
        *("mc_node_create 13 7", "mc_node_associate 4 0"),
    )
    (group,) = plane.multicast_groups()
    assert group.replicas == (Replica(6, 12), Replica(7, 13))
    assert sorted(plane.clone_sessions(), key=lambda each: each.session_id) == [
        CloneSession(8, (Replica(2),)),
        CloneSession(9, group.replicas),
    ]


# -- arrays ----------------------------------------------------------------------------------------


def test_direct_counters_and_meters_by_handle(tmp_path: Path) -> None:
    table, key = "ExternIngress.entries_", (Exact(7),)
    lines = ["table_add entries_ note 7 =>", "counter_write by_entry 0 3 300"]
    plane = written(tmp_path, "externs", *lines, "meter_set_rates entry_pace 0 0.5:10 1:20")
    assert plane.direct_counter(table, key) == CounterData(3, 300)
    assert plane.direct_meter(table, key) == MeterConfig(500_000, 10, 1_000_000, 20)
    load(tmp_path, plane, "counter_reset by_entry", "meter_array_set_rates entry_pace 1:1 2:2")
    assert plane.direct_counter(table, key) == CounterData(0, 0)
    assert plane.direct_meter(table, key) == MeterConfig(1_000_000, 1, 2_000_000, 2)


def test_arrays_are_reset(tmp_path: Path) -> None:
    plane = written(
        *(tmp_path, "externs", "register_write cells 3 0x55", "counter_write seen 2 7 700"),
        *("register_reset cells", "counter_reset seen"),
    )
    assert plane.register("ExternIngress.cells", 3) == 0
    assert plane.counter("ExternIngress.seen", 2) == CounterData(0, 0)


def test_value_sets_lose_members(tmp_path: Path) -> None:
    plane = written(tmp_path, "tables", "pvs_add wanted 1", "pvs_add wanted 1", "pvs_add wanted 2")
    assert plane.value_set("TableParser.wanted") == (ValueSetMember(1), ValueSetMember(2))
    load(tmp_path, plane, "pvs_remove wanted 1", "pvs_remove wanted 9")
    assert plane.value_set("TableParser.wanted") == (ValueSetMember(2),)
    load(tmp_path, plane, "pvs_clear wanted")
    assert plane.value_set("TableParser.wanted") == ()


# -- the tutorials' runtime files ------------------------------------------------------------------


def test_an_exact_match_as_a_list_of_one(tmp_path: Path) -> None:
    row = {
        "table": "exactly",
        "action_name": "found_exact",
        "action_params": {"v": 7},
        "match": {"hdr.key.a": [1], "hdr.key.b": ["0x0002"]},
    }
    plane = runtime(tmp_path, "tables", table_entries=[row])
    assert plane.entries(EXACT)[0].key == (Exact(1), Exact(2))


# -- custom CRCs -----------------------------------------------------------------------------------

CHECK = b"123456789"  # the customary check string of CRC catalogues


def sketch() -> small.Json:
    """Two rows of a sketch: CRCs of nine bytes, behind them."""
    program = small.program()
    program["header_types"][2] = small.header_type(2, "eth_t", data=72, a=32, b=32, c=16)
    fields = [small.field("eth", "data")]
    program["calculations"] = [
        {"name": name, "id": at, "algo": algo, "input": fields}
        for at, (name, algo) in enumerate(
            [("calc", "crc32_custom"), ("calc_0", "crc32_custom"), ("calc_1", "crc16_custom")]
        )
    ]

    def hashed(name: str, calculation: str, bits: int) -> small.Json:
        parameters = [small.field("eth", name), small.number(0)]
        parameters += [{"type": "calculation", "value": calculation}, small.number(1 << bits)]
        return {"op": "modify_field_with_hash_based_offset", "parameters": parameters}

    calls = [hashed("a", "calc", 32), hashed("b", "calc_0", 32), hashed("c", "calc_1", 16)]
    program["actions"] = [small.action(0, "forward", *calls, small.egress(small.number(2)))]
    return program


# of the catalogue of parametrised CRC algorithms (reveng): width, parameters, check
CATALOGUE = [
    (32, "0x1EDC6F41 0xffffffff 0xffffffff true true", 0xE3069283),  # CRC-32/ISCSI
    (32, "0x04c11db7 0xffffffff 0xffffffff false false", 0xFC891918),  # CRC-32/BZIP2
    (32, "0x04c11db7 0xffffffff 0 0 0", 0x0376E6E7),  # CRC-32/MPEG-2
    (32, "0xf4acfb13 0xffffffff 0xffffffff true true", 0x1697D06A),  # CRC-32/AUTOSAR
    (16, "0x1021 0xffff 0 false false", 0x29B1),  # CRC-16/IBM-3740
    (16, "0x1021 0 0 false false", 0x31C3),  # CRC-16/XMODEM
    (16, "0x8005 0xffff 0 true true", 0x4B37),  # CRC-16/MODBUS
    (16, "0x1021 0xffff 0xffff True True", 0x906E),  # CRC-16/IBM-SDLC
]


@pytest.fixture(scope="module")
def rows() -> small.Both:
    return small.running(sketch())


def hashes(plane: small.Both) -> tuple[int, int, int]:
    ((_, out),) = plane.process(1, CHECK + bytes(10), 0)
    return tuple(int.from_bytes(out[at:end], "big") for at, end in ((9, 13), (13, 17), (17, 19)))


@pytest.mark.parametrize(("width", "parameters", "check"), CATALOGUE)
def test_custom_crcs(
    tmp_path: Path, rows: small.Both, width: int, parameters: str, check: int
) -> None:
    name = "calc_0" if width == 32 else "calc_1"
    load(tmp_path, rows, "reset_state", f"set_crc{width}_parameters {name} {parameters}")
    found = hashes(rows)
    assert found[0] == 0xCBF43926, "the others keep BMv2's parameters"
    assert found[1 if width == 32 else 2] == check
    load(tmp_path, rows, "reset_state")
    assert hashes(rows) == found, "they are no part of what is reset"
    assert rows.carried["python"] == 0


def test_crc_parameters_are_checked(tmp_path: Path, rows: small.Both) -> None:
    for line, message in (
        ("set_crc16_parameters calc 1 2 3 true true", "crc16_custom 'calc': unknown"),
        ("set_crc16_parameters calc_1 0x12345 0 0 true true", "does not fit in 16 bits"),
        ("set_crc32_parameters calc 1 2 3 true maybe", "'maybe', expected true or false"),
    ):
        with pytest.raises(EntriesError, match=message):
            load(tmp_path, rows, line)


def test_keys_of_toeplitz_hashes(tmp_path: Path) -> None:
    plane = loaded("hashes")
    load(tmp_path, plane, f"set_toeplitz_hash_key calc_3 {RSS.hex()}", "reset_state")
    assert plane.toeplitz("calc_3") == RSS, "they are no part of what is reset"
    assert f"set_toeplitz_hash_key calc_3 {RSS.hex()}" in list(commands(plane, plane))
    for arguments, message in (
        ("calc 00000000", "toeplitz 'calc': unknown, expected one of calc_3"),
        ("calc_3 0x12345678", "'0x12345678', expected pairs of hexadecimal digits"),
        ("calc_3 010203", "a key of 3 bytes, expected a multiple of 4, at most 1024"),
    ):
        with pytest.raises(EntriesError, match=message):
            load(tmp_path, plane, f"set_toeplitz_hash_key {arguments}")
