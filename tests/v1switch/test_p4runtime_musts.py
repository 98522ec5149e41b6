"""Rules of P4Runtime 1.4 that no other test shows, on v1switch and on BMv2: codes and replies.

docs/p4runtime.md lists the rule of each test.
"""

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness_targets import BMV2
from tests.v1switch.p4runtime_both import (
    COUNT,
    DENIED,
    EXISTS,
    INVALID,
    METER,
    NOT_FOUND,
    OK,
    UNIMPLEMENTED,
    UNKNOWN,
    default,
    direct,
    mutated,
)
from tests.v1switch.p4runtime_zoo import canonical, wanted

GROUP, SESSION = "multicast_group_entry", "clone_session_entry"


def table(zoo, name, **fields):
    """Return a read request for a table."""
    return wanted(table_entry={"table_id": zoo.names.id("tables", name), **fields})


# ---- table entries ---------------------------------------------------------------------------


def test_no_write_may_call_an_entry_const(zoo):
    zoo.insert(zoo.exact())
    const = mutated(zoo.exact(port=2), table_entry__is_const=True)
    assert zoo.modify(const) == zoo.spec(INVALID, bmv2=OK)
    assert zoo.delete(const) == zoo.spec(INVALID, bmv2=OK)


def test_changing_an_entry_takes_its_whole_key(zoo):
    zoo.insert(zoo.exact(), zoo.ternary(3))
    half = zoo.exact(port=2)
    del half.table_entry.match[1:]
    unranked = mutated(zoo.ternary(3), table_entry__priority=0)
    for change in (zoo.modify, zoo.delete):
        assert change(half) == INVALID
        assert change(unranked) == INVALID
    assert zoo.read(zoo.exact(), zoo.ternary(3)) == sorted(
        map(canonical, (zoo.exact(), zoo.ternary(3)))
    )


def test_what_is_there_already_stays_as_it_is(zoo):
    zoo.insert(zoo.exact(port=2))
    assert zoo.insert(zoo.exact(port=3, metadata=b"new")) == EXISTS
    assert zoo.read(table(zoo, "exact_table")) == [canonical(zoo.exact(port=2))]


def test_deleting_ignores_all_but_the_key(zoo):
    entry = zoo.exact(counter_data={"packet_count": -1}, metadata=b"x", meter_config=METER)
    entry.table_entry.idle_timeout_ns = -1
    entry.table_entry.time_since_last_hit.elapsed_ns = 1
    entry.table_entry.action.action_profile_group_id = 9
    zoo.insert(zoo.exact())
    assert zoo.delete(entry) == zoo.spec(OK, bmv2=INVALID)


def test_deleting_members_and_groups_ignores_all_but_their_ids(zoo):
    zoo.insert(zoo.member(1))
    zoo.insert(zoo.group(7, (1, 1)))
    assert zoo.delete(mutated(zoo.group(7, (9, -1)), action_profile_group__max_size=-1)) == OK
    assert zoo.delete(mutated(zoo.member(1), action_profile_member__action__action_id=9)) == OK


def test_a_match_field_has_a_value(zoo):
    entry = zoo.exact()
    entry.table_entry.match[0].ClearField("exact")
    assert zoo.insert(entry) == INVALID


def test_a_default_entry_has_no_idle_times(zoo):
    entry = zoo.entry("aging_table", None, "NoAction")
    timed = mutated(entry, table_entry__idle_timeout_ns=1000)
    hit = mutated(entry, table_entry__time_since_last_hit__elapsed_ns=1)
    assert zoo.modify(timed) == zoo.spec(INVALID, bmv2=OK)
    assert zoo.read_code(timed) == zoo.spec(INVALID, bmv2=OK)
    assert zoo.modify(hit) == zoo.read_code(hit) == INVALID


def test_an_idle_timeout_comes_back_exactly(zoo):
    entry = zoo.entry("aging_table", {"src": 1}, "NoAction", idle_timeout_ns=123_456_789_012)
    assert zoo.insert(entry) == OK
    assert zoo.read(table(zoo, "aging_table")) == [canonical(entry)]
    entry.table_entry.idle_timeout_ns = 0
    assert zoo.modify(entry) == OK
    assert zoo.read(table(zoo, "aging_table")) == [canonical(entry)]


def test_an_idle_timeout_needs_a_table_that_has_them(zoo):
    assert zoo.read_code(table(zoo, "lpm_table", idle_timeout_ns=5)) == zoo.spec(INVALID, bmv2=OK)
    assert zoo.read_code(table(zoo, "lpm_table", time_since_last_hit={})) == INVALID


def test_resetting_a_default_entry_resets_its_labels(zoo):
    labels = {"metadata": b"mine", "controller_metadata": 7}
    zoo.modify(zoo.entry("lpm_table", None, "send", {"port": 3}, **labels))
    assert zoo.modify(zoo.entry("lpm_table", None, **labels)) == OK
    assert zoo.read(default(zoo, "lpm_table")) == [
        canonical(zoo.entry("lpm_table", None, "NoAction"))
    ]


