"""One switch, two control interfaces: what is written by P4Runtime or Thrift, the other sees."""

from collections.abc import Iterator

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.v1switch.p4runtime_zoo import CONFIG, Zoo, canonical, wanted
from tests.v1switch.thrift_client import Client, exact, options
from tests.v1switch.twin import COMPILED
from v1switch.bmthrift import structs
from v1switch.bmthrift.serving import serve
from v1switch.control.dataplane import Dataplane

EXACT, METERED = "Zoo.exact_table", "Zoo.metered_send"
TERNARY, SELECTED, SEND = "Zoo.ternary_table", "Zoo.selected_table", "Zoo.send"
KEY = exact(bytes(5) + b"\1", b"\0\1")


@pytest.fixture
def zoo(client) -> Zoo:
    made = Zoo(client, "v1switch")
    made.load()
    return made


@pytest.fixture
def thrift(plane: Dataplane) -> Iterator[Client]:
    server = serve(plane, "127.0.0.1", 0)
    made = Client(server.port)
    yield made
    made.close()
    server.stop()


def everything(zoo: Zoo, kind: str) -> list[str]:
    return zoo.read(wanted(**{kind: {}}))


def test_entries(zoo: Zoo, thrift: Client) -> None:
    calls = thrift.standard
    assert zoo.insert(zoo.exact(), zoo.ternary(priority=7)) == ["OK", "OK"]
    (found,) = calls.bm_mt_get_entries(0, EXACT)
    assert found.match_key == KEY
    (patterned,) = calls.bm_mt_get_entries(0, TERNARY)
    assert patterned.options.priority == (1 << 31) - 1 - 7
    by_p4runtime = zoo.read(zoo.exact())
    calls.bm_mt_delete_entry(0, EXACT, found.entry_handle)
    assert zoo.delete(zoo.exact()) == ["NOT_FOUND"]
    calls.bm_mt_add_entry(0, EXACT, KEY, METERED, [b"\0\1"], options())
    assert zoo.read(zoo.exact()) == by_p4runtime
    assert zoo.delete(zoo.exact()) == ["OK"]
    assert calls.bm_mt_get_num_entries(0, EXACT) == 0


def test_a_batch_that_is_undone_leaves_no_handle(zoo: Zoo, thrift: Client) -> None:
    atomic = rt.WriteRequest.ROLLBACK_ON_ERROR
    batch = zoo.exact(1), zoo.exact(2), zoo.exact(1)
    assert zoo.write(rt.Update.INSERT, *batch, atomicity=atomic)[-1] == "ALREADY_EXISTS"
    assert thrift.standard.bm_mt_get_entries(0, EXACT) == []
    handle = thrift.standard.bm_mt_add_entry(0, EXACT, KEY, METERED, [b"\1"], options())
    assert handle == 0


def test_members_groups_and_value_sets(zoo: Zoo, thrift: Client) -> None:
    calls, profile = thrift.standard, "Zoo.choice"
    assert zoo.insert(zoo.member(1), zoo.member(2), zoo.group(5, (1, 2))) == ["OK"] * 3
    member = calls.bm_mt_act_prof_add_member(0, profile, SEND, [b"\7"])
    assert calls.bm_mt_act_prof_get_group(0, profile, 0).mbr_handles == [0, 2]
    calls.bm_mt_act_prof_add_member_to_group(0, profile, member, 0)
    assert zoo.read(zoo.group(5)) == [canonical(zoo.group(5, (1, 2), (member, 1)))]
    assert zoo.read(zoo.member(member)) == [canonical(zoo.member(member, port=7))]
    calls.bm_mt_indirect_ws_add_entry(0, SELECTED, exact(b"\0\1"), 0, options())
    assert zoo.read(zoo.selected(group=5)) == [canonical(zoo.selected(group=5))]
    zoo.modify(zoo.value_set(0x800, 0x86DD))
    calls.bm_parse_vset_remove(0, "Parse.kinds", b"\x08\x00")
    assert zoo.read(zoo.value_set()) == [canonical(zoo.value_set(0x86DD))]


def test_action_sets_that_thrift_deletes_no_longer_keep_members_out(zoo: Zoo, thrift) -> None:
    entity = zoo.entry("shot_table", {"number": 1})
    shots = entity.table_entry.action.action_profile_action_set.action_profile_actions
    action = zoo.names.action("send", {"port": 1})
    shots.add(weight=2).action.CopyFrom(action)
    assert zoo.insert(entity) == ["OK"]
    assert zoo.insert(zoo.member(1, profile="shots")) == ["INVALID_ARGUMENT"]
    (found,) = thrift.standard.bm_mt_get_entries(0, "Zoo.shot_table")
    assert found.action_entry.action_type == structs.GROUP
    thrift.standard.bm_mt_indirect_delete_entry(0, "Zoo.shot_table", found.entry_handle)
    assert zoo.insert(zoo.member(1, profile="shots")) == ["OK"]


def test_replication(zoo: Zoo, thrift: Client) -> None:
    group, session = "multicast_group_entry", "clone_session_entry"
    assert zoo.insert(zoo.replicas(group, 3, (b"\1", 1), (b"\2", 1))) == ["OK"]
    thrift.multicast.bm_mc_node_associate(0, 3, thrift.multicast.bm_mc_node_create(0, 4, "1", ""))
    thrift.multicast.bm_mc_mgrp_create(0, 6)
    thrift.switch.mirroring_session_add(8, structs.MirroringConfig(2))
    read = zoo.client.read(wanted(packet_replication_engine_entry={group: {}}))
    entries = [each.packet_replication_engine_entry.multicast_group_entry for each in read]
    found = {each.multicast_group_id: each.replicas for each in entries}
    assert [(each.egress_port, each.instance) for each in found[3]] == [(1, 1), (2, 1), (0, 4)]
    assert not found[6]
    assert len(zoo.read(wanted(packet_replication_engine_entry={session: {}}))) == 1
    assert zoo.delete(zoo.replicas(session, 8), zoo.replicas(group, 3)) == ["OK", "OK"]
    assert zoo.delete(zoo.replicas(session, 8)) == ["NOT_FOUND"]


def test_a_swapped_program_ends_the_pipeline(zoo: Zoo, thrift: Client) -> None:
    assert thrift.standard.bm_get_config() == CONFIG.read_text()
    thrift.standard.bm_load_new_config((COMPILED / "tables.json").read_text())
    assert zoo.insert(zoo.exact()) == ["OK"], "the old program still runs"
    thrift.standard.bm_swap_configs()
    assert zoo.insert(zoo.exact(2)) == ["FAILED_PRECONDITION"]
    zoo.load()
    assert zoo.insert(zoo.exact(2)) == ["OK"]
    assert thrift.standard.bm_get_config() == CONFIG.read_text()
