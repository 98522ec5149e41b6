"""The Thrift services of --thrift-port, by the library's client, over a data plane in reach."""

import hashlib
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from thrift.Thrift import TApplicationException

from tests.v1switch.test_entryfile import load
from tests.v1switch.thrift_client import Client, Failed, exact, options
from tests.v1switch.twin import COMPILED, loaded
from v1switch.bmthrift import structs
from v1switch.bmthrift.codes import CounterCode, McCode, MeterCode, SwapCode, TableCode
from v1switch.bmthrift.serving import serve
from v1switch.commands.loading import restore
from v1switch.commands.options import parse
from v1switch.commands.thrift_port import ThriftOptions, serving
from v1switch.control.dataplane import Dataplane
from v1switch.errors import NoProgram, SwitchError
from v1switch.io.counters import Counters, InterfaceCounters
from v1switch.io.port_changes import FixedPorts
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    CloneSession,
    Exact,
    Group,
    GroupMember,
    Member,
    MulticastGroup,
    Replica,
    TableEntry,
    WeightedAction,
)

EXACT, FOUND = "TableIngress.exactly", "TableIngress.found_exact"
TERNARY, PATTERN = "TableIngress.patterned", "TableIngress.found_ternary"
BALANCED, PATHS, SEND = "SelectorIngress.balanced", "SelectorIngress.paths", "SelectorIngress.send"
PORTS = FixedPorts(lambda: Counters((InterfaceCounters(2, "eth2", True, 0, 0, 0, 0, 0),), 0))


@pytest.fixture
def plane() -> Dataplane:
    return loaded("tables")


@pytest.fixture
def thrift(plane: Dataplane) -> Iterator[Client]:
    server = serve(plane, "127.0.0.1", 0, device_id=3, ports=PORTS)
    made = Client(server.port)
    yield made
    made.close()
    server.stop()


def code(call, *arguments) -> int:
    with pytest.raises(Failed) as refused:
        call(*arguments)
    return refused.value.code


def add(thrift: Client, a: int, value: int = 1) -> int:
    key = exact(bytes([a]), b"\0\0")
    return thrift.standard.bm_mt_add_entry(0, EXACT, key, FOUND, [bytes([value])], options())


# -- tables ----------------------------------------------------------------------------------------


def test_entries_come_and_go_by_handles(plane: Dataplane, thrift: Client) -> None:
    calls = thrift.standard
    assert [add(thrift, n) for n in (1, 2, 3)] == [0, 1, 2]
    assert code(add, thrift, 3) == TableCode.DUPLICATE_ENTRY
    calls.bm_mt_modify_entry(0, EXACT, 1, FOUND, [b"\x09"])
    calls.bm_mt_delete_entry(0, EXACT, 0)
    assert code(calls.bm_mt_delete_entry, 0, EXACT, 0) == TableCode.INVALID_HANDLE
    assert add(thrift, 4, 255) == 1 << 24, "the place is free again, its version has grown"
    assert code(calls.bm_mt_get_entry, 0, EXACT, 0) == TableCode.EXPIRED_HANDLE
    found = calls.bm_mt_get_entries(0, EXACT)
    assert [each.entry_handle for each in found] == [1 << 24, 1, 2]
    assert [each.action_entry.action_data for each in found] == [[b"\xff"], [b"\x09"], [b"\x01"]]
    assert {entry.key[0] for entry in plane.entries(EXACT)} == {Exact(2), Exact(3), Exact(4)}


def test_a_handle_of_a_high_version_is_negative_on_the_wire(thrift: Client) -> None:
    for _ in range(129):
        handle = add(thrift, 1)
        thrift.standard.bm_mt_delete_entry(0, EXACT, handle)
    assert handle == -(1 << 31)


