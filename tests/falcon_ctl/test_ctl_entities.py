import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from p4.config.v1 import p4info_pb2

from falcon_ctl.errors import SwitchError, UsageError
from falcon_ctl.p4rt.encoding import encode, to_int
from falcon_ctl.p4rt.entities import Call, Digest, Entry, Group, Member, Multicast
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import difference


@given(st.integers(1, 128), st.data())
def test_canonical_bytes_have_no_leading_zero_and_come_back(bits, data):
    value = data.draw(st.integers(0, (1 << bits) - 1))
    encoded = encode(value, bits)
    assert len(encoded) == max(1, (value.bit_length() + 7) // 8)
    assert to_int(encoded) == value


@pytest.mark.parametrize(
    ("value", "bits", "encoded"),
    [
        ("10.0.0.11", 32, b"\x0a\x00\x00\x0b"),
        ("02:00:00:00:01:01", 48, b"\x02\x00\x00\x00\x01\x01"),
        ("00:00:00:00:00:09", 48, b"\x09"),
        ("::1", 128, b"\x01"),
        (0, 9, b"\x00"),
        (510, 9, b"\x01\xfe"),
    ],
)
def test_addresses_and_numbers(value, bits, encoded):
    assert encode(value, bits) == encoded


@pytest.mark.parametrize("value", [512, "10.0.0.300", "red", -1])
def test_what_does_not_fit_is_refused(value):
    with pytest.raises(ValueError, match=r"fit|negative|address"):
        encode(value, 9)


@pytest.fixture
def schema():
    info = p4info_pb2.P4Info()
    table = info.tables.add(implementation_id=3, size=16)
    table.preamble.id, table.preamble.alias = 1, "route"
    kinds = p4info_pb2.MatchField
    for index, (name, bits, kind) in enumerate(
        [("vni", 24, kinds.EXACT), ("dst", 32, kinds.LPM), ("acl", 16, kinds.TERNARY)], start=1
    ):
        table.match_fields.add(id=index, name=name, bitwidth=bits, match_type=kind)
    action = info.actions.add()
    action.preamble.id, action.preamble.alias = 2, "to_port"
    action.params.add(id=1, name="port", bitwidth=9)
    profile = info.action_profiles.add()
    profile.preamble.id, profile.preamble.alias = 3, "ecmp"
    digest = info.digests.add()
    digest.preamble.id, digest.preamble.alias = 4, "learn"
    return Schema(info)


def test_an_entry_with_every_match_kind(schema):
    call = Call.of("to_port", port=7)
    entry = Entry.of("route", call, priority=5, vni=5001, dst=("10.1.2.3", 8), acl=(0x1234, 0xFF00))
    message = entry.message(schema).table_entry
    assert (message.table_id, message.priority) == (1, 5)
    matches = {m.field_id: m for m in message.match}
    assert matches[1].exact.value == b"\x13\x89"
    assert (matches[2].lpm.value, matches[2].lpm.prefix_len) == (b"\x0a\x00\x00\x00", 8)
    assert (matches[3].ternary.value, matches[3].ternary.mask) == (b"\x12\x00", b"\xff\x00")
    assert message.action.action.action_id == 2
    assert message.action.action.params[0].value == b"\x07"


def test_a_match_of_everything_is_left_out(schema):
    entry = Entry.of("route", group=9, vni=1, dst=("0.0.0.0", 0), acl=(0, 0))
    message = entry.message(schema).table_entry
    assert [m.field_id for m in message.match] == [1]
    assert message.action.action_profile_group_id == 9


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Entry.of("nowhere", vni=1), "table 'nowhere': unknown; expected one of route"),
        (Entry.of("route", Call.of("fly"), vni=1), "action 'fly': unknown"),
        (Entry.of("route", Call.of("to_port"), vni=1), "to_port: port missing or unknown"),
        (Entry.of("route", dst=("1.2.3.4", 8)), "table route: vni missing or unknown"),
        (Entry.of("route", vni=1, colour=2), "colour missing or unknown"),
        (Entry.of("route", vni=1 << 24), "route, field vni: 16777216 does not fit 24 bits"),
        (
            Entry.of("route", Call.of("to_port", port=512), vni=1),
            "parameter port: 512 does not fit",
        ),
    ],
)
def test_what_the_program_does_not_have_is_named(schema, entry, text):
    with pytest.raises(UsageError, match=text):
        entry.message(schema)


def test_other_entities(schema):
    group = Group("ecmp", 1, (4, 5)).message(schema).action_profile_group
    assert [m.member_id for m in group.members] == [4, 5]
    assert [m.watch_port for m in group.members] == [b"\x04", b"\x05"]
    assert group.max_size == 0  # one that is given cannot change
    member = Member("ecmp", 4, Call.of("to_port", port=1)).message(schema).action_profile_member
    assert (member.action_profile_id, member.member_id) == (3, 4)
    flood = Multicast(1, ((1, 1), (2, 2))).message(schema)
    replicas = flood.packet_replication_engine_entry.multicast_group_entry.replicas
    assert [(r.egress_port, r.instance) for r in replicas] == [(1, 1), (2, 2)]
    assert Digest("learn").message(schema).digest_entry.digest_id == 4


def test_difference_inserts_modifies_and_deletes_without_dangling():
    old = [
        Member("ecmp", 1, Call.of("to_port", port=1)),
        Group("ecmp", 1, (1,)),
        Entry.of("route", group=1, vni=1),
    ]
    new = [
        Member("ecmp", 2, Call.of("to_port", port=2)),
        Group("ecmp", 2, (2,)),
        Entry.of("route", group=2, vni=1),
    ]
    batches = difference({e.key: e for e in old}, {e.key: e for e in new})
    insert, modify, delete = 1, 2, 3
    assert [(kind, type(e).__name__) for batch in batches for kind, e in batch] == [
        (insert, "Member"),
        (insert, "Group"),
        (modify, "Entry"),
        (delete, "Group"),
        (delete, "Member"),
    ]
    assert len(batches) == 5  # the order within a batch is the switch's own


def test_difference_of_equals_is_nothing():
    held = {e.key: e for e in [Entry.of("route", vni=1)]}
    assert difference(held, dict(held)) == []


def test_a_default_action_is_modified_and_never_deleted():
    entry = Entry.default_of("mtu", Call.of("set_mtu", bytes=1600))
    held = {entry.key: entry}
    assert [[kind for kind, _ in batch] for batch in difference({}, held)] == [[2]]
    assert difference(held, {}) == []


def test_switch_errors_name_the_switch_and_the_status():
    taken = SwitchError("s1", grpc.StatusCode.PERMISSION_DENIED, "not primary")
    assert (taken.part, taken.is_not_primary) == ("switch s1", True)
    gone = SwitchError("s1", grpc.StatusCode.UNAVAILABLE, "closed")
    assert not gone.is_not_primary
    assert str(gone) == "switch s1: UNAVAILABLE: closed"
