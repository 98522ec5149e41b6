"""The server over gRPC: sessions, pipelines, packets, digests, notifications, its address."""

import socket
import threading
from collections.abc import Callable

import grpc
import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt
from p4.v1.p4runtime_pb2_grpc import P4RuntimeStub

from tests.switch.harness import PATIENCE, SandboxError, poll
from tests.switch.harness_client import Refused, SwitchClient
from tests.v1switch.p4runtime_own import DEVICE_ID, frame, out_ports
from tests.v1switch.p4runtime_zoo import CONFIG, P4INFO, Zoo, canonical, wanted
from v1switch.p4runtime.listener import BindFailed
from v1switch.p4runtime.replay import keep
from v1switch.p4runtime.server import serve
from v1switch.p4runtime.session import Session

SHORT = 0.2  # seconds to wait for what must not come


@pytest.fixture
def zoo(client: SwitchClient) -> Zoo:
    made = Zoo(client, "v1switch")
    made.load()
    return made


def raw_bid(client, **fields):
    """Send a MasterArbitrationUpdate with these fields."""
    update = {"device_id": DEVICE_ID, "election_id": {"low": 1}, **fields}
    client.send(rt.StreamMessageRequest(arbitration=update))


def refusal(call, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value


# ---- sessions --------------------------------------------------------------------------------


def test_a_higher_election_id_takes_over(zoo, connect):
    other = connect(election_id=2)
    assert other.is_primary
    received = zoo.client.next("arbitration")
    assert (received.status.code, received.election_id.low, received.device_id) == (6, 2, DEVICE_ID)
    assert zoo.insert(zoo.exact()) == ["PERMISSION_DENIED"]
    zoo.client.arbitrate(3)
    assert other.next("arbitration").status.code == 6
    assert zoo.insert(zoo.exact()) == ["OK"]


def test_when_the_primary_leaves_the_backup_is_notified_and_cannot_write(zoo, address):
    with SwitchClient(address, device_id=DEVICE_ID, election_id=2) as other:
        assert other.is_primary
        zoo.client.next("arbitration")
    received = zoo.client.next("arbitration")
    assert (received.status.code, received.election_id.low) == (5, 2)
    assert zoo.insert(zoo.exact()) == ["PERMISSION_DENIED"]


def test_election_ids_have_128_bits(client, connect):
    high = connect(election_id=0)
    raw_bid(high, election_id={"high": 1, "low": 0})
    received = high.next("arbitration")
    assert (received.status.code, received.election_id.high, received.election_id.low) == (0, 1, 0)


def test_an_unset_election_id_is_never_primary(connect):
    lonely = connect(election_id=5)
    update = rt.MasterArbitrationUpdate(device_id=DEVICE_ID)
    lonely.send(rt.StreamMessageRequest(arbitration=update))
    received = lonely.next("arbitration")
    assert (received.status.code, received.election_id.low) == (5, 5)
    request = rt.WriteRequest(device_id=DEVICE_ID)
    with pytest.raises(grpc.RpcError) as caught:
        lonely.stub.Write(request)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_roles_have_primaries_of_their_own(zoo, connect):
    other = connect(role="acl", election_id=1)
    assert other.is_primary
    assert other.arbitration.role.name == "acl"
    other.names = zoo.names
    assert Zoo(other, "v1switch").insert(zoo.exact()) == ["OK"]
    assert zoo.insert(zoo.exact(2)) == ["OK"]
    other.role = "nobody's"
    assert Zoo(other, "v1switch").insert(zoo.exact(3)) == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"device_id": 99}, grpc.StatusCode.FAILED_PRECONDITION),
        ({"role": {"name": "acl"}}, grpc.StatusCode.FAILED_PRECONDITION),
        ({"election_id": {"low": 7}}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"role": {"id": 1}}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_wrong_bid_ends_the_stream(client, connect, fields, code):
    connect(election_id=7)
    client.next("arbitration")
    raw_bid(client, **fields)
    assert client.next("closed").code() is code


def test_a_roles_config_is_ignored_and_told(address, caplog):
    with grpc.insecure_channel(address) as channel:
        role = {"name": "acl", "config": {"type_url": "x/stratum.P4RoleConfig"}}
        bid = {"device_id": DEVICE_ID, "election_id": {"low": 1}, "role": role}
        stream = P4RuntimeStub(channel).StreamChannel(
            iter([rt.StreamMessageRequest(arbitration=bid)])
        )
        assert next(stream).arbitration.status.code == 0
        stream.cancel()
    assert "role 'acl': its config (x/stratum.P4RoleConfig) is ignored" in caplog.text


