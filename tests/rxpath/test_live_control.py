"""The control socket: requests, refusals, late replies, and whose socket file it is."""

import contextlib
import itertools
import json
import os
import resource
import select
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from rxpath.errors import ConfigError, ControlError
from rxpath.live.control import Caller, Client, Later, Server
from rxpath.live.peer import MAX_DEPTH, MAX_LINE, MAX_PEERS, PATIENCE


class Running:
    """A server with its loop in a thread, as the live loop runs it: poll, then serve."""

    def __init__(self, path: Path) -> None:
        self.later: Future[str] = Future()
        self.server = Server(
            path,
            {
                "echo": lambda params, _: dict(params),
                "later": lambda *_: Later(self.later),
                "wrong": self._wrong,
                "broken": lambda *_: 1 // 0,
            },
        )
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._loop)
        self.thread.start()

    @staticmethod
    def _wrong(params: Mapping[str, Any], _: Caller) -> None:
        raise ConfigError("threshold", params.get("value"), "an integer from 0 to 100")

    def _loop(self) -> None:
        while not self.stop.is_set():
            select.select([self.server.fileno()], [], [])
            self.server.serve()

    def end(self) -> None:
        self.stop.set()
        self.server.wake()
        self.thread.join()
        self.server.close()


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
        (b'{"id": [1], "op": "echo"}', "id"),
        (b'{"op": "broken"}', "ZeroDivisionError"),
        pytest.param(b"[" * 100_000, "line", id="deeper than Python's recursion"),
        pytest.param(b'{"a": ' * 500 + b"1" + b"}" * 500, "line", id="deep, but Python can"),
    ],
)
def test_a_bad_line_is_answered(running: Running, line: bytes, where: str) -> None:
    first, second = raw(running.server, line + b'\n{"id": 2, "op": "echo"}\n')
    assert not first["ok"]
    assert first["error"]["kind"] == ("failed" if where[0].isupper() else "bad_request")
    assert first["error"]["where"] == where
    assert len(json.dumps(first)) < 1000
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


def test_nesting_up_to_the_limit_is_answered(running: Running) -> None:
    inside = MAX_DEPTH - 2  # within the request and its params
    deep = b"[" * inside + b"]" * inside
    fine, refused = raw(
        running.server,
        b'{"op": "echo", "params": {"x": ' + deep + b"}}\n"
        b'{"op": "echo", "params": {"x": [' + deep + b"]}}\n",
    )
    assert fine["ok"]
    assert f"at most {MAX_DEPTH} levels" in refused["error"]["message"]


class ByHand:
    """A server that serves when a test says so, with a clock that a test sets."""

    def __init__(self, path: Path, **operations: Callable[..., Any]) -> None:
        self.now = 0.0
        echo = {"echo": lambda params, _: dict(params)}
        self.server = Server(path, {**echo, **operations}, clock=lambda: self.now)

    def client(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.server.path))
        self.server.serve()
        sock.setblocking(False)
        return sock

    def ask(self, sock: socket.socket, line: bytes = b'{"op": "echo"}\n') -> dict[str, Any]:
        sock.send(line)
        self.server.serve()
        reply: dict[str, Any] = json.loads(sock.recv(1 << 20))
        return reply


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[ByHand]:
    made = ByHand(tmp_path / "rx.sock")
    yield made
    made.server.close()


def test_more_clients_than_allowed_are_told_and_the_others_served(by_hand: ByHand) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(by_hand.client()) for _ in range(MAX_PEERS + 3)]
        for turned_away in clients[MAX_PEERS:]:
            assert f"{MAX_PEERS} clients" in turned_away.recv(1000).decode()
            assert turned_away.recv(1) == b""
        assert all(by_hand.ask(client)["ok"] for client in clients[:MAX_PEERS])
    by_hand.server.serve()
    with by_hand.client() as later:
        assert by_hand.ask(later)["ok"]


def test_without_a_free_descriptor_clients_are_turned_away_until_there_is_one(
    by_hand: ByHand,
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(5)]
        highest = max(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208  # names only
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
        try:
            with contextlib.suppress(OSError):
                for _ in itertools.count():
                    stack.callback(os.close, os.dup(0))
            for client in clients:
                client.connect(str(by_hand.server.path))
                by_hand.server.serve()
                assert client.recv(1) == b""
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with by_hand.client() as later:
        assert by_hand.ask(later)["ok"]


@pytest.mark.parametrize("begun", [b"", b'{"op": "ec'])
def test_a_client_that_completes_no_request_is_told_and_dropped(
    by_hand: ByHand, begun: bytes
) -> None:
    with by_hand.client() as slow, by_hand.client() as idle:
        assert by_hand.ask(idle)["ok"]
        slow.send(begun)
        by_hand.server.serve()
        by_hand.now = PATIENCE + 1
        by_hand.server.serve()
        assert b"not complete" in slow.recv(1000)
        assert slow.recv(1) == b""
        assert by_hand.ask(idle)["ok"], "who has no request under way may wait for ever"


def test_a_client_that_takes_no_reply_costs_one_reply_and_is_dropped(by_hand: ByHand) -> None:
    line = b'{"op": "echo", "params": {"x": "' + b"y" * 200_000 + b'"}}\n'
    with by_hand.client() as deaf, by_hand.client() as quick:
        unsent = memoryview(line * 100)
        for _ in range(200):
            with contextlib.suppress(BlockingIOError):
                unsent = unsent[deaf.send(unsent) :]
            by_hand.server.serve()
        assert len(unsent) > 90 * len(line), "its further requests are not even read"
        assert by_hand.ask(quick)["ok"]
        by_hand.now = PATIENCE + 1
        by_hand.server.serve()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            deaf.send(b"x")


def test_many_requests_of_one_client_hold_up_nobody(tmp_path: Path) -> None:
    def slow(*_: object) -> None:
        made.now += 0.004  # of the 5 ms that one call may take

    made = ByHand(tmp_path / "rx.sock", slow=slow)
    with made.client() as greedy, made.client() as modest, contextlib.closing(made.server):
        greedy.send(b'{"op": "slow"}\n' * 1000)
        made.server.serve()
        assert made.now <= 0.012
        assert made.ask(modest)["ok"]
        assert select.select([made.server.fileno()], [], [], 0)[0], "the rest has its turn"


def test_an_operation_hears_that_its_client_has_gone(tmp_path: Path) -> None:
    gone: list[str] = []

    def stay(_: Mapping[str, Any], caller: Caller) -> None:
        caller.at_close(lambda: gone.append("gone"))

    made = ByHand(tmp_path / "rx.sock", stay=stay)
    with contextlib.closing(made.server):
        with made.client() as client:
            made.ask(client, b'{"op": "stay"}\n')
            assert gone == []
        made.server.serve()
        assert gone == ["gone"]


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a count
    server = Running(tmp_path / "rx.sock")
    with Client(server.server.path) as client:
        client.call("echo")
    server.end()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # a count
