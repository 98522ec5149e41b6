"""Slow and hostile clients of the Thrift server: they are dropped, and others are answered."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.v1switch.thrift_client import Client
from tests.v1switch.twin import loaded
from v1switch.bmthrift import limits
from v1switch.bmthrift.serving import serve

CALL = struct.pack("!I", 0x80010001)
NAME = b"standard:bm_mt_get_num_entries"
HEAD = CALL + struct.pack("!I", len(NAME)) + NAME + struct.pack("!i", 1)
I32, STRING, STRUCT, MAP, LIST = 8, 11, 12, 13, 15


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(limits, "MESSAGE_S", 0.3)
    monkeypatch.setattr(limits, "FIRST_CALL_S", 0.0)
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 4)
    server = serve(loaded("tables"), "127.0.0.1", 0)
    yield server.port
    server.stop()


def ask(port: int) -> None:
    """An honest client is answered."""
    with contextlib.closing(Client(port)) as client:
        assert client.standard.bm_mt_get_num_entries(0, "TableIngress.exactly") == 0


def closed(connection: socket.socket) -> bool:
    """Whether the server closes a connection without an answer."""
    connection.settimeout(10)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(64),
        CALL + struct.pack("!I", 0x7FFFFFFF),
        CALL + struct.pack("!i", -1),
        CALL[:3] + b"\2" + HEAD[4:],
        HEAD + struct.pack("!bhi", STRING, 2, 0x7FFFFFFF),
        HEAD + struct.pack("!bhi", STRING, 2, -5),
        HEAD + struct.pack("!bhi", STRING, 2, 2 << 20) + bytes(1 << 16),  # waits as a large one
        HEAD + struct.pack("!bhi", STRING, 2, 2) + b"\xff\xff",
        HEAD + struct.pack("!bhbi", LIST, 9, I32, 0x7FFFFFFF),
        HEAD + struct.pack("!bhbbi", MAP, 9, LIST, MAP, 1 << 19) + bytes(1000),
        HEAD + struct.pack("!bh", STRUCT, 9) * 5000,
        HEAD + struct.pack("!bh", 99, 1),
        HEAD,
        HEAD + struct.pack("!bh", I32, 1),
    ],
)
def test_bytes_that_are_no_call(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as hostile:
        hostile.sendall(data)
        assert closed(hostile)
    ask(port)


@pytest.mark.parametrize(
    "field", [struct.pack("!bhi", I32, 2, 5), struct.pack("!bh", 2, 2) + b"\1"]
)
def test_arguments_of_another_type_are_as_if_left_out(port: int, field: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEAD + field + b"\0")
        client.settimeout(10)
        answer = client.recv(4)
        assert answer == struct.pack("!I", 0x80010002), "a reply, with an error in it"
    ask(port)


def test_an_unknown_call_is_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(CALL + struct.pack("!I", 3) + b"x:y" + struct.pack("!i", 1) + b"\0")
        client.settimeout(10)
        assert client.recv(4) == struct.pack("!I", 0x80010003), "an exception"


def test_connections_that_never_call_make_room(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3 * 4):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        ask(port)


def test_too_many_clients_are_refused(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(contextlib.closing(Client(port)))
            client.standard.bm_reset_state()
        late = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert closed(late)
        client.standard.bm_reset_state()


def test_a_client_that_takes_no_answers(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(limits, "SEND_S", 0.3)
    name = b"standard:bm_get_config"
    call = CALL + struct.pack("!I", len(name)) + name + struct.pack("!i", 1) + b"\0"
    with socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", port))
        greedy.settimeout(20)
        deadline = time.monotonic() + 20
        with contextlib.suppress(OSError):  # the server has closed the connection
            while time.monotonic() < deadline:
                greedy.sendall(call * 20)
                time.sleep(0.01)
            pytest.fail("the server goes on")
    ask(port)