def test_the_first_bid_must_be_for_this_device(address):
    channel = grpc.insecure_channel(address)
    stranger = SwitchClient(address).stub
    bid = rt.StreamMessageRequest(arbitration={"device_id": 99, "election_id": {"low": 1}})
    with pytest.raises(grpc.RpcError) as caught:
        list(stranger.StreamChannel(iter([bid])))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    channel.close()


def test_a_new_primary_is_notified_when_the_old_ones_write_is_done(zoo, connect, plane):
    other = connect(election_id=0)
    original, started, release = plane.insert_entry, threading.Event(), threading.Event()

    def slow(*args):
        started.set()
        release.wait(PATIENCE)
        original(*args)

    plane.insert_entry = slow
    codes = []
    write = threading.Thread(target=lambda: codes.extend(zoo.insert(zoo.exact(), zoo.exact(2))))
    write.start()
    assert started.wait(PATIENCE)
    raw_bid(other, election_id={"low": 2})
    assert zoo.client.next("arbitration").status.code == 6
    with pytest.raises(SandboxError):
        other.next("arbitration", SHORT)
    release.set()
    assert other.next("arbitration").status.code == 0
    write.join(PATIENCE)
    assert codes == ["OK", "OK"]


def test_a_client_that_does_not_keep_up_loses_packets_and_nothing_else():
    session = Session("a test", lambda: None, backlog=2)
    made = [rt.StreamMessageResponse(packet={"payload": bytes([n])}) for n in range(4)]
    for message in made:
        session.offer(lambda message=message: message)
    arbitration = rt.StreamMessageResponse(arbitration={"device_id": 1})
    session.send(arbitration)
    session.end()
    assert list(session.messages()) == [*made[:2], arbitration]
    assert session.dropped == 2


# ---- what is checked, and in which order -----------------------------------------------------


def test_the_device_comes_before_the_primary_and_the_primary_before_the_pipeline(client):
    def code(**fields):
        request = rt.WriteRequest(**{"device_id": DEVICE_ID, "election_id": {"low": 1}, **fields})
        with pytest.raises(grpc.RpcError) as caught:
            client.stub.Write(request)
        return caught.value.code()

    assert code(device_id=9, election_id={"low": 2}) is grpc.StatusCode.NOT_FOUND
    assert code(role="x", election_id={"low": 2}) is grpc.StatusCode.NOT_FOUND
    assert code(election_id={"low": 2}) is grpc.StatusCode.PERMISSION_DENIED
    assert code() is grpc.StatusCode.FAILED_PRECONDITION


def test_without_a_pipeline_nothing_can_be_read(client):
    assert refusal(client.read, wanted(table_entry={})).code.name == "FAILED_PRECONDITION"
    request = rt.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID)
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.GetForwardingPipelineConfig(request)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "No forwarding pipeline config set for this device"
    request.device_id = 9
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.GetForwardingPipelineConfig(request)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_capabilities_contain_the_version(client):
    assert client.stub.Capabilities(rt.CapabilitiesRequest()).p4runtime_api_version == "1.4.1"


def test_updates_that_fail_are_reported_with_one_error_each(zoo):
    failure = refusal(zoo.client.write, rt.Update.INSERT, zoo.exact(), zoo.exact(), zoo.ternary(0))
    assert failure.code is grpc.StatusCode.UNKNOWN
    assert failure.update_codes() == ["OK", "ALREADY_EXISTS", "INVALID_ARGUMENT"]
    assert "2 of 3 updates failed" in failure.details
    messages = [message for _, message in failure.updates]
    assert messages[0] == ""
    assert "exact_table" in messages[1]
    assert "priority" in messages[2]


# ---- pipelines -------------------------------------------------------------------------------


def pipeline_request(action="VERIFY_AND_COMMIT", p4info=None, config=None, **fields):
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, **fields
    )
    request.action = request.Action.Value(action)
    request.config.p4info.CopyFrom(p4info or zoo_p4info())
    request.config.p4_device_config = config if config is not None else CONFIG.read_bytes()
    return request


