"""Rules of P4Runtime 1.4 that show in packets, in time, or with another P4Info: v1switch alone.

docs/p4runtime.md says which rule each shows.
"""

import contextlib
import threading

import grpc
import pytest
from google.protobuf import text_format
from google.rpc import code_pb2, status_pb2
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness import PATIENCE
from tests.switch.harness_client import INSERT, SwitchClient
from tests.switch.harness_p4info import Names, Path
from tests.v1switch.test_p4runtime_own import DEVICE_ID, frame, out_ports
from tests.v1switch.test_p4runtime_zoo import CONFIG, P4INFO, Zoo, canonical, wanted
from tests.v1switch.twin import COMPILED
from v1switch.cli import parse
from v1switch.dataplane import Dataplane
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


def zoo_p4info():
    return text_format.Parse(P4INFO.read_text(), p4info_pb2.P4Info())


def load(client, p4info, config=CONFIG):
    """Give the switch a program with a P4Info of one's own."""
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action="VERIFY_AND_COMMIT"
    )
    request.config.p4info.CopyFrom(p4info)
    request.config.p4_device_config = config.read_bytes()
    client.stub.SetForwardingPipelineConfig(request)
    client.names = Names(p4info)
    return Zoo(client, "v1switch")


def profile(info, name):
    return next(each for each in info.action_profiles if each.preamble.alias == name)


# ---- the server ------------------------------------------------------------------------------


def test_the_port_by_default_is_the_registered_one():
    assert parse(["--no-p4"]).address.endswith(":9559")


def test_a_restart_forgets_the_election_ids(tmp_path):
    for election_id in (9, 1):
        handle = serve(Dataplane(), f"unix:{tmp_path}/p4rt.sock", DEVICE_ID, None)
        with SwitchClient(handle.address, device_id=DEVICE_ID, election_id=election_id) as client:
            assert client.is_primary
        handle.stop()


def test_messages_may_be_longer_than_grpcs_own_limit(client):
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action="VERIFY"
    )
    request.config.p4_device_config = bytes(5 << 20)
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


# ---- what others see of reads and writes -------------------------------------------------------


def slowly(plane, name):
    """Make a method of the data plane wait; returns (it has begun, let it go on)."""
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
    threading.Event().wait(SHORT)  # longer than the switch waits between two looks
    assert zoo.client.inbox("idle_timeout_notification").empty()


def test_the_time_of_the_last_hit_needs_no_timeout(zoo):
    zoo.insert(zoo.entry("aging_table", {"src": 1}, "NoAction"))
    table_id = zoo.names.id("tables", "aging_table")
    asked = wanted(table_entry={"table_id": table_id, "time_since_last_hit": {}})
    (told,) = zoo.client.read(asked)
    assert told.table_entry.time_since_last_hit.elapsed_ns > 0
    assert told.table_entry.idle_timeout_ns == 0


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


# ---- with another P4Info -----------------------------------------------------------------------

TWO_RATES = {"cir": 10, "cburst": 20, "pir": 30, "pburst": 40}
ONE_RATE = {"cir": 10, "cburst": 20, "pir": 10, "pburst": 20}


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [
        (Spec.TWO_RATE_THREE_COLOR, [TWO_RATES, ONE_RATE], [{**TWO_RATES, "eburst": 1}]),
        (Spec.SINGLE_RATE_THREE_COLOR, [ONE_RATE], [TWO_RATES, {**ONE_RATE, "pburst": 21}]),
        (Spec.SINGLE_RATE_TWO_COLOR, [ONE_RATE], [TWO_RATES, {**ONE_RATE, "eburst": 1}]),
    ],
)
def test_a_meter_takes_what_its_type_has(client, kind, accepted, refused):
    info = zoo_p4info()
    info.meters[0].spec.type = info.direct_meters[0].spec.type = kind
    zoo = load(client, info)
    zoo.insert(zoo.exact())
    for configs, code in ((accepted, OK), (refused, INVALID)):
        for config in configs:
            assert zoo.modify(zoo.array("meter", "cell_meter", 1, config=config)) == code
            assert zoo.modify(zoo.exact(meter_config=config)) == code


