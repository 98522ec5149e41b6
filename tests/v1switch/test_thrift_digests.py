"""Digests over nanomsg: what p4-utils' controllers subscribe to, beside Thrift."""

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.switch.harness import poll
from tests.v1switch.p4runtime_zoo import CONFIG
from v1switch.bmthrift.codes import Refused
from v1switch.bmthrift.learning import Learning
from v1switch.bmthrift.nanomsg import PUB, SUB, Publisher, framed, greeting
from v1switch.commands.options import parse
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import SwitchError
from v1switch.program import load_file
from v1switch.state.entries import DigestSample

DEVICE = 7


class Subscriber:
    """A subscriber by hand: greets, then reads messages."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(address.removeprefix("ipc://"))
        assert self._read(8) == bytes.fromhex("0053500000200000")  # SP, version 0, PUB
        self.socket.sendall(bytes.fromhex("0053500000210000"))  # SUB

    def _read(self, size: int) -> bytes:
        return self.socket.recv(size, socket.MSG_WAITALL)

    def message(self) -> bytes:
        kind, size = struct.unpack(">BQ", self._read(9))
        assert kind == 1
        return self._read(size)


@pytest.fixture
def plane() -> Dataplane:
    made = Dataplane(PythonEngine())
    made.load(load_file(CONFIG))
    return made


@pytest.fixture
def learning(plane: Dataplane, tmp_path: Path) -> Iterator[Learning]:
    with Learning(plane, DEVICE, Publisher(f"ipc://{tmp_path}/n.ipc")) as made:
        yield made


@pytest.fixture
def heard(learning: Learning) -> Iterator[Callable[[], tuple[int, ...]]]:
    """What a subscriber hears: (list, buffer, samples, fields…) of the next message."""
    subscriber = Subscriber(learning.address)
    poll(lambda: learning._publisher._subscribers, "the subscriber is known")

    def hear() -> tuple[int, ...]:
        body = subscriber.message()
        topic, device, context, number, buffer, count = struct.unpack("<4sQiiQI", body[:32])
        assert (topic, device, context) == (b"LEA|", DEVICE, 0)
        fields = [
            field for mac, port in struct.iter_unpack(">6sH", body[32:]) for field in (mac, port)
        ]
        values = [int.from_bytes(f, "big") if isinstance(f, bytes) else f for f in fields]
        return (number, buffer, count, *values)

    yield hear
    subscriber.socket.close()


def learn(plane: Dataplane, mac: int, port: int = 3) -> None:
    assert plane.on_digest is not None
    (name,) = (each.name for each in plane.state.program.learn_lists.values())
    plane.on_digest(DigestSample(name, (mac, port)))


def the_list(plane: Dataplane) -> int:
    (number,) = plane.state.program.learn_lists
    return number


def test_sixteen_samples_fill_a_buffer(plane, heard) -> None:
    for mac in range(16):
        learn(plane, mac)
    assert heard()[:5] == (the_list(plane), 0, 16, 0, 3)


def test_fewer_wait_for_their_time(plane, learning, heard) -> None:
    number = the_list(plane)
    learning.set_timeout(number, 10)
    learn(plane, 0xAABBCCDDEEFF, 511)
    assert heard() == (number, 0, 1, 0xAABBCCDDEEFF, 511)


def test_what_was_sent_waits_for_its_acknowledgement(plane, learning, heard) -> None:
    number = the_list(plane)
    learning.set_size(number, 1)
    learn(plane, 1)
    assert heard()[1:] == (0, 1, 1, 3)
    learn(plane, 1)  # is not sent again
    learn(plane, 2)
    assert heard()[1:] == (1, 1, 2, 3)
    learning.acknowledge(number, 0, None)
    learn(plane, 1)
    assert heard()[1:] == (2, 1, 1, 3)
    learning.acknowledge(number, 2, (0,))
    learning.acknowledge(number, 99, (5,))  # a buffer that there is not
    learn(plane, 1)
    assert heard()[1:] == (3, 1, 1, 3)


def test_a_list_that_there_is_not(learning) -> None:
    for call in (lambda: learning.acknowledge(99, 0, None), lambda: learning.set_size(99, 1)):
        with pytest.raises(Refused):
            call()


def test_p4runtime_gets_its_digests_as_before(plane, tmp_path) -> None:
    got: list[DigestSample] = []
    plane.on_digest = got.append
    with Learning(plane, DEVICE, Publisher(f"ipc://{tmp_path}/n.ipc")):
        learn(plane, 5)
    assert [each.values for each in got] == [(5, 3)]
    assert plane.on_digest == got.append


def test_subscribers_that_go_or_lie_are_let_go(tmp_path) -> None:
    publisher = Publisher(f"ipc://{tmp_path}/n.ipc")
    publisher.start()
    try:
        with socket.socket(socket.AF_UNIX) as liar:
            liar.connect(f"{tmp_path}/n.ipc")
            liar.sendall(greeting(PUB))  # a second publisher
            assert liar.recv(8, socket.MSG_WAITALL) == greeting(PUB)
            assert liar.recv(1) == b""
        subscriber = Subscriber(publisher.address)
        poll(lambda: publisher._subscribers, "it is known")
        subscriber.socket.close()
        poll(lambda: publisher.publish(b"x") or not publisher._subscribers, "it is let go")
    finally:
        publisher.stop()
    assert not Path(f"{tmp_path}/n.ipc").exists()


def test_a_socket_of_a_switch_that_has_gone_is_replaced_and_no_other(tmp_path) -> None:
    left = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(left))
    made = Publisher(f"ipc://{left}")
    made.start()
    with pytest.raises(SwitchError, match="in use"):
        Publisher(f"ipc://{left}").start()
    made.stop()
    (tmp_path / "file").touch()
    with pytest.raises(SwitchError, match="expected a path for a new socket"):
        Publisher(f"ipc://{tmp_path}/file").start()
    with pytest.raises(SwitchError, match="expected ipc://PATH"):
        Publisher("tcp://127.0.0.1:1").start()


def test_the_wire_format() -> None:
    assert greeting(SUB).hex() == "0053500000210000"
    assert framed(b"ab").hex() == "01" + "0000000000000002" + "6162"


@pytest.mark.parametrize(
    ("name", "given", "address"),
    [
        ("simple_switch", [], "ipc:///tmp/bmv2-4-notifications.ipc"),
        ("simple_switch_grpc", ["--thrift-port", "1"], None),
        (
            "simple_switch_grpc",
            ["--thrift-port", "1", "--notifications-addr", "ipc://x"],
            "ipc://x",
        ),
    ],
)
def test_where_bmv2_has_them(name: str, given: list[str], address: str | None) -> None:
    options = parse(["--no-p4", "--device-id", "4", *given], name)
    assert options.thrift is not None
    assert options.thrift.notifications == address