def zoo_p4info():
    return text_format.Parse(P4INFO.read_text(), p4info_pb2.P4Info())


def set_refused(client, request):
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.SetForwardingPipelineConfig(request)
    return caught.value.code().name, caught.value.details()


def test_only_the_primary_sets_pipelines(client):
    request = pipeline_request()
    request.election_id.low = 9
    assert set_refused(client, request)[0] == "PERMISSION_DENIED"
    request = pipeline_request()
    request.device_id = 9
    assert set_refused(client, request)[0] == "NOT_FOUND"


def test_verifying_changes_nothing(zoo):
    zoo.insert(zoo.exact())
    zoo.load("VERIFY")
    assert zoo.read(zoo.exact()) == [canonical(zoo.exact())]


@pytest.mark.parametrize(
    "action", ["VERIFY", "VERIFY_AND_SAVE", "VERIFY_AND_COMMIT", "RECONCILE_AND_COMMIT"]
)
def test_what_cannot_be_realised_is_invalid_and_changes_nothing(zoo, action):
    zoo.insert(zoo.exact())
    config = CONFIG.read_bytes()
    for wrong in (b"", b"{", b"[]", b"\xff\xfe", config[: len(config) // 2]):
        assert set_refused(zoo.client, pipeline_request(action, config=wrong))[0] == (
            "INVALID_ARGUMENT"
        )
    request = pipeline_request(action)
    request.ClearField("config")
    assert set_refused(zoo.client, request)[0] == "INVALID_ARGUMENT"
    assert zoo.read(zoo.exact()) == [canonical(zoo.exact())]


def test_an_unset_action_is_invalid(client):
    request = pipeline_request()
    request.action = request.UNSPECIFIED
    assert set_refused(client, request)[0] == "INVALID_ARGUMENT"


def table(info, name):
    return next(each for each in info.tables if each.preamble.alias == name)


def action(info, name):
    return next(each for each in info.actions if each.preamble.alias == name)


MISFITS: dict[str, tuple[Callable[[p4info_pb2.P4Info], None], str]] = {
    "a table's name": (
        lambda info: setattr(table(info, "lpm_table").preamble, "name", "Zoo.elsewhere"),
        "table 'Zoo.elsewhere' is not in the program",
    ),
    "an action's name": (
        lambda info: setattr(action(info, "flood").preamble, "name", "Zoo.swim"),
        "action 'Zoo.swim' is not in the program",
    ),
    "an id of 0": (
        lambda info: setattr(table(info, "lpm_table").preamble, "id", 0),
        "'Zoo.lpm_table' has id 0",
    ),
    "an id that is taken": (
        lambda info: setattr(
            table(info, "lpm_table").preamble, "id", table(info, "exact_table").preamble.id
        ),
        "'Zoo.lpm_table' and 'Zoo.exact_table' share id",
    ),
    "a key's width": (
        lambda info: setattr(table(info, "lpm_table").match_fields[0], "bitwidth", 31),
        "table 'Zoo.lpm_table', field 'address' is 31 bits, in the program 32",
    ),
    "a key's kind": (
        lambda info: setattr(table(info, "lpm_table").match_fields[0], "match_type", 2),
        "table 'Zoo.lpm_table', field 'address' is exact, in the program lpm",
    ),
    "a key's length": (
        lambda info: table(info, "exact_table").match_fields.pop(),
        "table 'Zoo.exact_table' has 1 match fields, the program 2",
    ),
    "a key's ids": (
        lambda info: setattr(table(info, "exact_table").match_fields[1], "id", 1),
        "table 'Zoo.exact_table': id 1 of 'odd' is 0 or used twice",
    ),
    "an action that the table has not": (
        lambda info: table(info, "lpm_table").action_refs.add(id=action(info, "flood").preamble.id),
        "table 'Zoo.lpm_table' has action 'Zoo.flood', not so in the program",
    ),
    "an action that nobody has": (
        lambda info: table(info, "lpm_table").action_refs.add(id=0x0100ABCD),
        "'Zoo.lpm_table' refers to action 0x0100abcd",
    ),
    "a parameter's width": (
        lambda info: setattr(action(info, "send").params[0], "bitwidth", 16),
        "action 'Zoo.send', parameter 'port' is 16 bits, in the program 9",
    ),
    "a parameter's name": (
        lambda info: setattr(action(info, "send").params[0], "name", "door"),
        "action 'Zoo.send', parameter 'door' is called 'port' in the program",
    ),
    "the number of parameters": (
        lambda info: action(info, "send").params.pop(),
        "action 'Zoo.send' has 0 parameters, the program 1",
    ),
    "a table's implementation": (
        lambda info: setattr(table(info, "indirect_table"), "implementation_id", 0),
        "table 'Zoo.indirect_table' is implemented by None",
    ),
    "a selector": (
        lambda info: setattr(info.action_profiles[0], "with_selector", True),
        "has a selector, the program disagrees",
    ),
    "a counter's name": (
        lambda info: setattr(info.counters[0].preamble, "name", "Zoo.abacus"),
        "counter 'Zoo.abacus' is not in the program",
    ),
    "a register's width": (
        lambda info: setattr(info.registers[0].type_spec.bitstring.bit, "bitwidth", 8),
        "register 'Zoo.memory' has fields of (8,) bits, the program (32,)",
    ),
    "a digest's members": (
        lambda info: info.type_info.structs["learn_t"].members.pop(),
        "digest 'learn_t' has fields of (48,) bits, the program (48, 9)",
    ),
    "a value set's width": (
        lambda info: setattr(info.value_sets[0].match[0], "bitwidth", 8),
        "value set 'Parse.kinds' is 8 bits, in the program 16",
    ),
    "an extern": (
        lambda info: info.externs.add(extern_type_id=0x81, extern_type_name="Oracle"),
        "extern type 'Oracle' is not part of v1model",
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_a_p4info_that_does_not_fit_is_refused_with_object_and_reason(client, what):
    spoil, reason = MISFITS[what]
    info = zoo_p4info()
    spoil(info)
    code, details = set_refused(client, pipeline_request(p4info=info))
    assert code == "INVALID_ARGUMENT"
    assert reason in details
    assert "\n" not in details


def test_committing_needs_something_saved_and_nothing_else(client):
    commit = pipeline_request("COMMIT")
    assert set_refused(client, commit)[0] == "INVALID_ARGUMENT"
    commit.ClearField("config")
    assert set_refused(client, commit)[0] == "NOT_FOUND"
    client.stub.SetForwardingPipelineConfig(pipeline_request("VERIFY_AND_SAVE"))
    client.stub.SetForwardingPipelineConfig(commit)
    assert set_refused(client, commit)[0] == "NOT_FOUND"


def test_a_saved_pipeline_meets_no_packets_until_it_is_committed(zoo, plane):
    zoo.insert(zoo.exact(port=4))
    zoo.load("VERIFY_AND_SAVE")
    zoo.insert(zoo.exact(port=5))
    assert out_ports(plane, frame()) == [4]
    commit = pipeline_request("COMMIT")
    commit.ClearField("config")
    zoo.client.stub.SetForwardingPipelineConfig(commit)
    assert out_ports(plane, frame()) == [5]


def test_the_cookie_comes_back(client):
    request = pipeline_request()
    request.config.cookie.cookie = 77
    client.stub.SetForwardingPipelineConfig(request)
    get = rt.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID, response_type=1)
    assert client.stub.GetForwardingPipelineConfig(get).config == rt.ForwardingPipelineConfig(
        cookie={"cookie": 77}
    )
    assert client.stub.GetForwardingPipelineConfig(
        rt.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID)
    ).config.p4_device_config == (CONFIG.read_bytes())


def test_state_that_the_new_pipeline_has_no_place_for_is_not_dropped(zoo):
    zoo.insert(zoo.lpm())
    info = zoo_p4info()
    info.tables.remove(table(info, "lpm_table"))
    request = pipeline_request("RECONCILE_AND_COMMIT", p4info=info)
    code, details = set_refused(zoo.client, request)
    assert code == "INVALID_ARGUMENT"
    assert "cannot be kept" in details
    assert zoo.read(zoo.lpm()) == [canonical(zoo.lpm())]
    zoo.delete(zoo.lpm())
    zoo.client.stub.SetForwardingPipelineConfig(request)


def test_reconciling_keeps_every_kind_of_state(zoo):
    zoo.insert(
        zoo.exact(counter_data={"packet_count": 3}, meter_config={"cir": 1, "pir": 2}),
        zoo.ternary(5),
        zoo.member(1),
        zoo.replicas("multicast_group_entry", 5, (b"\1", 1)),
        zoo.replicas("clone_session_entry", 6, (b"\1", 1)),
        zoo.digest(max_list_size=4),
    )
    zoo.insert(zoo.group(7, (1, 2)))
    zoo.insert(zoo.selected(1, group=7))
    zoo.modify(
        zoo.value_set(0x800),
        zoo.array("counter", "cells", 3, data={"byte_count": 9}),
        zoo.array("meter", "cell_meter", 3, config={"cir": 1, "pir": 2}),
        zoo.array("register", "memory", 3, data={"bitstring": b"\7"}),
        zoo.entry("lpm_table", None, "send", {"port": 3}),
    )
    lpm_default = zoo.entry("lpm_table", None)
    everything = [
        wanted(table_entry={"counter_data": {}, "meter_config": {}}),
        lpm_default,
        wanted(action_profile_member={}),
        wanted(action_profile_group={}),
        wanted(packet_replication_engine_entry={"multicast_group_entry": {}}),
        wanted(packet_replication_engine_entry={"clone_session_entry": {}}),
        wanted(value_set_entry={}),
        wanted(digest_entry={}),
        wanted(counter_entry={}),
        wanted(meter_entry={}),
        wanted(register_entry={}),
    ]
    before = zoo.read(*everything)
    zoo.load("RECONCILE_AND_COMMIT")
    assert zoo.read(*everything) == before


def test_reconciling_never_shows_a_packet_an_empty_table(zoo, plane):
    zoo.insert(zoo.exact(port=4))
    original, seen = plane.adopt, []

    def adopt_and_send(*args, **named):
        original(*args, **named)
        packet = threading.Thread(target=lambda: seen.append(out_ports(plane, frame())))
        packet.start()
        packet.join(SHORT)

    plane.adopt = adopt_and_send
    zoo.load("RECONCILE_AND_COMMIT")
    poll(lambda: seen, "the packet")
    assert seen == [[4]]


def test_packets_pass_and_are_counted_while_a_pipeline_is_reconciled(zoo, plane, monkeypatch):
    zoo.insert(zoo.exact(port=4, counter_data={"packet_count": 3}))
    zoo.modify(zoo.array("counter", "cells", 1, data={"packet_count": 9}))
    seen = []

    def keep_and_send(*args):
        keep(*args)
        packet = threading.Thread(target=lambda: seen.append(out_ports(plane, frame())))
        packet.start()
        packet.join(PATIENCE)

    monkeypatch.setattr("v1switch.p4runtime.configuration.keep", keep_and_send)
    zoo.load("RECONCILE_AND_COMMIT")
    assert seen
    assert all(ports == [4] for ports in seen)
    (entry,) = zoo.read(zoo.exact(counter_data={}))
    assert f"packet_count: {3 + len(seen)} " in str(entry)
    (cell,) = zoo.read(zoo.array("counter", "cells", 1))
    assert f"packet_count: {9 + len(seen)} " in str(cell)


# ---- packets ---------------------------------------------------------------------------------


def test_packet_out_and_packet_in(zoo, plane):
    zoo.insert(zoo.entry("ternary_table", {"nibble": 9}, "to_cpu", priority=1))
    zoo.insert(zoo.exact())
    assert plane.process(7, frame(nibble=9)) == []
    packet = zoo.client.next_packet_in()
    assert packet.metadata == {"ingress_port": 7, "reason": 0}
    assert packet.payload == frame(nibble=9)
    zoo.client.packet_out(frame(), egress_port=6)
    assert poll(lambda: plane.process_burst([], 0), "the packet-out") == [(6, frame())]


def test_every_roles_primary_gets_packets_and_no_backup(zoo, connect, plane):
    backup, other = connect(election_id=0), connect(role="acl")
    other.names = backup.names = zoo.names
    zoo.insert(zoo.entry("ternary_table", {"nibble": 9}, "to_cpu", priority=1), zoo.exact())
    plane.process(7, frame(nibble=9))
    assert zoo.client.next_packet_in().payload == other.next_packet_in().payload
    assert backup.inbox("packet").empty()
    backup.packet_out(frame(), egress_port=6)
    error = backup.next("error")
    assert error.canonical_code == 7
    assert error.packet_out.packet_out.payload == frame()
    assert plane.process_burst([], 0) == []


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        ({"packet": {"payload": b"x", "metadata": [{"metadata_id": 9}]}}, 3, "packet_out"),
        ({"packet": {"payload": b"x"}}, 3, "packet_out"),
        ({"digest_ack": {"digest_id": 9, "list_id": 1}}, 3, "digest_list_ack"),
        ({"other": {"type_url": "x/y"}}, 12, "other"),
        ({}, 3, "other"),
    ],
)
def test_bad_stream_messages_are_answered_with_an_error(zoo, message, code, details):
    request = rt.StreamMessageRequest(**message)
    zoo.client.send(request)
    error = zoo.client.next("error")
    assert error.canonical_code == code
    assert error.message
    assert error.WhichOneof("details") == details
    assert zoo.insert(zoo.exact()) == ["OK"]