def test_a_selector_may_count_members_instead_of_weights(client):
    info = zoo_p4info()
    profile(info, "shots").sum_of_members.max_member_weight = 3
    zoo = load(client, info)

    def shots(*weights):
        paths = [Path("send", {"port": n}, weight) for n, weight in enumerate(weights)]
        return zoo.entry("shot_table", {"number": 1}, paths)

    assert zoo.insert(shots(1, 1, 1, 1, 1)) == INVALID
    assert zoo.insert(shots(4)) == INVALID
    assert zoo.insert(shots(3, 3, 3, 3)) == OK


def test_a_selector_without_a_group_size_takes_any_max_size(client):
    info = zoo_p4info()
    profile(info, "choice").max_group_size = 0
    zoo = load(client, info)
    zoo.insert(zoo.member(1))
    assert zoo.insert(zoo.group(7, (1, 100), max_size=0), zoo.group(8, (1, 1), max_size=9)) == (
        OK * 2
    )
    assert zoo.modify(zoo.group(8, (1, 10), max_size=9)) == ["RESOURCE_EXHAUSTED"]


def test_a_group_size_above_the_selectors_is_refused(client):
    info = zoo_p4info()
    profile(info, "choice").size = 3
    with pytest.raises(grpc.RpcError) as caught:
        load(client, info)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "max_group_size 4 above size 3" in caught.value.details()


@pytest.fixture
def filled(client):
    """A program whose tables begin with entries that may be changed."""
    text = (COMPILED / "preinitialized.p4info.txtpb").read_text()
    info = text_format.Parse(text, p4info_pb2.P4Info())
    return load(client, info, COMPILED / "preinitialized.json")


def ask(plane, exact, masked=0):
    return out_ports(plane, bytes([exact, masked]) + bytes(20))


def test_initial_entries_are_read_changed_and_deleted(filled, plane):
    def entry(value, port):
        return filled.entry("exactly", {"value": value}, "send", {"port": port})

    everything = wanted(table_entry={"table_id": entry(1, 1).table_entry.table_id})
    assert filled.read(everything) == sorted(map(canonical, (entry(1, 1), entry(2, 2))))
    assert not any(found.table_entry.is_const for found in filled.client.read(everything))
    assert [ask(plane, n) for n in (1, 2, 3)] == [[1], [2], []]
    assert filled.modify(entry(1, 5)) == OK
    assert filled.delete(entry(2, 2)) == OK
    assert filled.insert(entry(3, 6), entry(4, 6), entry(5, 6), entry(6, 6)) == [
        *(OK * 3),
        "RESOURCE_EXHAUSTED",
    ]
    assert [ask(plane, n) for n in (1, 2, 3)] == [[5], [], [6]]


def test_initial_entries_have_the_priorities_of_their_order(filled, plane):
    table_id = filled.names.id("tables", "masked")
    found = filled.client.read(wanted(table_entry={"table_id": table_id}))
    ranks = {each.table_entry.match[0].ternary.mask: each.table_entry.priority for each in found}
    assert ranks == {b"\xf0": 2, b"\x0f": 1}
    assert ask(plane, 1, 0x11) == [3]
    over = filled.entry("masked", {"value": (0x11, 0xFF)}, "send", {"port": 7}, priority=3)
    assert filled.insert(over) == OK
    assert ask(plane, 1, 0x11) == [7]


def test_a_packet_out_needs_each_metadata_field_once(zoo, plane):
    def sent(*ids):
        metadata = [{"metadata_id": each, "value": b"\1"} for each in ids]
        zoo.client.send(rt.StreamMessageRequest(packet={"payload": b"x", "metadata": metadata}))
        return zoo.client.next("error").canonical_code

    assert {sent(), sent(1), sent(1, 1), sent(1, 2, 3)} == {code_pb2.INVALID_ARGUMENT}
    assert plane.process_burst([], 0) == []
