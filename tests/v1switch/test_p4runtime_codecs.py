"""Byte strings, match fields and P4 values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from p4.config.v1 import p4types_pb2
from p4.v1 import p4data_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import bytestrings, packetio
from v1switch.p4runtime.entities.replication import MulticastGroups
from v1switch.p4runtime.errors import Code, Refused
from v1switch.p4runtime.matches import KINDS, MatchField, decode_key, encode_key
from v1switch.p4runtime.p4data import data_type
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.schema import ControllerHeader, Param
from v1switch.state.entries import Exact, Lpm, Range, Ternary

KIND = {kind.name: kind for kind in KINDS.values()}


def field(kind, width, number=1):
    return MatchField(number, f"f{number}", width, KIND[kind])


def encoded(key, fields):
    entry = p4rt.TableEntry()
    encode_key(key, fields, entry.match)
    return list(entry.match)


def code_of(call, *args):
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.code


# The examples of the specification's tables "Valid" and "Invalid Bytestring Encoding".
@pytest.mark.parametrize(
    ("width", "raw", "value", "symmetric"),
    [
        (8, b"\x63", 99, True),
        (16, b"\x00\x63", 99, False),
        (16, b"\x63", 99, True),
        (16, b"\x30\x64", 12388, True),
        (16, b"\x00\x30\x64", 12388, False),
        (12, b"\x00\x63", 99, False),
        (12, b"\x63", 99, True),
        (12, b"\x00\x00\x63", 99, False),
    ],
)
def test_the_specifications_unsigned_examples(width, raw, value, symmetric):
    assert bytestrings.decode(raw, width, "x") == value
    assert (bytestrings.encode(value) == raw) is symmetric


@pytest.mark.parametrize(
    ("width", "raw", "value", "symmetric"),
    [
        (8, b"\x63", 99, True),
        (8, b"\x9d", -99, True),
        (8, b"\xff\x9d", -99, False),
        (12, b"\xfd\x1d", -739, True),
        (16, b"\x00\x00", 0, False),
        (16, b"\x00", 0, True),
    ],
)
def test_the_specifications_signed_examples(width, raw, value, symmetric):
    assert bytestrings.decode_signed(raw, width, "x") == value
    assert (bytestrings.encode_signed(value) == raw) is symmetric


@pytest.mark.parametrize(
    ("width", "raw"),
    [
        (8, b"\x01\x63"),
        (8, b""),
        (16, b"\x01\x00\x63"),
        (12, b"\x10\x63"),
        (12, b"\x01\x00\x63"),
        (12, b"\x00\x40\x63"),
    ],
)
def test_the_specifications_wrong_unsigned_examples(width, raw):
    assert code_of(bytestrings.decode, raw, width, "x") is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(("width", "raw"), [(8, b"\x00\x9d"), (12, b"\x8d\x1d"), (16, b"")])
def test_the_specifications_wrong_signed_examples(width, raw):
    assert code_of(bytestrings.decode_signed, raw, width, "x") is Code.INVALID_ARGUMENT


@given(st.integers(1, 300).flatmap(lambda w: st.tuples(st.just(w), st.integers(0, (1 << w) - 1))))
def test_unsigned_values_come_back_in_the_shortest_form(case):
    width, value = case
    raw = bytestrings.encode(value)
    assert bytestrings.decode(raw, width, "x") == value
    assert bytestrings.decode(b"\x00\x00" + raw, width, "x") == value
    assert len(raw) == max(1, (value.bit_length() + 7) // 8)


@given(
    st.integers(1, 300).flatmap(
        lambda w: st.tuples(st.just(w), st.integers(-(1 << w - 1), (1 << w - 1) - 1))
    )
)
def test_signed_values_come_back(case):
    width, value = case
    assert bytestrings.decode_signed(bytestrings.encode_signed(value), width, "x") == value


def exact(value, number=1):
    return p4rt.FieldMatch(field_id=number, exact={"value": value})


def lpm(value, length):
    return p4rt.FieldMatch(field_id=1, lpm={"value": value, "prefix_len": length})


def ternary(value, mask):
    return p4rt.FieldMatch(field_id=1, ternary={"value": value, "mask": mask})


def between(low, high):
    return p4rt.FieldMatch(field_id=1, range={"low": low, "high": high})


def optional(value):
    return p4rt.FieldMatch(field_id=1, optional={"value": value})


@pytest.mark.parametrize(
    ("kind", "width", "message", "match"),
    [
        ("exact", 12, exact(b"\x0f\xff"), Exact(0xFFF)),
        ("lpm", 32, lpm(b"\x0a\x00\x00\x00", 8), Lpm(0x0A000000, 8)),
        ("lpm", 32, lpm(b"\x0a\x00\x00\x01", 32), Lpm(0x0A000001, 32)),
        ("ternary", 16, ternary(b"\x08\x00", b"\xff\x00"), Ternary(0x800, 0xFF00)),
        ("ternary", 16, ternary(b"\x00", b"\xff\x00"), Ternary(0, 0xFF00)),
        ("range", 16, between(b"\x00", b"\xff\xfe"), Range(0, 0xFFFE)),
        ("optional", 9, optional(b"\x01\xff"), Ternary(0x1FF, 0x1FF)),
    ],
)
def test_match_fields_come_back_as_they_went(kind, width, message, match):
    fields = [field(kind, width)]
    key = decode_key([message], fields, "t")
    assert key == (match,)
    assert encoded(key, fields) == [message]


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("lpm", Lpm(0, 0)),
        ("ternary", Ternary(0, 0)),
        ("range", Range(0, 255)),
        ("optional", Ternary(0, 0)),
    ],
)
def test_a_dont_care_is_a_field_left_out(kind, match):
    fields = [field(kind, 8)]
    assert decode_key([], fields, "t") == (match,)
    assert encoded((match,), fields) == []


@pytest.mark.parametrize(
    ("kind", "messages"),
    [
        ("exact", []),
        ("exact", [exact(b"")]),
        ("exact", [exact(b"\x01\x00")]),
        ("exact", [exact(b"\x01"), exact(b"\x02")]),
        ("exact", [exact(b"\x01"), exact(b"\x01", number=2)]),
        ("exact", [p4rt.FieldMatch(field_id=1)]),
        ("exact", [ternary(b"\x01", b"\x01")]),
        ("lpm", [exact(b"\x01")]),
        ("lpm", [lpm(b"\x10", 0)]),
        ("lpm", [lpm(b"\x10", 9)]),
        ("lpm", [lpm(b"\x10", -1)]),
        ("lpm", [lpm(b"\x11", 4)]),
        ("ternary", [ternary(b"\x00", b"\x00")]),
        ("ternary", [ternary(b"\x03", b"\x01")]),
        ("ternary", [ternary(b"\x01", b"\x01\x01")]),
        ("range", [between(b"\x02", b"\x01")]),
        ("range", [between(b"\x00", b"\xff")]),
        ("optional", [optional(b"")]),
    ],
)
def test_match_fields_that_are_not_canonical_are_invalid(kind, messages):
    assert code_of(decode_key, messages, [field(kind, 8)], "t") is Code.INVALID_ARGUMENT


def test_a_refused_match_field_is_named_with_its_table():
    with pytest.raises(Refused) as caught:
        decode_key([exact(b"\x01\x00")], [field("exact", 8)], "table 't'")
    assert caught.value.message == "table 't': f1: 0x0100 does not fit in bit<8>"


def test_a_refused_replica_is_named_with_its_group():
    group = p4rt.MulticastGroupEntry(multicast_group_id=5, replicas=[p4rt.Replica(instance=1)])
    pipeline = Pipeline(p4rt.ForwardingPipelineConfig(), None, Dataplane(PythonEngine()))
    with pytest.raises(Refused) as caught:
        MulticastGroups().insert(pipeline, group)
    assert caught.value.message == "multicast group 5: replica: the port is missing"


def spec_of(text_builder):
    spec = p4types_pb2.P4DataTypeSpec()
    types = p4types_pb2.P4TypeInfo()
    text_builder(spec, types)
    return data_type(spec, types)


def mac_and_port(spec, types):
    spec.struct.name = "learn_t"
    members = types.structs["learn_t"].members
    members.add(name="mac").type_spec.bitstring.bit.bitwidth = 48
    members.add(name="port").type_spec.bitstring.bit.bitwidth = 9
    members.add(name="offset").type_spec.bitstring.int.bitwidth = 8
    members.add(name="new").type_spec.bool.SetInParent()


def test_a_struct_is_its_members_in_order():
    kind = spec_of(mac_and_port)
    assert kind.widths == (48, 9, 8, 1)
    message = p4data_pb2.P4Data()
    kind.encode(iter((0x0A0000000001, 2, 0xFF, 1)), message)
    members = message.struct.members
    assert [each.bitstring for each in members[:3]] == [b"\x0a\0\0\0\0\1", b"\2", b"\xff"]
    assert members[3].bool is True
    assert tuple(kind.decode(message, "x")) == (0x0A0000000001, 2, 0xFF, 1)


def test_a_value_of_another_type_is_invalid():
    kind = spec_of(lambda spec, _: setattr(spec.bitstring.bit, "bitwidth", 8))
    wrong = p4data_pb2.P4Data(bool=True)
    assert code_of(lambda: list(kind.decode(wrong, "x"))) is Code.INVALID_ARGUMENT
    wide = p4data_pb2.P4Data(bitstring=b"\x01\x00")
    assert code_of(lambda: list(kind.decode(wide, "x"))) is Code.INVALID_ARGUMENT


def test_a_serializable_enum_is_its_number():
    def colours(spec, types):
        spec.serializable_enum.name = "colour"
        types.serializable_enums["colour"].underlying_type.bitwidth = 8

    kind = spec_of(colours)
    message = p4data_pb2.P4Data()
    kind.encode(iter((7,)), message)
    assert message == p4data_pb2.P4Data(enum_value=b"\7")
    assert list(kind.decode(message, "x")) == [7]
    named = p4data_pb2.P4Data(enum="red")
    assert code_of(lambda: list(kind.decode(named, "x"))) is Code.INVALID_ARGUMENT


def test_a_type_that_cannot_be_carried_is_refused_when_it_is_used():
    kind = spec_of(lambda spec, _: spec.error.SetInParent())
    assert code_of(lambda: list(kind.decode(p4data_pb2.P4Data(), "x"))) is Code.UNIMPLEMENTED


HEADER = ControllerHeader((Param(1, "port", 9), Param(2, "reason", 4), Param(3, "vni", 24)))


@given(
    st.integers(0, 511), st.integers(0, 15), st.integers(0, (1 << 24) - 1), st.binary(max_size=64)
)
def test_a_packet_out_and_the_same_packet_in_agree(port, reason, vni, payload):
    packet = p4rt.PacketOut(payload=payload)
    for number, value in ((3, vni), (1, port), (2, reason)):  # in any order
        packet.metadata.add(metadata_id=number, value=bytestrings.encode(value))
    frame = packetio.to_frame(packet, HEADER)
    assert len(frame) == 5 + len(payload)  # 37 bits are padded to 40
    back = packetio.from_frame(frame, HEADER)
    assert back.payload == payload
    values = [(each.metadata_id, int.from_bytes(each.value, "big")) for each in back.metadata]
    assert values == [(1, port), (2, reason), (3, vni)]


@pytest.mark.parametrize(
    "metadata",
    [
        [(1, b"\x01"), (2, b"\x01")],
        [(1, b"\x01"), (2, b"\x01"), (3, b"\x01"), (4, b"\x01")],
        [(1, b"\x02\x00"), (2, b"\x01"), (3, b"\x01")],
        [(1, b""), (2, b"\x01"), (3, b"\x01")],
        [(1, b"\x01"), (1, b"\x01"), (2, b"\x01"), (3, b"\x01")],
    ],
)
def test_packet_out_metadata_must_be_exactly_the_headers(metadata):
    packet = p4rt.PacketOut()
    for number, value in metadata:
        packet.metadata.add(metadata_id=number, value=value)
    assert code_of(packetio.to_frame, packet, HEADER) is Code.INVALID_ARGUMENT


def test_without_a_header_frames_pass_as_they_are():
    assert packetio.to_frame(p4rt.PacketOut(payload=b"abc"), None) == b"abc"
    assert packetio.from_frame(b"abc", None).payload == b"abc"
    wrong = p4rt.PacketOut(payload=b"abc")
    wrong.metadata.add(metadata_id=1, value=b"\x01")
    assert code_of(packetio.to_frame, wrong, None) is Code.INVALID_ARGUMENT


def test_a_frame_shorter_than_its_header_is_no_packet_in():
    assert packetio.from_frame(b"\0\0\0\0", HEADER) is None