def test_low_priorities_win_as_in_bmv2(plane: Dataplane, thrift: Client) -> None:
    anything = structs.TernaryParam(b"\0", b"\0"), structs.TernaryParam(b"\0\0", b"\0\0")
    key = [structs.MatchParam(structs.TERNARY, ternary=each) for each in anything]
    for priority in (20, 10):
        data = [bytes([priority])]
        thrift.standard.bm_mt_add_entry(0, TERNARY, key, PATTERN, data, options(priority))
    first, second = thrift.standard.bm_mt_get_entries(0, TERNARY)
    assert (first.options.priority, second.options.priority) == (20, 10)
    ranks = [entry.priority for entry in plane.entries(TERNARY)]
    assert ranks[0] < ranks[1]
    found = thrift.standard.bm_mt_get_entry_from_key(0, TERNARY, key, options(10))
    assert found.entry_handle == second.entry_handle


@pytest.mark.parametrize(
    ("key", "action", "data", "expected"),
    [
        (exact(b"\1"), FOUND, [b"\1"], TableCode.BAD_MATCH_KEY),
        (exact(b"\1", b"\1"), FOUND, [b"\1"], TableCode.BAD_MATCH_KEY),
        ([structs.MatchParam(structs.LPM)] * 2, FOUND, [b"\1"], TableCode.BAD_MATCH_KEY),
        (exact(b"\1", b"\0\0"), "nothing", [b"\1"], TableCode.INVALID_ACTION_NAME),
        (exact(b"\1", b"\0\0"), FOUND, [], TableCode.BAD_ACTION_DATA),
    ],
)
def test_wrong_entries(thrift: Client, key, action: str, data, expected: int) -> None:
    add_entry = thrift.standard.bm_mt_add_entry
    assert code(add_entry, 0, EXACT, key, action, data, options()) == expected
    assert code(add_entry, 0, "x", key, action, data, options()) == TableCode.INVALID_TABLE_NAME
    assert thrift.standard.bm_mt_get_num_entries(0, EXACT) == 0


def test_what_is_left_out_is_zero(thrift: Client) -> None:
    assert code(thrift.standard.bm_mt_add_entry) == TableCode.INVALID_TABLE_NAME
    with pytest.raises(TApplicationException, match="one context"):
        thrift.standard.bm_mt_get_num_entries(1, EXACT)


def test_timeouts_and_default_entries(plane: Dataplane, thrift: Client) -> None:
    handle, calls = add(thrift, 1), thrift.standard
    calls.bm_mt_set_entry_ttl(0, EXACT, handle, 1500)
    assert calls.bm_mt_get_entry(0, EXACT, handle).life.timeout_ms == 1500
    longest = "TableIngress.longest"
    assert code(calls.bm_mt_set_entry_ttl, 0, longest, 0, 5) == TableCode.AGEING_DISABLED
    calls.bm_mt_set_default_action(0, EXACT, FOUND, [b"\5"])
    assert plane.default_action(EXACT) == ActionCall(FOUND, (5,))
    assert calls.bm_mt_get_default_entry(0, EXACT).action_data == [b"\5"]
    calls.bm_mt_clear_entries(0, EXACT, True)
    assert plane.default_action(EXACT) != ActionCall(FOUND, (5,))
    assert add(thrift, 1) == 0, "handles start again"


# -- action profiles -------------------------------------------------------------------------------


@pytest.fixture
def selector(plane: Dataplane) -> Dataplane:
    plane.load(loaded("selector").state.program)
    return plane


def test_members_and_groups(selector: Dataplane, thrift: Client) -> None:
    calls = thrift.standard
    members = [calls.bm_mt_act_prof_add_member(0, PATHS, SEND, [bytes([n])]) for n in (1, 2)]
    group = calls.bm_mt_act_prof_create_group(0, PATHS)
    assert (members, group) == ([0, 1], 0)
    add_group = calls.bm_mt_indirect_ws_add_entry
    assert code(add_group, 0, BALANCED, exact(b"\5"), 0, options()) == TableCode.EMPTY_GRP
    calls.bm_mt_act_prof_add_member_to_group(0, PATHS, 1, 0)
    into = calls.bm_mt_act_prof_add_member_to_group
    assert code(into, 0, PATHS, 1, 0) == TableCode.MBR_ALREADY_IN_GRP
    assert add_group(0, BALANCED, exact(b"\5"), 0, options()) == 0
    delete = calls.bm_mt_act_prof_delete_member
    assert code(delete, 0, PATHS, 1) == TableCode.MBR_STILL_USED
    assert code(calls.bm_mt_act_prof_delete_group, 0, PATHS, 0) == TableCode.GRP_STILL_USED
    (entry,) = calls.bm_mt_get_entries(0, BALANCED)
    assert (entry.action_entry.action_type, entry.action_entry.grp_handle) == (structs.GROUP, 0)
    assert code(calls.bm_mt_delete_entry, 0, BALANCED, 0) == TableCode.WRONG_TABLE_TYPE


