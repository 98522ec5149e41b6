"""The daemon's socket under attack: no bytes and no connections end it or make it deaf."""

import contextlib
import json
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topo.driver import Topo, network_up, until
from topo.client import running
from topo.client.connection import Connection
from topo.client.connection import dial as dial_path
from topo.client.execution import Execution, Streams
from topo.daemon.clients import FILES_PER_CLIENT, Clients
from topo.daemon.listener import Full, Listener
from topo.daemon.service import refuse
from topo.errors import RequestError
from topo.protocol.channel import MAX_LINE, Channel
from topo.rundir import RunDir

network_test = pytest.mark.network
SMALL = str(Path(__file__).with_name("small.yaml"))
FILES = 256  # the daemon's limit of open files here, so that few clients are a crowd
LIMIT = FILES // FILES_PER_CLIENT
LIMITED = ("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh")


@pytest.fixture(scope="module")
def few_files() -> Iterator[Topo]:
    """A small network whose daemon may open few files."""
    with network_up(SMALL, start=LIMITED) as topo:
        yield topo


@pytest.fixture
def attacked(few_files: Topo) -> Iterator[Topo]:
    """That network; afterwards its daemon answers, and holds no more descriptors than before."""
    (before,) = running.of(RunDir(few_files.run_dir))
    files = open_files(before.daemon)
    yield few_files
    (after,) = running.of(RunDir(few_files.run_dir))
    assert after.processes == before.processes
    with few_files.network() as network:
        until(lambda: network.status(probe=True).troubles == ())  # each has a second to answer
    until(lambda: open_files(before.daemon) <= files)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def dial(topo: Topo) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect(str(topo.run_dir / "topo.sock"))
    return sock


DEEP = 100_000
BYTES = {
    "nested list": b"[" * DEEP + b"]" * DEEP,
    "nested object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nested id": b'{"op": "status", "id": ' + b"[" * 900 + b"]" * 900 + b"}",
    "nested parameters": b'{"op": "status", "params": ' + b"[" * 900 + b"]" * 900 + b"}",
    "no text": bytes(range(256)).replace(b"\n", b""),
    "long line": b" " * (MAX_LINE + 1),
    "huge number": b'{"op": "socket", "params": {"node": "m1", "type": 1, "family": '
    + b"9" * 4000
    + b"}}",
    "negative numbers": json.dumps(
        {"op": "socket", "params": {"node": "m1", "family": -1, "type": 2**40}}
    ).encode(),
    "surrogate": b'{"op": "exec", "params": {"node": "\\ud800", "argv": ["\\ud800"]}}',
    "no end": b'{"op": "status"',
}


@network_test
@pytest.mark.parametrize("what", BYTES)
def test_no_bytes_end_it(attacked: Topo, what: str) -> None:
    with dial(attacked) as sock, contextlib.suppress(ConnectionError):
        sock.sendall(BYTES[what] + (b"" if what == "no end" else b"\n"))
        if what != "no end":
            sock.recv(1 << 16)


@network_test
@pytest.mark.parametrize(
    ("op", "params"),
    [
        ("exec", {"node": "m1", "argv": ["\0"]}),
        ("exec", {"node": "m1", "argv": ["true"], "cwd": "x" * 5000}),
        ("exec", {"node": "m1", "argv": ["true"], "cwd": "\0"}),
        ("exec", {"node": "m1", "argv": ["true"], "env": {"a=b": "\0"}}),
        ("exec", {"node": "m1", "argv": ["\ud800"], "env": {"\ud800": ""}}),
        ("socket", {"node": "m1", "family": 2**31, "type": 1}),
    ],
)
def test_a_request_that_cannot_be_served_gets_an_answer(
    attacked: Topo, op: str, params: dict[str, object]
) -> None:
    with dial(attacked) as sock, Path(os.devnull).open("rb") as null:
        channel = Channel(sock)
        channel.send({"id": 1, "op": op, "params": params}, [null.fileno()] * 3)
        reply = channel.receive()
    assert reply is not None
    assert reply[0]["ok"] is False


@network_test
def test_descriptors_are_not_hoarded(attacked: Topo) -> None:
    (network,) = running.of(RunDir(attacked.run_dir))
    before = open_files(network.daemon)
    with dial(attacked) as sock, Path(os.devnull).open("rb") as null:
        with contextlib.suppress(OSError):
            for _ in range(100):
                socket.send_fds(sock, [b" "], [null.fileno()] * 8)
        until(lambda: open_files(network.daemon) <= before)