def test_a_packet_out_without_a_pipeline_is_an_error(client):
    client.send(rt.StreamMessageRequest(packet={"payload": b"x"}))
    assert client.next("error").canonical_code == 9


# ---- digests and idle entries ----------------------------------------------------------------


def learned(plane, *sources):
    for source in sources:
        plane.process(1, frame(src=source))


def test_digests_come_in_lists_without_duplicates_until_acknowledged(zoo, plane):
    zoo.insert(
        zoo.digest(max_timeout_ns=3600 * 10**9, max_list_size=2, ack_timeout_ns=3600 * 10**9)
    )
    learned(plane, 0xA, 0xA, 0xB)
    assert zoo.client.next_digest(ack=False) == [(0xA, 1), (0xB, 1)]
    learned(plane, 0xA, 0xB, 0xC, 0xD)
    digest = zoo.client.next("digest")
    assert [data.struct.members[0].bitstring for data in digest.data] == [b"\x0c", b"\x0d"]
    assert digest.timestamp > 0
    ack = {"digest_id": digest.digest_id, "list_id": digest.list_id}
    zoo.client.send(rt.StreamMessageRequest(digest_ack=ack))
    probe = {"digest_id": 1}
    zoo.client.send(rt.StreamMessageRequest(digest_ack=probe))
    zoo.client.next("error")  # the acknowledgement before it has been handled by then
    learned(plane, 0xA, 0xC, 0xD)
    assert zoo.client.next_digest() == [(0xC, 1), (0xD, 1)]