def test_handles_of_what_p4runtime_made(selector: Dataplane, thrift: Client) -> None:
    """A weight is a copy of the member for each unit, an action set a group, as PI makes them."""
    for number in (70, 80):
        selector.insert_member(PATHS, Member(number, ActionCall(SEND, (number,))))
    members = (GroupMember(80, 3), GroupMember(70))
    selector.insert_group(PATHS, Group(9, members))
    calls = thrift.standard
    assert calls.bm_mt_act_prof_get_group(0, PATHS, 0).mbr_handles == [0, 1, 2, 3]
    calls.bm_mt_act_prof_remove_member_from_group(0, PATHS, 0, 0)
    assert selector.groups(PATHS)[0].members == (GroupMember(80, 3),)
    selector.delete_group(PATHS, 9)
    actions = ActionSet(tuple(WeightedAction(ActionCall(SEND, (n,)), n) for n in (1, 2)))
    selector.insert_entry(BALANCED, TableEntry((Exact(1),), actions))
    (entry,) = calls.bm_mt_get_entries(0, BALANCED)
    group = calls.bm_mt_act_prof_get_group(0, PATHS, entry.action_entry.grp_handle)
    assert group.mbr_handles == [2, 3, 4]
    assert code(calls.bm_mt_act_prof_delete_member, 0, PATHS, 2) == TableCode.MBR_STILL_USED
    calls.bm_mt_indirect_delete_entry(0, BALANCED, entry.entry_handle)
    assert [each.mbr_handle for each in calls.bm_mt_act_prof_get_members(0, PATHS)] == [0, 1]


