"""Types that clients write as strings: keys, parameters, packet headers, and what is read back."""

import json

import grpc
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from p4.config.v1 import p4info_pb2
from p4.v1 import p4data_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness_client import SwitchClient
from tests.v1switch import small
from tests.v1switch.p4runtime_own import CPU_PORT, DEVICE_ID
from v1switch.control.dataplane import Dataplane
from v1switch.p4runtime import errors
from v1switch.p4runtime.join import join
from v1switch.p4runtime.translation import Strings, mappings
from v1switch.program import load_program

# one table maps the type to a VRF, another VRF and destination to a port; port 9 is the client's
INFO = """
type_info {
  new_types { key: "vrf_t" value { translated_type { uri: "vrf" sdn_string { } }
              annotations: "@p4runtime_translation_mappings({ {\\"\\", 0}, {\\"red\\", 0x17} })" } }
  new_types { key: "port_t" value { translated_type { uri: "port" sdn_string { } } } }
}
tables { preamble { id: 1 name: "pre" } size: 8
         match_fields { id: 1 name: "type" bitwidth: 16 match_type: EXACT }
         action_refs { id: 11 } action_refs { id: 13 } }
tables { preamble { id: 2 name: "fwd" } size: 8
         match_fields { id: 1 name: "vrf" match_type: EXACT type_name { name: "vrf_t" } }
         action_refs { id: 12 } action_refs { id: 13 } }
actions { preamble { id: 11 name: "set_vrf" }
          params { id: 1 name: "vrf" type_name { name: "vrf_t" } } }
actions { preamble { id: 12 name: "send" }
          params { id: 1 name: "port" type_name { name: "port_t" } } }
actions { preamble { id: 13 name: "nothing" } }
controller_packet_metadata { preamble { id: 21 name: "packet_in" }
  metadata { id: 1 name: "port" type_name { name: "port_t" } }
  metadata { id: 2 name: "pad" bitwidth: 7 } }
"""
ETH = bytes(range(12)) + b"\x08\x00"


def program() -> small.Json:
    made = small.program()
    made["header_types"][0] = small.header_type(0, "scalars_0", vrf=10, pad=6)
    made["header_types"].append(small.header_type(3, "pin_t", port=9, pad=7))
    made["headers"].append(small.header(3, "pin", "pin_t"))
    made["deparsers"][0]["order"] = ["pin", "eth"]
    data = {"type": "runtime_data", "value": 0}
    made["actions"] = [
        small.action(0, "set_vrf", small.assign("scalars", "vrf", data), vrf=10),
        small.action(1, "send", small.egress(data), port=9),
        small.action(2, "nothing"),
        small.action(
            *(3, "tell", {"op": "add_header", "parameters": [{"type": "header", "value": "pin"}]}),
            small.assign("pin", "port", small.field("standard_metadata", "ingress_port")),
        ),
    ]
    made["pipelines"] = [
        small.pipeline(
            "ingress",
            small.table(
                "pre", [small.exact("eth", "type")], {"set_vrf": 0, "nothing": 2}, 2, "fwd"
            ),
            small.table("fwd", [small.exact("scalars", "vrf")], {"send": 1, "nothing": 2}, 2),
        ),
        small.pipeline("egress", small.table("tbl_tell", [], {"tell": 3}, 3)),
    ]
    return made


def info() -> p4info_pb2.P4Info:
    return text_format.Parse(INFO, p4info_pb2.P4Info())


@pytest.fixture
def switch(client: SwitchClient) -> SwitchClient:
    push(client, info())
    return client


def push(
    client: SwitchClient,
    p4info: p4info_pb2.P4Info,
    action: str = "VERIFY_AND_COMMIT",
    made: small.Json | None = None,
) -> None:
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action=action
    )
    request.config.p4info.CopyFrom(p4info)
    request.config.p4_device_config = json.dumps(made or program()).encode()
    client.stub.SetForwardingPipelineConfig(request)


def entry(table: int, value: bytes, action: int, param: bytes) -> rt.Entity:
    made = rt.Entity()
    made.table_entry.table_id = table
    made.table_entry.match.add(field_id=1).exact.value = value
    made.table_entry.action.action.action_id = action
    made.table_entry.action.action.params.add(param_id=1, value=param)
    return made


def insert(client: SwitchClient, *entities: rt.Entity) -> None:
    request = rt.WriteRequest(device_id=DEVICE_ID, election_id={"low": 1})
    for entity in entities:
        request.updates.add(type="INSERT", entity=entity)
    client.stub.Write(request)


def read(client: SwitchClient) -> list[rt.Entity]:
    request = rt.ReadRequest(device_id=DEVICE_ID)
    request.entities.add().table_entry.SetInParent()
    return [each for response in client.stub.Read(request) for each in response.entities]


def test_equal_strings_meet_in_the_data_plane(switch: SwitchClient, plane: Dataplane) -> None:
    insert(switch, entry(1, b"\x08\x00", 11, b"vrf-blue"), entry(2, b"vrf-blue", 12, b"5"))
    (sent,) = plane.process(1, ETH)
    assert sent[0] == 5, "a number is the port of that number"
    insert(switch, entry(2, b"vrf-green", 12, b"6"))
    (sent,) = plane.process(1, ETH)
    assert sent[0] == 5


def test_strings_come_back_as_they_went(switch: SwitchClient) -> None:
    wanted = [
        entry(1, b"\x08\x00", 11, b"vrf-blue"),
        entry(2, b"vrf-blue", 12, b"5"),
        entry(2, b"", 12, b"05"),
        entry(2, "grün".encode(), 12, b"Ethernet0"),
    ]
    insert(switch, *wanted)
    found = read(switch)
    assert [each.table_entry.match[0].exact.value for each in found] == [
        each.table_entry.match[0].exact.value for each in wanted
    ]
    assert [each.table_entry.action for each in found] == [e.table_entry.action for e in wanted]


