"""Rules of P4Runtime 1.4 that show in packets, in time, or with another P4Info: v1switch alone.

docs/p4runtime.md lists the rule of each test.
"""

import contextlib
import threading

import grpc
import pytest
from google.rpc import code_pb2, status_pb2
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt
from p4.v1 import p4runtime_pb2_grpc

from tests.switch.harness import PATIENCE
from tests.switch.harness_client import INSERT, SwitchClient
from tests.switch.harness_p4info import Path
from tests.v1switch.p4runtime_own import DEVICE_ID, frame, out_ports
from tests.v1switch.p4runtime_zoo import Zoo, canonical, wanted
from v1switch.commands.options import parse
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

SHORT = 0.2  # seconds to wait for what must not come
OK = ["OK"]
INVALID = ["INVALID_ARGUMENT"]
Spec = p4info_pb2.MeterSpec


@pytest.fixture
def zoo(client):
    made = Zoo(client, "v1switch")
    made.load()
    return made


# ---- the server ------------------------------------------------------------------------------


def test_the_port_by_default_is_the_registered_one():
    assert parse(["--no-p4"]).address.endswith(":9559")


def test_a_restart_forgets_the_election_ids(tmp_path):
    for election_id in (9, 1):
        handle = serve(Dataplane(PythonEngine()), f"unix:{tmp_path}/p4rt.sock", DEVICE_ID)
        with SwitchClient(handle.address, device_id=DEVICE_ID, election_id=election_id) as client:
            assert client.is_primary
        handle.stop()


