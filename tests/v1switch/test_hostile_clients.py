"""Slow and hostile clients, over raw sockets: after they have gone the server answers again.

Every wait is bounded. While they are there, a well-behaved client is answered as well wherever
its quota allows it. Frames are those of HTTP/2 (RFC 9113), headers those of HPACK (RFC 7541).
"""

import contextlib
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from p4.v1 import p4runtime_pb2 as rt
from p4.v1 import p4runtime_pb2_grpc

from tests.switch.harness import poll
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import limits, listener, server

DEVICE_ID = 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 0x1, 0x4
CANCEL = 8
QUICK_MS = 500


@pytest.fixture
def quick(monkeypatch):
    """Patience that a test waits for."""
    options = {**dict(listener.OPTIONS), "grpc.server_handshake_timeout_ms": QUICK_MS}
    monkeypatch.setattr(listener, "OPTIONS", tuple(options.items()))
    monkeypatch.setattr(limits, "SENDING_S", 0.5)
    monkeypatch.setattr(limits, "ARBITRATION_S", 0.5)
    monkeypatch.setattr(limits, "CALLS", (4, 8))


@pytest.fixture
def path(quick, tmp_path) -> Iterator[str]:
    made = f"{tmp_path}/p4rt.sock"
    handle = server.serve(Dataplane(PythonEngine()), f"unix:{made}", DEVICE_ID)
    yield made
    handle.stop()


# ---- HTTP/2 by hand ----------------------------------------------------------------------------


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header without index and without Huffman coding; shorter than 127 bytes each."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def request_headers(method: str) -> bytes:
    pairs = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/p4.v1.P4Runtime/" + method.encode()),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ]
    return b"".join(literal(*pair) for pair in pairs)


def opened(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(10)
    made.connect(path)
    return made


def greeted(path: str) -> socket.socket:
    """A connection after the exchange of settings."""
    made = opened(path)
    made.sendall(PREFACE + frame(SETTINGS) + frame(SETTINGS, flags=1))
    assert made.recv(9)
    return made


def closed(sock: socket.socket, seconds: float = 10) -> bool:
    """Whether the other side ends the connection in time."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                if not sock.recv(1 << 16):
                    return True
            except TimeoutError:
                return False
        return False
    return True


def flooded(sock: socket.socket, pieces: Iterator[bytes]) -> None:
    """Send everything, as far as the server takes it; never waits for long."""
    sock.settimeout(2)
    with contextlib.suppress(ConnectionError, TimeoutError):
        for piece in pieces:
            sock.sendall(piece)


def answers(path: str) -> bool:
    """Whether a well-behaved client is served in time."""
    with grpc.insecure_channel(f"unix:{path}") as channel:
        stub = p4runtime_pb2_grpc.P4RuntimeStub(channel)
        answer = stub.Capabilities(rt.CapabilitiesRequest(), timeout=10, wait_for_ready=True)
        bid = {"device_id": DEVICE_ID, "election_id": {"low": 1}}
        stream = stub.StreamChannel(iter([rt.StreamMessageRequest(arbitration=bid)]), timeout=10)
        return bool(answer.p4runtime_api_version) and next(stream).arbitration.status.code == 0


# ---- clients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"", PREFACE[:5], PREFACE, PREFACE + frame(SETTINGS)[:4]])
def test_a_connection_that_does_not_come_to_its_settings_is_ended(path, said):
    with opened(path) as sock:
        sock.sendall(said)
        assert closed(sock)
    assert answers(path)


def test_a_handshake_byte_by_byte_is_ended(path):
    with opened(path) as sock:
        flooded(sock, (bytes([byte]) for byte in PREFACE[:-1]))
        assert closed(sock)
    assert answers(path)


@pytest.mark.parametrize("method", ["Write", "Read", "Capabilities", "StreamChannel"])
def test_requests_that_never_arrive_end_and_lock_nobody_out(path, method):
    with greeted(path) as sock:
        streams = range(1, 2 * limits.WORKERS, 2)
        part = struct.pack("!BI", 0, 1 << 20) + b"x"  # of a message of 1 MiB
        flooded(
            sock,
            (
                frame(HEADERS, END_HEADERS, number, request_headers(method))
                + frame(DATA, 0, number, part)
                for number in streams
            ),
        )
        assert answers_within(path, 20)
    assert answers(path)


def answers_within(path: str, seconds: float) -> bool:
    """Whether the server answers while hostile clients are there; refusals are waited out."""

    def tried() -> bool:
        with contextlib.suppress(grpc.RpcError):
            return answers(path)
        return False

    return poll(tried, "an answer", patience=seconds)


def test_a_message_that_claims_to_be_huge_is_refused_at_once(path):
    with greeted(path) as sock:
        sock.sendall(frame(HEADERS, END_HEADERS, 1, request_headers("Write")))
        sock.sendall(frame(DATA, 0, 1, struct.pack("!BI", 0, (1 << 32) - 1)))
        received = b""
        while b"grpc-message" not in received:
            more = sock.recv(1 << 16)
            assert more
            received += more
        assert b"larger than max" in received
    assert answers(path)


def test_a_flood_of_headers_is_ended(path):
    with greeted(path) as sock:
        junk = literal(b"x" * 100, b"y" * 100) * 80
        flooded(sock, iter([frame(HEADERS, 0, 1, request_headers("Write"))]))
        flooded(sock, (frame(CONTINUATION, 0, 1, junk) for _ in range(1000)))
        assert answers(path)
    assert answers(path)


def test_a_flood_of_resets_is_survived(path):
    with greeted(path) as sock:
        reset = struct.pack("!I", CANCEL)
        headers = request_headers("Capabilities")
        flooded(
            sock,
            (
                frame(HEADERS, END_HEADERS, number, headers) + frame(RST_STREAM, 0, number, reset)
                for number in range(1, 6001, 2)
            ),
        )
        assert answers_within(path, 20)
    assert answers(path)


@pytest.mark.parametrize("kind", [PING, SETTINGS])
def test_a_flood_of_control_frames_is_survived(path, kind):
    with greeted(path) as sock:
        payload = bytes(8) if kind == PING else b""
        flooded(sock, (frame(kind, 0, 0, payload) * 50 for _ in range(200)))
        assert answers(path)
    assert answers(path)


def test_noise_is_survived(path):
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(500), b"\xff" * 5000):
        with opened(path) as sock:
            flooded(sock, iter([noise]))
            assert closed(sock)
    assert answers(path)


# ---- a process of its own, with few descriptors --------------------------------------------------


def test_more_connections_than_descriptors(tmp_path):
    """It accepts none while it has no descriptors left, and some again when clients have gone."""
    path = f"{tmp_path}/p4rt.sock"
    log = (tmp_path / "log").open("wb")
    command = [sys.executable, "-m", "v1switch", "--no-p4", "--device-id", str(DEVICE_ID)]
    command += ["--engine", "python", "--", "--grpc-server-addr", f"unix:{path}"]
    with log, subprocess.Popen(command, stdout=log, stderr=log) as switch:
        try:
            poll(lambda: Path(path).exists(), "the socket", patience=30)
            assert answers(path)
            resource.prlimit(switch.pid, resource.RLIMIT_NOFILE, (150, 150))
            with contextlib.ExitStack() as stack:
                for _ in range(300):
                    sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                    sock.setblocking(False)
                    with contextlib.suppress(BlockingIOError):  # its backlog is full
                        sock.connect(path)
            assert answers_within(path, 30)
            assert switch.poll() is None
        finally:
            switch.terminate()
            assert switch.wait(60) == 0