def test_the_programs_own_mappings_hold(switch: SwitchClient, plane: Dataplane) -> None:
    insert(switch, entry(2, b"", 12, b"7"), entry(1, b"\x08\x06", 11, b"red"))
    assert plane.process(1, ETH)[0][0] == 7, "a VRF that nobody set is the one of value 0"
    assert plane.entries("pre")[0].action.params == (0x17,)  # type: ignore[union-attr]  # a call


def test_a_reconciled_pipeline_keeps_the_strings(switch: SwitchClient) -> None:
    insert(switch, entry(1, b"\x08\x00", 11, b"vrf-blue"), entry(2, b"vrf-blue", 12, b"up"))
    before = read(switch)
    push(switch, info(), "RECONCILE_AND_COMMIT")
    assert read(switch) == before


def test_a_packet_in_names_ports_as_strings(switch: SwitchClient, plane: Dataplane) -> None:
    insert(switch, entry(2, b"", 12, str(CPU_PORT).encode()))
    plane.process(3, ETH)
    packet = switch.next("packet")
    assert [each.value for each in packet.metadata] == [b"3", b"\x00"]
    assert packet.payload == ETH, "the header has the widths of the program, not of P4Info"


def test_a_string_has_a_limit() -> None:
    with pytest.raises(errors.Refused, match="it: a string of 1025 bytes, expected 1024 at most"):
        Strings(9).decode(b"y" * 1025, "it")


def test_matches_without_meaning_for_strings_are_refused(client: SwitchClient) -> None:
    changed = info()
    changed.tables[1].match_fields[0].match_type = p4info_pb2.MatchField.TERNARY
    made = program()
    made["pipelines"][0]["tables"][1]["key"][0]["match_type"] = "ternary"
    made["pipelines"][0]["tables"][1]["match_type"] = "ternary"
    push(client, changed, made=made)
    wrong = entry(2, b"x", 12, b"1")
    wrong.table_entry.priority = 1
    wrong.table_entry.match[0].ternary.value = wrong.table_entry.match[0].ternary.mask = b"x"
    with pytest.raises(grpc.RpcError) as caught:
        insert(client, wrong)
    details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    assert b"which has no bits" in details


def test_registers_and_digests_have_strings_as_well() -> None:
    made = program()
    made["register_arrays"] = [{"name": "last", "id": 0, "size": 4, "bitwidth": 10}]
    elements = [small.field("scalars", "vrf"), small.field("standard_metadata", "ingress_port")]
    made["learn_lists"] = [{"id": 1, "name": "seen", "elements": elements}]
    changed = text_format.Parse(
        INFO
        + """
        registers { preamble { id: 31 name: "last" } size: 4
                    type_spec { new_type { name: "vrf_t" } } }
        digests { preamble { id: 32 name: "seen" }
                  type_spec { struct { name: "seen_t" } } }
        """,
        p4info_pb2.P4Info(),
    )
    wide = changed.type_info.new_types["number_t"].translated_type
    wide.uri, wide.sdn_bitwidth = "number", 32
    members = changed.type_info.structs["seen_t"].members
    members.add(name="vrf").type_spec.new_type.name = "vrf_t"
    members.add(name="port").type_spec.new_type.name = "number_t"
    schema = join(changed, load_program(json.dumps(made)))
    register, digest = schema.registers[31].type, schema.digests[32].type
    (value,) = register.decode(p4data_pb2.P4Data(bitstring=b"blue"), "it")
    assert value >= 1 << 9
    message = p4data_pb2.P4Data()
    digest.encode(iter((value, 511)), message)
    assert [member.bitstring for member in message.struct.members] == [b"blue", b"\x01\xff"]
    assert digest.widths == (10, 9)


# -- the mapping itself ----------------------------------------------------------------------------


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=3),
            st.sampled_from([b"0", b"1", b"7", b"07", b"128"]),
            st.integers(0, 255),
        ),
        max_size=60,
    )
)
def test_strings_and_values_are_one_to_one(uses: list[bytes | int]) -> None:
    strings = Strings(8)
    values: dict[bytes, int] = {}
    for use in uses:
        text, value = (
            (use, strings.decode(use, "it"))
            if isinstance(use, bytes)
            else (strings.encode(use), use)
        )
        assert values.setdefault(text, value) == value
        assert strings.encode(value) == text
        assert strings.decode(text, "it") == value
    assert len(set(values.values())) == len(values)


def test_numbers_are_themselves_unless_the_value_has_a_name() -> None:
    strings = Strings(8, [("seven", 7)])
    assert strings.decode(b"9", "it") == 9
    assert strings.decode(b"7", "it") != 7
    assert strings.decode(b"256", "it") not in (0, 256 % 256)
    assert strings.encode(7) == b"seven"


def test_names_avoid_0_and_end() -> None:
    strings = Strings(2)
    assert sorted(strings.decode(name, "it") for name in (b"a", b"b", b"c")) == [1, 2, 3]
    with pytest.raises(errors.Refused, match=r"it: all 4 values of bit<2> have names"):
        strings.decode(b"d", "it")


def test_mappings_of_annotations() -> None:
    text = '@p4runtime_translation_mappings({ {"", 0}, {"a\\"b", 0x1F}, {"c", 010} })'
    assert mappings(["@other", text]) == [("", 0), ('a"b', 31), ("c", 10)]