def test_messages_may_be_longer_than_grpcs_own_limit(client):
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action="VERIFY"
    )
    request.config.p4_device_config = bytes(4 << 20)
    with pytest.raises(grpc.RpcError) as caught:
        client.stub.SetForwardingPipelineConfig(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_the_status_of_a_batch_repeats_the_calls(zoo):
    request = rt.WriteRequest(device_id=DEVICE_ID, election_id={"low": 1})
    for entity in (zoo.exact(), zoo.exact()):
        request.updates.add(type=INSERT, entity=entity)
    with pytest.raises(grpc.RpcError) as caught:
        zoo.client.stub.Write(request)
    trailer = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(trailer)
    assert (status.code, status.message) == (code_pb2.UNKNOWN, caught.value.details())
    fine = rt.Error()
    assert status.details[0].Unpack(fine)
    assert fine == rt.Error(canonical_code=code_pb2.OK)


def test_a_call_that_is_refused_as_a_whole_has_no_details(zoo):
    request = rt.WriteRequest(device_id=DEVICE_ID, election_id={"low": 9})
    request.updates.add(type=INSERT, entity=zoo.exact())
    with pytest.raises(grpc.RpcError) as caught:
        zoo.client.stub.Write(request)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "grpc-status-details-bin" not in dict(caught.value.trailing_metadata())


def test_a_read_needs_no_session(zoo, address):
    zoo.insert(zoo.exact())
    request = rt.ReadRequest(device_id=DEVICE_ID, entities=[zoo.exact()])
    with grpc.insecure_channel(address) as channel:
        (answer,) = p4runtime_pb2_grpc.P4RuntimeStub(channel).Read(request)
    assert [canonical(entity) for entity in answer.entities] == [canonical(zoo.exact())]


# ---- concurrent reads and writes ---------------------------------------------------------------


def slowly(plane, name):
    """Make a method of the data plane wait; returns (it has begun, let it continue)."""
    original, begun, go_on = getattr(plane, name), threading.Event(), threading.Event()

    def slow(*args):
        begun.set()
        assert go_on.wait(PATIENCE)
        return original(*args)

    setattr(plane, name, slow)
    return begun, go_on


@contextlib.contextmanager
def meanwhile(work, *args):
    """Do some work in a thread beside the block, which must let it end; yields the thread."""
    thread = threading.Thread(target=work, args=args)
    thread.start()
    yield thread
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_read_sees_a_batch_wholly_or_not_at_all(zoo, plane):
    begun, go_on = slowly(plane, "insert_entry")
    found = []
    with meanwhile(zoo.insert, zoo.exact(1), zoo.exact(2)):
        assert begun.wait(PATIENCE)
        with meanwhile(lambda: found.extend(zoo.read(zoo.exact(1), zoo.exact(2)))) as reading:
            reading.join(SHORT)
            assert reading.is_alive()
            go_on.set()
    assert found == sorted(map(canonical, (zoo.exact(1), zoo.exact(2))))


def test_batches_are_processed_one_after_the_other(zoo, plane):
    original, order = plane.insert_entry, []

    def noted(table, entry):
        order.append(entry.key[0].value)
        original(table, entry)

    plane.insert_entry = noted
    begun, go_on = slowly(plane, "insert_entry")
    with meanwhile(zoo.insert, zoo.exact(1), zoo.exact(2)):
        assert begun.wait(PATIENCE)
        with meanwhile(zoo.insert, zoo.exact(3), zoo.exact(4)) as other:
            other.join(SHORT)
            assert other.is_alive()
            go_on.set()
    assert order == [1, 2, 3, 4]


def test_reads_may_come_all_at_once(zoo):
    zoo.insert(zoo.exact())
    found = []
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(meanwhile(lambda: found.append(zoo.read(zoo.exact()))))
    assert found == [[canonical(zoo.exact())]] * 8


@pytest.mark.parametrize("what", ["write", "read"])
def test_packets_and_requests_wait_for_each_other(zoo, plane, what):
    zoo.insert(zoo.exact())
    inside, go_on = threading.Event(), threading.Event()

    def in_the_middle(_sample):
        inside.set()
        assert go_on.wait(PATIENCE)

    plane.on_digest = in_the_middle
    request = zoo.modify if what == "write" else zoo.read
    with meanwhile(plane.process, 1, frame()):
        assert inside.wait(PATIENCE)
        with meanwhile(request, zoo.exact(port=2)) as waiting:
            waiting.join(SHORT)
            assert waiting.is_alive()
            go_on.set()


def test_nothing_idle_is_no_notification(zoo):
    zoo.insert(zoo.entry("aging_table", {"src": 1}, "NoAction", idle_timeout_ns=3600 * 10**9))
    threading.Event().wait(SHORT)  # longer than the interval of the switch's scans
    assert zoo.client.inbox("idle_timeout_notification").empty()


def test_the_time_of_the_last_hit_needs_no_timeout(zoo):
    zoo.insert(zoo.entry("aging_table", {"src": 1}, "NoAction"))
    table_id = zoo.names.id("tables", "aging_table")
    request = wanted(table_entry={"table_id": table_id, "time_since_last_hit": {}})
    (received,) = zoo.client.read(request)
    assert received.table_entry.time_since_last_hit.elapsed_ns > 0
    assert received.table_entry.idle_timeout_ns == 0


# ---- what packets see --------------------------------------------------------------------------


def test_the_higher_priority_wins(zoo, plane):
    zoo.insert(zoo.ternary(2, port=5, src=(0, 1)), zoo.ternary(9, port=6), zoo.ternary(5, port=7))
    assert out_ports(plane, frame(nibble=1)) == [6]
    zoo.delete(zoo.ternary(9))
    assert out_ports(plane, frame(nibble=1)) == [7]


def test_every_action_of_an_entry_counts_and_meters(zoo, plane):
    resources = {"counter_data": {"packet_count": 5}, "meter_config": {"cir": 1, "pir": 2}}
    dropping = zoo.entry("exact_table", {"dst": 1, "odd": 1}, "drop", **resources)
    assert zoo.insert(dropping) == OK
    plane.process(1, frame())
    (found,) = zoo.client.read(dropping)
    assert found.table_entry.counter_data.packet_count == 6
    assert found.table_entry.meter_config == rt.MeterConfig(cir=1, pir=2)


def test_a_default_entry_counts_nothing(zoo, plane):
    zoo.insert(zoo.exact(dst=7))
    plane.process(1, frame(dst=9))
    (found,) = zoo.client.read(zoo.exact(dst=7, counter_data={}))
    assert found.table_entry.counter_data == rt.CounterData()


def used(plane):
    """The ports that frames of many flows leave by."""
    return {port for n in range(64) for port in out_ports(plane, frame(address=n * 0x01010101))}


def test_a_modified_member_acts_in_every_group(zoo, plane):
    zoo.insert(zoo.member(1, port=4))
    zoo.insert(zoo.group(7, (1, 1)), zoo.group(8, (1, 2)))
    zoo.insert(zoo.selected(1, group=7), zoo.selected(2, group=8))
    assert out_ports(plane, frame(number=1)) == out_ports(plane, frame(number=2)) == [4]
    zoo.modify(zoo.member(1, port=5))
    assert out_ports(plane, frame(number=1)) == out_ports(plane, frame(number=2)) == [5]


def watched_group(zoo):
    zoo.insert(zoo.member(1, port=4), zoo.member(2, port=5))
    entity = zoo.group(7, (1, 1), (2, 1))
    for member, port in zip(entity.action_profile_group.members, (b"\4", b"\5"), strict=True):
        member.watch_port = port
    return [entity, zoo.selected(0, group=7)]


def watched_set(zoo):
    entry = zoo.entry(
        "shot_table", {"number": 0}, [Path("send", {"port": 4}), Path("send", {"port": 5})]
    )
    shots = entry.table_entry.action.action_profile_action_set.action_profile_actions
    for shot, port in zip(shots, (b"\4", b"\5"), strict=True):
        shot.watch_port = port
    return [entry]


@pytest.mark.parametrize("made", [watched_group, watched_set])
def test_what_watches_a_port_that_is_down_is_not_chosen(zoo, plane, made):
    for entity in made(zoo):
        assert zoo.insert(entity) == OK
    assert used(plane) == {4, 5}
    plane.set_port_status(5, up=False)
    assert used(plane) == {4}
    plane.set_port_status(5, up=True)
    assert used(plane) == {4, 5}


@pytest.mark.parametrize("made", [watched_group, watched_set])
def test_a_watched_port_must_exist(zoo, plane, made):
    plane.ports.known = frozenset({4})
    assert zoo.insert(made(zoo)[0]) == INVALID
    plane.ports.known = frozenset({4, 5})
    assert zoo.insert(made(zoo)[0]) == OK


def test_without_a_watch_port_a_member_is_always_chosen(zoo, plane):
    zoo.insert(zoo.member(1, port=4))
    zoo.insert(zoo.group(7, (1, 1)))
    zoo.insert(zoo.selected(0, group=7))
    plane.set_port_status(4, up=False)
    assert used(plane) == {4}


def test_a_packet_out_needs_each_metadata_field_once(zoo, plane):
    def sent(*ids):
        metadata = [{"metadata_id": each, "value": b"\1"} for each in ids]
        zoo.client.send(rt.StreamMessageRequest(packet={"payload": b"x", "metadata": metadata}))
        return zoo.client.next("error").canonical_code

    assert {sent(), sent(1), sent(1, 1), sent(1, 2, 3)} == {code_pb2.INVALID_ARGUMENT}
    assert plane.process_burst([], 0) == []