def test_a_digest_waits_for_its_timeout_only(zoo, plane):
    zoo.insert(zoo.digest(max_timeout_ns=10**6, max_list_size=100))
    learned(plane, 0xA)
    assert zoo.client.next_digest() == [(0xA, 1)]


def test_digests_are_silent_until_enabled_and_after_disabling(zoo, plane):
    learned(plane, 0xA)
    zoo.insert(zoo.digest())
    learned(plane, 0xB)
    assert zoo.client.next_digest() == [(0xB, 1)]
    zoo.delete(zoo.digest())
    learned(plane, 0xC)
    zoo.insert(zoo.digest())
    learned(plane, 0xD)
    assert zoo.client.next_digest() == [(0xD, 1)]


def test_a_new_primary_gets_digests_that_the_old_one_had(zoo, connect, plane):
    zoo.insert(zoo.digest(max_list_size=1, ack_timeout_ns=3600 * 10**9))
    learned(plane, 0xA)
    assert zoo.client.next_digest(ack=False) == [(0xA, 1)]
    other = connect(election_id=2)
    learned(plane, 0xA)
    assert other.next_digest() == [(0xA, 1)]
    assert zoo.client.inbox("digest").empty()


def test_idle_entries_are_reported_with_their_key_and_again_later(zoo, plane):
    entry = zoo.entry(
        "aging_table", {"src": 0xA}, "NoAction", idle_timeout_ns=10**6, metadata=b"mine"
    )
    quiet = zoo.entry("aging_table", {"src": 0xB}, "NoAction")
    assert zoo.insert(entry, quiet) == ["OK"] * 2
    for _ in range(2):
        notification = zoo.client.next("idle_timeout_notification")
        (received,) = notification.table_entry
        assert received.match == entry.table_entry.match
        assert (received.metadata, received.idle_timeout_ns) == (b"mine", 10**6)
        assert notification.timestamp > 0