def test_what_is_undone_keeps_its_handles(selector: Dataplane, thrift: Client) -> None:
    calls = thrift.standard
    for number in (0, 1, 2, 3):
        calls.bm_mt_act_prof_add_member(0, PATHS, SEND, [bytes([number])])
        calls.bm_mt_indirect_add_entry(0, BALANCED, exact(bytes([number])), number, options())
    calls.bm_mt_indirect_delete_entry(0, BALANCED, 0)
    calls.bm_mt_act_prof_delete_member(0, PATHS, 0)  # leaves a lower number free
    before = calls.bm_mt_get_entries(0, BALANCED), calls.bm_mt_act_prof_get_members(0, PATHS)

    def changes() -> None:
        with selector.transaction():
            selector.delete_entry(BALANCED, (Exact(2),))
            selector.delete_member(PATHS, selector.member_id(PATHS, 2))
            selector.add_member(PATHS, ActionCall(SEND, (9,)))
            selector.clear_entries(BALANCED)
            selector.insert_multicast_group(MulticastGroup(3, (Replica(1),)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        changes()
    after = calls.bm_mt_get_entries(0, BALANCED), calls.bm_mt_act_prof_get_members(0, PATHS)
    assert after == before
    assert json.loads(thrift.multicast.bm_mc_get_entries(0))["l1_handles"] == []
    calls.bm_mt_indirect_delete_entry(0, BALANCED, 1)
    again = calls.bm_mt_indirect_add_entry(0, BALANCED, exact(b"\7"), 1, options())
    assert again == 1 << 24, "the lowest place, freed once"


# -- counters, meters, registers -------------------------------------------------------------------


def test_arrays(plane: Dataplane, thrift: Client) -> None:
    plane.load(loaded("externs").state.program)
    calls, seen, pace = thrift.standard, "ExternIngress.seen", "ExternIngress.pace"
    calls.bm_counter_write(0, seen, 2, structs.CounterValue(700, 7))
    value = calls.bm_counter_read(0, seen, 2)
    assert (value.packets, value.bytes) == (7, 700)
    calls.bm_counter_reset_all(0, seen)
    assert calls.bm_counter_read(0, seen, 2).packets == 0
    assert code(calls.bm_counter_read, 0, seen, 1 << 20) == CounterCode.INVALID_INDEX
    assert code(calls.bm_counter_read, 0, "x", 0) == CounterCode.INVALID_COUNTER_NAME
    rates = [structs.MeterRate(0.5, 10), structs.MeterRate(1.0, 20)]
    calls.bm_meter_set_rates(0, pace, 1, rates)
    assert calls.bm_meter_get_rates(0, pace, 1) == rates
    assert calls.bm_meter_get_rates(0, pace, 0) == []
    wrong = code(calls.bm_meter_set_rates, 0, pace, 1, rates[::-1])
    assert wrong == MeterCode.INVALID_INFO_RATE_VALUE
    infinite = [structs.MeterRate(0.5, 10), structs.MeterRate(float("inf"), 20)]
    assert code(calls.bm_meter_set_rates, 0, pace, 1, infinite) == MeterCode.ERROR
    cells = "ExternIngress.cells"
    calls.bm_register_write_range(0, cells, 1, 3, -1)
    ones = (1 << plane.state.registers[cells].width) - 1
    assert calls.bm_register_read_all(0, cells)[:4] == [0, ones, ones, 0]


def test_value_sets(plane: Dataplane, thrift: Client) -> None:
    (name,) = plane.state.value_sets
    for value in (b"\x08", b"\x06", b"\x08"):
        thrift.standard.bm_parse_vset_add(0, name, value)
    assert thrift.standard.bm_parse_vset_get(0, name) == [b"\x08", b"\x06"]
    thrift.standard.bm_parse_vset_remove(0, name, b"\x08")
    assert [member.value for member in plane.value_set(name)] == [6]


# -- replication -----------------------------------------------------------------------------------


def test_nodes_and_sessions(plane: Dataplane, thrift: Client) -> None:
    mc = thrift.multicast
    plane.insert_multicast_group(MulticastGroup(9, (Replica(3, 1), Replica(1, 1), Replica(4, 2))))
    plane.insert_clone_session(CloneSession(5, (Replica(6),)))
    assert mc.bm_mc_mgrp_create(0, 4) == 4
    node = mc.bm_mc_node_create(0, 11, "110", "100000")
    assert node == 3, "P4Runtime's group has a node for each instance, and so has its session"
    mc.bm_mc_node_associate(0, 4, node)
    assert code(mc.bm_mc_node_associate, 0, 9, node) == McCode.ERROR
    mc.bm_mc_set_lag_membership(0, 5, "110000000")
    thrift.switch.mirroring_session_add(7, structs.MirroringConfig(2, 4))
    assert plane.multicast_groups()[1].replicas == (Replica(1, 11), Replica(2, 11), Replica(8, 11))
    followed = plane.clone_sessions()[1].replicas
    assert followed == (Replica(2), Replica(1, 11), Replica(2, 11), Replica(8, 11))
    groups = {each["id"]: each for each in json.loads(mc.bm_mc_get_entries(0))["mgrps"]}
    assert {number: each["l1_handles"] for number, each in groups.items()} == {
        4: [3],
        9: [0, 1],
        (1 << 15) + 5: [2],
    }
    session = thrift.switch.mirroring_session_get(5)
    assert (session.port, session.mgid) == (None, (1 << 15) + 5)
    mc.bm_mc_node_update(0, 0, "1", "")
    changed = plane.multicast_groups()[0].replicas
    assert changed == (Replica(0, 2), Replica(1, 1), Replica(3, 1))
    mc.bm_mc_mgrp_destroy(0, 4)
    assert plane.clone_sessions()[1].replicas == (Replica(2),)
    assert code(mc.bm_mc_node_destroy, 0, 99) == McCode.INVALID_L1_HANDLE
    assert code(mc.bm_mc_node_create, 0, 1, "2", "") == McCode.ERROR


# -- programs and the switch -----------------------------------------------------------------------


def test_programs_are_swapped(plane: Dataplane, thrift: Client) -> None:
    calls, other = thrift.standard, (COMPILED / "selector.json").read_text()
    assert code(calls.bm_swap_configs) == SwapCode.NO_ONGOING_SWAP
    with pytest.raises(TApplicationException, match="JSON"):
        calls.bm_load_new_config("{")
    calls.bm_load_new_config(other)
    assert code(calls.bm_load_new_config, other) == SwapCode.ONGOING_SWAP
    assert calls.bm_get_config() == other
    assert calls.bm_get_config_md5() == hashlib.md5(other.encode()).digest()
    calls.bm_mt_act_prof_add_member(0, PATHS, SEND, [b"\1"])
    assert EXACT in plane.state.tables, "the old program still runs"
    calls.bm_swap_configs()
    assert plane.members(PATHS) == [Member(0, ActionCall(SEND, (1,)))]
    assert calls.bm_get_id_from_name(0, 0, BALANCED) == plane_id(other, BALANCED)
    assert code(calls.bm_get_id_from_name, 0, 0, "x") == 1


def test_who_writes_to_a_program_that_was_just_swapped_in_is_told(plane: Dataplane) -> None:
    staged = plane.stage(loaded("tables").state.program)
    entry = TableEntry((Exact(1), Exact(2)), ActionCall(FOUND, (1,)))
    staged.plane.insert_entry(EXACT, entry)
    plane.adopt_staged(staged)
    assert plane.entries(EXACT) == [entry]
    with pytest.raises(NoProgram):
        staged.plane.clear_entries(EXACT)


def test_clients_and_packets_at_once(plane: Dataplane, thrift: Client) -> None:
    """Thrift, another controller and packets in threads: each finds its own as it left it."""
    wrong: list[str] = []

    def other() -> None:
        for _ in range(300):
            entry = TableEntry((Exact(200), Exact(0)), ActionCall(FOUND, (1,)))
            with plane.transaction():
                handle = plane.insert_entry(EXACT, entry)
                if plane.entry_at(EXACT, handle) != entry:
                    wrong.append("another entry")
                plane.delete_entry(EXACT, entry.key)

    def packets() -> None:
        for _ in range(300):
            plane.process(1, bytes(60))

    threads = [threading.Thread(target=each) for each in (other, packets)]
    for thread in threads:
        thread.start()
    for n in range(150):
        handle = add(thrift, n)
        found = thrift.standard.bm_mt_get_entry(0, EXACT, handle)
        assert found.match_key[0].exact.key == bytes([n])
        thrift.standard.bm_mt_delete_entry(0, EXACT, handle)
    for thread in threads:
        thread.join()
    assert (wrong, plane.entries(EXACT)) == ([], [])


def plane_id(text: str, name: str) -> int:
    pipelines = json.loads(text)["pipelines"]
    return next(t["id"] for p in pipelines for t in p["tables"] if t["name"] == name)


def test_swapping_can_be_disabled(plane: Dataplane) -> None:
    server = serve(plane, "127.0.0.1", 0, can_swap=False)
    client = Client(server.port)
    assert code(client.standard.bm_swap_configs) == SwapCode.CONFIG_SWAP_DISABLED
    client.close()
    server.stop()
    assert parse(["p.json"], "simple_switch").thrift.can_swap is False
    assert parse(["p.json", "--", "--enable-swap"], "simple_switch").thrift.can_swap
    grpc = parse(["--thrift-port", "9090", "p.json", "--", "--disable-swap"], "simple_switch_grpc")
    assert grpc.thrift.can_swap is False


def test_the_switch_tells_of_itself(plane: Dataplane, thrift: Client) -> None:
    info = thrift.standard.bm_mgmt_get_info()
    assert (info.device_id, info.notifications_socket) == (3, "")
    (port,) = thrift.standard.bm_dev_mgr_show_ports()
    assert (port.port_num, port.iface_name, port.is_up) == (2, "eth2", True)
    assert code(thrift.standard.bm_dev_mgr_add_port, "eth3", 3, "") == 1
    assert thrift.switch.get_time_elapsed_us() <= (plane.clock() - plane.started) // 1000
    assert code(thrift.standard.bm_learning_ack_buffer, 0, 99, 0) == 1
    add(thrift, 1)
    thrift.standard.bm_reset_state()
    assert plane.entries(EXACT) == []


def test_queues(plane: Dataplane, thrift: Client) -> None:
    switch = thrift.switch
    assert switch.set_all_egress_queue_depths(5) == 0
    assert switch.set_egress_queue_depth(2, 7) == 0
    assert switch.set_egress_priority_queue_rate(2, 0, 100) == 0
    assert switch.set_all_egress_queue_rates(50) == 0
    assert switch.set_egress_queue_rate(3, -1) == 0
    found = [plane.queue(port) for port in (2, 3)]
    assert [queue.depth for queue in found] == [7, 5]
    assert found[0].rate == 50
    with pytest.raises(TApplicationException, match="priority"):
        switch.set_egress_priority_queue_depth(2, 9, 1)


def test_the_state_as_text_is_loaded_again(selector: Dataplane, thrift: Client, tmp_path) -> None:
    """What is serialized is an entry file: the switch that reads it serializes the same."""
    load(
        *(tmp_path, selector, "act_prof_create_member paths send 1"),
        *("act_prof_create_member paths send 2", "act_prof_delete_member paths 0"),
        *("act_prof_create_group paths", "act_prof_add_member_to_group paths 1 0"),
        *("table_indirect_add_with_group balanced 5 => 0", "table_indirect_add balanced 6 => 1"),
        *("table_indirect_set_default balanced 1", "mc_mgrp_create 4", "mc_node_create 1 2 3 | 9"),
        *("mc_node_associate 4 0", "mirroring_add 5 3", "mirroring_add_mc 6 4"),
    )
    text = thrift.standard.bm_serialize_state()
    (tmp_path / "state").write_text(text)
    other = loaded("selector")
    restore(other, tmp_path / "state")
    server = serve(other, "127.0.0.1", 0)
    client = Client(server.port)
    assert client.standard.bm_serialize_state() == text
    assert "table_indirect_add_with_group" in text
    (tmp_path / "state").write_bytes(b"06062016_0\n\xff")
    with pytest.raises(SwitchError, match="another kind of file"):
        restore(other, tmp_path / "state")
    client.close()
    server.stop()


# -- the command line ------------------------------------------------------------------------------


def test_thrift_is_on_loopback_and_only_when_it_is_asked_for() -> None:
    assert parse(["p.json"], "simple_switch_grpc").thrift is None
    assert parse(["--thrift-port", "5", "p.json"]).thrift == ThriftOptions(
        "127.0.0.1", 5, True, True
    )
    plain = parse(["p.json"], "simple_switch").thrift
    assert (plain.host, plain.port, plain.asked) == ("127.0.0.1", 9090, False)
    told = parse(["--thrift-port", "5", "--thrift-address", "0.0.0.0", "p.json"]).thrift
    assert told.host == "0.0.0.0"


def test_a_missing_library_is_one_line(plane: Dataplane, monkeypatch, caplog) -> None:
    for name in [each for each in sys.modules if each.startswith("v1switch.bmthrift")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "thrift", None)
    monkeypatch.setitem(sys.modules, "thrift.Thrift", None)
    asked = ThriftOptions("127.0.0.1", 9090, asked=True, can_swap=True)
    with caplog.at_level(logging.WARNING), serving(asked, plane, 0, PORTS):
        (record,) = caplog.records
    assert "v1switch[thrift]" in record.getMessage()


def test_a_port_in_use(plane: Dataplane, caplog) -> None:
    server = serve(plane, "127.0.0.1", 0)
    taken = ThriftOptions("127.0.0.1", server.port, asked=False, can_swap=True)
    with caplog.at_level(logging.WARNING), serving(taken, plane, 0, PORTS):
        assert "cannot listen" in caplog.text
    server.stop()