def test_of_a_const_table_only_resources_and_default_can_be_modified(zoo):
    stripped = zoo.entry("const_table", {"small": 1})
    labelled = zoo.entry("const_table", {"small": 1}, metadata=b"x")
    refused = zoo.spec(DENIED, bmv2=INVALID)
    assert zoo.modify(stripped) == zoo.spec(OK, bmv2=INVALID)
    assert zoo.modify(labelled) == refused
    assert zoo.modify(zoo.entry("const_table", None, "send", {"port": 3})) == OK
    changed = zoo.entry("const_table", None, "send", {"port": 3})
    assert zoo.read(default(zoo, "const_table")) == [canonical(changed)]


def test_direct_resources_can_only_be_modified(zoo):
    zoo.insert(zoo.exact())
    for kind in ("counter", "meter"):
        entry = direct(zoo, kind, zoo.exact())
        assert zoo.insert(entry) == INVALID
        deleted = {"counter": OK, "meter": INVALID}[kind]
        assert zoo.delete(entry) == zoo.spec(INVALID, bmv2=deleted)


def test_a_counter_without_data_is_left_alone(zoo):
    zoo.insert(zoo.exact(counter_data=COUNT))
    zoo.modify(zoo.array("counter", "cells", 3, data=COUNT))
    assert zoo.modify(direct(zoo, "counter", zoo.exact())) == OK
    assert zoo.modify(zoo.array("counter", "cells", 3)) == OK
    (entry,) = zoo.client.read(direct(zoo, "counter", zoo.exact()))
    (cell,) = zoo.client.read(zoo.array("counter", "cells", 3))
    kept = zoo.spec(COUNT, bmv2={})
    assert entry.direct_counter_entry.data == rt.CounterData(**kept)
    assert cell.counter_entry.data == rt.CounterData(**kept)


def test_all_cells_of_a_register_can_be_written_at_once(zoo):
    every = zoo.array("register", "memory", None, data={"bitstring": b"\7"})
    assert zoo.modify(every) == zoo.spec(OK, bmv2=UNIMPLEMENTED)
    if zoo.switch != BMV2:
        cells = [zoo.array("register", "memory", n, data={"bitstring": b"\7"}) for n in range(8)]
        assert zoo.read(wanted(register_entry={})) == sorted(map(canonical, cells))


# ---- action profiles -------------------------------------------------------------------------


def test_modifying_a_member_takes_an_action(zoo):
    zoo.insert(zoo.member(1))
    stripped = zoo.member(1)
    stripped.action_profile_member.ClearField("action")
    assert zoo.modify(stripped) == INVALID
    assert zoo.read(wanted(action_profile_member={})) == [canonical(zoo.member(1))]


def test_a_groups_new_members_must_exist(zoo):
    zoo.insert(zoo.member(1))
    zoo.insert(zoo.group(7, (1, 1)))
    assert zoo.modify(zoo.group(7, (1, 1), (9, 1))) == NOT_FOUND
    assert zoo.read(wanted(action_profile_group={})) == [canonical(zoo.group(7, (1, 1)))]


# ---- replication -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GROUP, SESSION])
def test_no_write_goes_to_id_0(zoo, kind):
    entry = zoo.replicas(kind, 0, (b"\1", 1))
    assert zoo.insert(entry) == zoo.modify(entry) == zoo.delete(entry) == INVALID


@pytest.mark.parametrize("kind", [GROUP, SESSION])
def test_an_instance_has_16_bits(zoo, kind):
    largest = zoo.replicas(kind, 5, (b"\1", 0xFFFF))
    assert zoo.insert(largest) == OK
    assert zoo.delete(largest) == OK
    code = zoo.insert(zoo.replicas(kind, 5, (b"\1", 0x10000)))
    assert code == zoo.spec(INVALID, bmv2=OK)
    zoo.delete(largest)


def test_a_multicast_groups_metadata_comes_back(zoo):
    entry = zoo.replicas(GROUP, 5, (b"\1", 1), metadata=b"mine")
    assert zoo.insert(entry) == OK
    kept = zoo.spec(entry, bmv2=zoo.replicas(GROUP, 5, (b"\1", 1)))
    assert zoo.read(zoo.replicas(GROUP, 5)) == [canonical(kept)]
    zoo.delete(entry)


# ---- batches and errors ----------------------------------------------------------------------


def test_an_update_without_an_entity_is_invalid(zoo):
    assert zoo.modify(rt.Entity()) == zoo.delete(rt.Entity()) == zoo.spec(INVALID, bmv2=UNKNOWN)


def test_one_batch_may_ask_for_the_same_kind_twice(zoo):
    zoo.insert(zoo.exact(1), zoo.exact(2))
    assert zoo.read(zoo.exact(1), zoo.exact(2)) == sorted(
        map(canonical, (zoo.exact(1), zoo.exact(2)))
    )