def test_the_time_since_the_last_hit_is_read_on_request(zoo, plane):
    entry = zoo.entry("aging_table", {"src": 0xA}, "NoAction", idle_timeout_ns=3600 * 10**9)
    zoo.insert(entry)
    table_id = entry.table_entry.table_id
    (plain,) = zoo.client.read(wanted(table_entry={"table_id": table_id}))
    assert not plain.table_entry.HasField("time_since_last_hit")
    request = wanted(table_entry={"table_id": table_id, "time_since_last_hit": {}})
    (received,) = zoo.client.read(request)
    assert received.table_entry.time_since_last_hit.elapsed_ns > 0
    other = wanted(table_entry={"table_id": zoo.names.id("tables", "lpm_table")})
    other.table_entry.time_since_last_hit.SetInParent()
    assert zoo.read_code(other) == ["INVALID_ARGUMENT"]


# ---- what entities do to packets -------------------------------------------------------------


def test_entities_reach_the_data_plane(zoo, plane):
    zoo.insert(zoo.exact(port=4), zoo.entry("lpm_table", {"address": (0x0A << 24, 8)}, "drop"))
    assert out_ports(plane, frame()) == [4]
    assert out_ports(plane, frame(dst=9)) == []
    zoo.insert(zoo.replicas("multicast_group_entry", 5, (b"\1", 1), (b"\3", 1)))
    zoo.insert(zoo.entry("ternary_table", {"nibble": 2}, "flood", {"group": 5}, priority=1))
    assert sorted(out_ports(plane, frame(nibble=2))) == [1, 3]
    (count,) = zoo.client.read(zoo.array("counter", "cells", 1))
    assert count.counter_entry.data.packet_count == 3
    (cell,) = zoo.client.read(zoo.array("register", "memory", 2))
    assert cell.register_entry.data.bitstring == b"\0"
    plane.process(1, frame(nibble=2, address=0x01020304))
    (cell,) = zoo.client.read(zoo.array("register", "memory", 2))
    assert cell.register_entry.data.bitstring == b"\1\2\3\4"


