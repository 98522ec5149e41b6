"""The control socket: requests, refusals, late replies, and whose socket file it is."""

import json
import os
import select
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from rxpath.errors import ConfigError, ControlError
from rxpath.live.control import MAX_LINE, Client, Server


class Running:
    """A server with its loop in a thread, as the live loop runs it: poll, then serve."""

    def __init__(self, path: Path) -> None:
        self.later: Future[str] = Future()
        self.server = Server(
            path,
            {
                "echo": dict,
                "later": lambda _: self.later,
                "wrong": self._wrong,
            },
        )
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._loop)
        self.thread.start()

    @staticmethod
    def _wrong(params: Mapping[str, Any]) -> None:
        raise ConfigError("threshold", params.get("value"), "an integer from 0 to 100")

    def _loop(self) -> None:
        while not self.stop.is_set():
            select.select([self.server.fileno()], [], [])
            self.server.serve()
        self.server.close()

    def end(self) -> None:
        self.stop.set()
        self.server.wake()
        self.thread.join()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path / "rx.sock")
    yield server
    server.end()


def raw(server: Server, data: bytes) -> list[dict[str, Any]]:
    """Send bytes, end the sending side, and return all replies."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(server.path))
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as replies:
            return [json.loads(line) for line in replies]


def flood(sock: socket.socket, data: bytes) -> None:
    while True:
        sock.sendall(data)


def test_a_call_gets_its_result(running: Running) -> None:
    with Client(running.server.path) as client:
        assert client.call("echo", a=1, b=[2]) == {"a": 1, "b": [2]}
        assert client.call("echo") == {}


def test_a_refusal_says_where_and_what(running: Running) -> None:
    with Client(running.server.path) as client:
        with pytest.raises(ControlError, match="got 900, expected an integer") as caught:
            client.call("wrong", value=900)
        assert (caught.value.kind, caught.value.where) == ("bad_request", "threshold")
        assert client.call("echo", still="there") == {"still": "there"}


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (b"{", "line"),
        (b"\xff", "line"),
        (b"[]", "line"),
        (b"{}", "op"),
        (b'{"op": ["echo"]}', "op"),
        (b'{"op": "fly"}', "op"),
        (b'{"op": "echo", "params": 3}', "params"),
    ],
)
def test_a_bad_line_is_answered(running: Running, line: bytes, where: str) -> None:
    first, second = raw(running.server, line + b'\n{"id": 2, "op": "echo"}\n')
    assert (first["ok"], first["error"]["kind"], first["error"]["where"]) == (
        *(False, "bad_request"),
        where,
    )
    assert second == {"id": 2, "ok": True, "result": {}}


def test_a_line_without_end_is_cut_off(running: Running) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(running.server.path))
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            flood(sock, b"x" * MAX_LINE)
    with Client(running.server.path) as client:
        assert client.call("echo") == {}


def test_a_late_reply_holds_nobody_up(running: Running) -> None:
    answers: list[Any] = []
    with Client(running.server.path) as slow, Client(running.server.path) as quick:
        waiter = threading.Thread(target=lambda: answers.append(slow.call("later")))
        waiter.start()
        assert quick.call("echo", n=1) == {"n": 1}
        running.later.set_result("done")
        waiter.join()
    assert answers == ["done"]


def test_a_late_failure_is_a_refusal(running: Running) -> None:
    running.later.set_exception(ControlError("failed", "file", "no space"))
    with Client(running.server.path) as client, pytest.raises(ControlError, match="no space"):
        client.call("later")


def test_the_socket_is_the_users_own(running: Running) -> None:
    assert stat.S_IMODE(running.server.path.stat().st_mode) == 0o600


def test_a_live_socket_is_refused_and_a_dead_one_replaced(running: Running) -> None:
    path = running.server.path
    with pytest.raises(ControlError, match="another process serves it"):
        Server(path, {})
    with Client(path) as client:
        assert client.call("echo") == {}
    dead = path.with_name("dead.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(dead))
    assert dead.exists()
    Server(dead, {}).close()
    assert not dead.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(ControlError, match="in use"):
        Server(path, {})
    assert path.read_text() == "mine"


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught:
        Client(tmp_path / "no.sock")
    assert caught.value.kind == "gone"


def test_a_peer_that_goes_away_is_seen(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "x"))
    listener.listen()
    with listener, Client(tmp_path / "x") as client:
        listener.accept()[0].close()
        with pytest.raises(ControlError) as caught:
            client.call("status")
    assert caught.value.kind == "gone"


def test_a_peer_that_never_reads_is_dropped(running: Running) -> None:
    big = b'{"op": "echo", "params": {"x": "' + b"y" * 500_000 + b'"}}\n'
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(running.server.path))
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            flood(sock, big)
    with Client(running.server.path) as client:
        assert client.call("echo") == {}


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a count
    server = Running(tmp_path / "rx.sock")
    with Client(server.server.path) as client:
        client.call("echo")
    server.end()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # a count
