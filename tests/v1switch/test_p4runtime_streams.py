"""Streams of v1switch and of BMv2 side by side: sessions, packets, digests, idle entries.

The specification is expected; `world.spec(..., bmv2=...)` marks where BMv2 differs.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import grpc
import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness import Sandbox, SandboxError, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2, CPU_PORT, Target, installed
from tests.v1switch.p4runtime_zoo import Zoo
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

DEVICE_ID = 1
QUIET = 0.3  # seconds to wait for messages that must not arrive
OK, EXISTS, NOT_FOUND = 0, 6, 5


@dataclass
class World:
    """A switch: where it listens, how frames get in, how they come out."""

    switch: str
    address: str
    send: Callable[[int, bytes], None]
    receive: Callable[[int], bytes]

    def spec(self, by_specification, *, bmv2):
        return bmv2 if self.switch == BMV2 else by_specification


@contextmanager
def v1switch_world() -> Iterator[World]:
    plane = Dataplane(PythonEngine(), cpu_port=CPU_PORT)
    with TemporaryDirectory() as directory:
        handle = serve(plane, f"unix:{directory}/p4rt.sock", DEVICE_ID)

        def receive(port: int) -> bytes:
            ((found, frame),) = poll(lambda: plane.process_burst([], 0), "a frame")
            assert found == port
            return frame

        try:
            yield World(
                "v1switch", handle.address, lambda port, data: plane.process(port, data), receive
            )
        finally:
            handle.stop()


@contextmanager
def bmv2_world() -> Iterator[World]:
    with Sandbox(ports=2) as sandbox, Target(BMV2, sandbox, device_id=DEVICE_ID) as target:
        yield World(
            BMV2,
            target.address,
            lambda port, data: sandbox.port(port).send(data),
            lambda port: sandbox.port(port).receive(),
        )


@pytest.fixture(scope="module", params=["v1switch", pytest.param(BMV2, marks=pytest.mark.network)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    with bmv2_world() if request.param == BMV2 else v1switch_world() as made:
        yield made


_ids = iter(range(100, 1 << 30, 100))  # so that a session never meets an id of an earlier one


@pytest.fixture
def first_id() -> int:
    """An election id; a hundred from here on belong to this test."""
    return next(_ids)


@pytest.fixture
def connect(world: World) -> Iterator[Callable[..., SwitchClient]]:
    with contextlib.ExitStack() as stack:
        yield lambda **fields: stack.enter_context(
            SwitchClient(world.address, **{"device_id": DEVICE_ID, **fields})
        )


@pytest.fixture
def zoo(world, connect, first_id) -> Zoo:
    made = Zoo(connect(election_id=first_id), world.switch)
    made.load()
    return made


def silent(client, kind):
    """Whether nothing of a kind comes."""
    with contextlib.suppress(SandboxError):
        client.next(kind, QUIET)
        return False
    return True


# ---- sessions --------------------------------------------------------------------------------


def test_both_are_notified_of_a_takeover(world, zoo, connect, first_id):
    other = connect(election_id=first_id + 1)
    assert (other.arbitration.status.code, other.arbitration.status.message) == (OK, "Is primary")
    received = zoo.client.next("arbitration")
    assert received.status.code == EXISTS
    assert received.status.message.startswith("Is backup")
    assert received.election_id.low == first_id + 1
    assert zoo.insert(zoo.exact()) == ["PERMISSION_DENIED"]


def test_a_backup_is_told_the_primarys_id(zoo, connect, first_id):
    other = connect(election_id=first_id - 1)
    assert other.arbitration.status.code == EXISTS
    assert other.arbitration.election_id.low == first_id
    assert silent(zoo.client, "arbitration")


def test_when_the_primary_leaves_there_is_none(world, zoo, connect, first_id):
    with SwitchClient(world.address, device_id=DEVICE_ID, election_id=first_id + 1):
        zoo.client.next("arbitration")
    received = zoo.client.next("arbitration")
    assert received.status.code == world.spec(NOT_FOUND, bmv2=OK)
    assert zoo.insert(zoo.exact()) == world.spec(["PERMISSION_DENIED"], bmv2=["OK"])


def test_a_primary_that_repeats_itself_is_answered(world, zoo, first_id):
    bid = {"device_id": DEVICE_ID, "election_id": {"low": first_id}}
    zoo.client.send(rt.StreamMessageRequest(arbitration=bid))
    assert silent(zoo.client, "arbitration") is world.spec(False, bmv2=True)


@pytest.mark.parametrize(
    ("fields", "by_specification", "bmv2"),
    [
        ({"device_id": 99}, "FAILED_PRECONDITION", "FAILED_PRECONDITION"),
        ({"role": {"name": "x"}}, "FAILED_PRECONDITION", None),
        ({"role": {"config": {"type_url": "x"}}}, None, None),  # finsy sends Stratum's
    ],
)
def test_a_wrong_bid_ends_the_stream(world, zoo, first_id, fields, by_specification, bmv2):
    bid = {"device_id": DEVICE_ID, "election_id": {"low": first_id + 1}, **fields}
    zoo.client.send(rt.StreamMessageRequest(arbitration=bid))
    code = world.spec(by_specification, bmv2=bmv2)
    if code is None:
        assert zoo.client.next("arbitration").status.code == OK
    else:
        assert zoo.client.next("closed").code().name == code


def test_an_election_id_that_is_taken_ends_the_stream(world, zoo, first_id):
    bid = {"device_id": DEVICE_ID, "election_id": {"low": first_id}}
    with pytest.raises(grpc.RpcError) as caught:
        list(zoo.client.stub.StreamChannel(iter([rt.StreamMessageRequest(arbitration=bid)])))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_writing_without_an_election_id(zoo):
    request = rt.WriteRequest(device_id=DEVICE_ID)
    request.updates.add(type=rt.Update.INSERT, entity=zoo.exact())
    with pytest.raises(grpc.RpcError) as caught:
        zoo.client.stub.Write(request)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_another_device(world, zoo, first_id):
    request = rt.WriteRequest(device_id=99, election_id={"low": first_id})
    request.updates.add(type=rt.Update.INSERT, entity=zoo.exact())
    with pytest.raises(grpc.RpcError) as caught:
        zoo.client.stub.Write(request)
    assert caught.value.code().name == world.spec("NOT_FOUND", bmv2="PERMISSION_DENIED")


# ---- packets ---------------------------------------------------------------------------------


def frame(src=2, nibble=0, kind=0x1234):
    ethernet = (1).to_bytes(6, "big") + src.to_bytes(6, "big") + kind.to_bytes(2, "big")
    return ethernet + (1 << 4 | nibble).to_bytes(9, "big") + bytes(40)


def to_cpu(zoo):
    return zoo.entry("ternary_table", {"nibble": 9}, "to_cpu", priority=1)


def test_a_packet_in_carries_its_metadata(world, zoo):
    zoo.insert(to_cpu(zoo), zoo.exact())
    world.send(2, frame(nibble=9))
    packet = zoo.client.next_packet_in()
    assert packet.payload == frame(nibble=9)
    assert packet.metadata == {"ingress_port": 2, "reason": 0}


def test_a_packet_out_leaves_where_its_metadata_says(world, zoo):
    zoo.client.packet_out(frame(), egress_port=2)
    assert world.receive(2) == frame()


def test_only_the_primary_gets_packets(world, zoo, connect, first_id):
    backup = connect(election_id=first_id - 1)
    zoo.insert(to_cpu(zoo), zoo.exact())
    world.send(2, frame(nibble=9))
    zoo.client.next_packet_in()
    assert silent(backup, "packet")


def test_a_backups_packet_out_is_dropped(world, zoo, connect, first_id):
    backup = connect(election_id=first_id - 1)
    backup.names = zoo.names
    backup.packet_out(frame(), egress_port=1)
    if world.switch != BMV2:
        assert backup.next("error").canonical_code == 7
    zoo.client.packet_out(frame(src=7), egress_port=2)
    assert world.receive(2) == frame(src=7)


def test_a_packet_out_with_unknown_metadata_is_an_error(world, zoo):
    packet = {"payload": b"x" * 60, "metadata": [{"metadata_id": 9, "value": b"\1"}]}
    zoo.client.send(rt.StreamMessageRequest(packet=packet))
    assert silent(zoo.client, "error") is world.spec(False, bmv2=True)


def test_a_packet_out_without_its_metadata_is_an_error(world, zoo):
    zoo.client.send(rt.StreamMessageRequest(packet={"payload": frame()}))
    assert silent(zoo.client, "error") is world.spec(False, bmv2=True)


# ---- digests and idle entries ----------------------------------------------------------------


def test_a_digest_is_sent_once_until_it_is_acknowledged(world, zoo):
    zoo.insert(zoo.digest(max_list_size=1, ack_timeout_ns=3600 * 10**9))
    world.send(1, frame(src=0xA))
    digest = zoo.client.next("digest")
    assert [member.bitstring for member in digest.data[0].struct.members] == [b"\x0a", b"\1"]
    world.send(1, frame(src=0xA))
    assert silent(zoo.client, "digest")
    ack = {"digest_id": digest.digest_id, "list_id": digest.list_id}
    zoo.client.send(rt.StreamMessageRequest(digest_ack=ack))

    def again() -> bool:
        world.send(1, frame(src=0xA))
        return not silent(zoo.client, "digest")

    assert poll(again, "the digest once more")


def test_digests_wait_for_company(world, zoo):
    zoo.insert(zoo.digest(max_timeout_ns=10**9, max_list_size=2, ack_timeout_ns=3600 * 10**9))
    world.send(1, frame(src=0xA))
    world.send(1, frame(src=0xB))
    found: list[tuple[int, ...]] = []
    while len(found) < 2:
        found += zoo.client.next_digest()
    assert found == [(0xA, 1), (0xB, 1)]


def test_an_acknowledgement_of_an_unknown_digest(world, zoo):
    zoo.client.send(rt.StreamMessageRequest(digest_ack={"digest_id": 9, "list_id": 1}))
    assert silent(zoo.client, "error") is world.spec(False, bmv2=True)


def test_an_idle_entry_is_reported(world, zoo):
    entry = zoo.entry(
        "aging_table", {"src": 0xA}, "NoAction", idle_timeout_ns=10**8, controller_metadata=5
    )
    assert zoo.insert(entry) == ["OK"]
    (received,) = zoo.client.next("idle_timeout_notification").table_entry
    assert received.table_id == entry.table_entry.table_id
    assert received.match == entry.table_entry.match
    assert (received.idle_timeout_ns, received.controller_metadata) == (10**8, 5)