def test_value_sets_steer_the_parser(zoo, plane):
    zoo.insert(zoo.exact(port=4))
    before = zoo.client.counter("cells", 1)
    assert out_ports(plane, frame(kind=0x5555)) == [0]  # no body, so no table says where to
    zoo.modify(zoo.value_set(0x5555))
    assert out_ports(plane, frame(kind=0x5555)) == [4]
    assert zoo.client.counter("cells", 1).packets == before.packets + 2


@pytest.mark.parametrize("mode", ["CONTINUE_ON_ERROR", "DATAPLANE_ATOMIC"])
def test_packets_may_see_the_middle_of_a_batch_unless_it_is_atomic(zoo, plane, mode):
    original = plane.insert_entry
    seen = []

    def insert_and_send(*args):
        original(*args)
        packet = threading.Thread(target=lambda: seen.append(out_ports(plane, frame())))
        packet.start()
        packet.join(SHORT)

    plane.insert_entry = insert_and_send
    atomicity = rt.WriteRequest.Atomicity.Value(mode)
    zoo.write(rt.Update.INSERT, zoo.exact(1), zoo.exact(1), atomicity=atomicity)
    poll(lambda: seen, "the packet")
    assert seen == ([[1]] if mode == "CONTINUE_ON_ERROR" else [[]])


# ---- the address -----------------------------------------------------------------------------


def test_a_port_without_a_host_is_this_machines_only(plane):
    handle = serve(plane, ":0", DEVICE_ID)
    try:
        host, _, port = handle.address.rpartition(":")
        assert host == "127.0.0.1"
        with socket.create_connection((host, int(port))):
            pass
        with SwitchClient(handle.address, device_id=DEVICE_ID) as client:
            assert client.is_primary
    finally:
        handle.stop()


def test_stopping_frees_the_address(plane, tmp_path):
    for _ in range(2):
        handle = serve(plane, f"unix:{tmp_path}/again.sock", DEVICE_ID)
        handle.stop()


@pytest.mark.parametrize("address", ["unix:/no/such/folder/p4rt.sock", "nowhere", "host:port", ""])
def test_an_address_that_cannot_be_is_one_clear_line(plane, address):
    with pytest.raises(BindFailed) as caught:
        serve(plane, address, DEVICE_ID)
    assert repr(address) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_taken_address_is_refused(plane):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BindFailed):
            serve(plane, f"127.0.0.1:{port}", DEVICE_ID)