@network_test
def test_idle_connections_make_room(attacked: Topo) -> None:
    """Four times as many as there may be; a request is served whenever it comes."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(dial(attacked)) for _ in range(4 * LIMIT)]
        with attacked.network() as network:
            assert network.status().troubles == ()
            crowd += [stack.enter_context(dial(attacked)) for _ in range(2 * LIMIT)]
            # Ours was ended meanwhile, as the one that had been idle longest: we dial again.
            assert network.status().troubles == ()


@network_test
def test_a_client_that_does_not_read_is_disconnected(attacked: Topo) -> None:
    with dial(attacked) as sock:
        request = json.dumps({"id": "x" * 100_000, "op": "status", "params": {}}).encode() + b"\n"
        with pytest.raises(ConnectionError):
            sock.sendall(request * 1000)


@network_test
def test_a_crowd_that_is_served_is_no_reason_to_wait(attacked: Topo) -> None:
    with contextlib.ExitStack() as stack:
        null = stack.enter_context(Path(os.devnull).open("r+b")).fileno()
        params = {"node": "m1", "argv": ["sleep", "1000"]}

        def fill() -> bool:
            """Have one more program run; on a busy machine one may have made room for the next."""
            run = Execution(Channel(dial(attacked)), params, Streams(null, null, null))
            stack.callback(run.close)
            return is_refused(attacked)

        until(fill)


def is_refused(topo: Topo) -> bool:
    try:
        with topo.network() as network:
            network.status()
    except RequestError as err:
        return f"{LIMIT} clients are being served" in err.message
    return False


@pytest.mark.parametrize("what", ["request", "exec"])
def test_a_refusal_is_read_that_came_before_the_request(run_dir: Path, what: str) -> None:
    """The daemon hangs up at once when it has no room: then sending fails."""
    run_dir.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(run_dir / "topo.sock"))
        listener.listen()
        connection = Connection(RunDir(run_dir))
        channel = dial_path(RunDir(run_dir))
        for _ in range(2):
            refuse(listener.accept()[0], LIMIT)
        with contextlib.closing(connection), contextlib.closing(channel):
            asking = {
                "request": lambda: connection.request("status"),
                "exec": lambda: Execution(channel, {}, Streams(0, 1, 2)).wait(5),
            }
            refused = f"{LIMIT} clients are being served"
            with pytest.raises(RequestError, match=refused):
                asking[what]()


def test_without_a_descriptor_a_client_is_disconnected(run_dir: Path) -> None:
    listener = Listener(RunDir(run_dir))
    with socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as next_one:
        client.connect(str(run_dir / "topo.sock"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_file(), hard))
        try:
            with pytest.raises(Full):
                listener.accept(1.0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert client.recv(1) == b""
        assert listener.accept(0.0) is None
        next_one.connect(str(run_dir / "topo.sock"))
        accepted = listener.accept(1.0)
        assert accepted is not None
        accepted.close()


def test_descriptors_may_be_more_than_select_takes(run_dir: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this user may not open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    null = os.open(os.devnull, os.O_RDONLY)
    held = [os.dup(null) for _ in range(1024)]
    try:
        listener = Listener(RunDir(run_dir))
        with dial(Topo(run_dir)):
            accepted = listener.accept(1.0)
            assert accepted is not None
            assert accepted.fileno() > 1024
            accepted.close()
    finally:
        for fd in (null, *held):
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def next_file() -> int:
    """The number that the next descriptor gets, so that a limit of it allows none."""
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


def test_the_connection_idle_longest_makes_room() -> None:
    clients = Clients(2)
    pairs = [socket.socketpair() for _ in range(3)]
    first, second = (clients.admit(pairs[number][0]) for number in (0, 1))
    assert first is not None
    assert second is not None
    with clients.serving(first):
        import threading

        closer = threading.Thread(
            target=lambda: second.receive() or clients.release(second), daemon=True
        )
        closer.start()
        assert clients.admit(pairs[2][0]) is not None
        closer.join()
        assert pairs[1][1].recv(1) == b"", "the idle one, not the one that is served"
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_the_socket_is_bound_again(run_dir: Path) -> None:
    listener = Listener(RunDir(run_dir))
    path = run_dir / "topo.sock"
    for spoil in (path.unlink, lambda: path.rename(run_dir / "x"), lambda: path.write_bytes(b"")):
        with contextlib.suppress(OSError):
            spoil()
        if not path.is_socket():
            listener.accept(0.0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            accepted = listener.accept(1.0)
            assert accepted is not None
            accepted.close()
    (run_dir / "x").unlink()
