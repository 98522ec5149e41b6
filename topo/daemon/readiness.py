"""Whether a program answers on its Unix socket: a P4Runtime server, or rxpath's control socket.

P4Runtime is asked for its capabilities, which every server answers at once. The request is written
by hand (RFC 9113; HPACK's literals, RFC 7541 section 6.2.2; gRPC over HTTP/2), because a process
that forks, as the daemon does, should not load gRPC, and to save its start-up time.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

PROBE_SECONDS = 1.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4  # frame types
END_STREAM, END_HEADERS = 0x1, 0x4  # flags
STREAM = 1
EMPTY_MESSAGE = bytes(5)  # not compressed, of length 0
CAPABILITIES = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/p4.v1.P4Runtime/Capabilities",
    ":authority": "localhost",
    "te": "trailers",
    "content-type": "application/grpc",
}


def answers_p4runtime(path: Path) -> bool:
    """Whether a P4Runtime server answers on a Unix socket; a refusal is an answer, too."""
    fields = b"".join(_literal(name, value) for name, value in CAPABILITIES.items())
    request = PREFACE + _frame(SETTINGS, 0, 0, b"") + _frame(HEADERS, END_HEADERS, STREAM, fields)
    request += _frame(DATA, END_STREAM, STREAM, EMPTY_MESSAGE)
    return _has_headers(_exchange(path, request, _has_headers))


def _literal(name: str, value: str) -> bytes:
    """A header field that is not indexed and not compressed."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload) << 8 | kind) + struct.pack("!BI", flags, stream) + payload


def _has_headers(reply: bytes) -> bool:
    """Whether a reply contains the headers of an answer to our request."""
    while len(reply) >= 9:
        length, (_, stream) = int.from_bytes(reply[:3], "big"), struct.unpack("!BI", reply[4:9])
        if (reply[3], stream) == (HEADERS, STREAM):
            return True
        reply = reply[9 + length :]
    return False


def answers_status(path: Path) -> bool:
    """Whether a control socket (one JSON object a line) answers ``status``."""
    request = json.dumps({"id": 1, "op": "status", "params": {}}).encode() + b"\n"
    reply = _exchange(path, request, lambda reply: reply.endswith(b"\n"))
    try:
        return json.loads(reply or b"{}").get("ok") is True
    except (ValueError, AttributeError):
        return False


def _exchange(path: Path, request: bytes, is_complete: Callable[[bytes], bool]) -> bytes:
    """Send `request` and return the reply, as much as there is within PROBE_SECONDS."""
    reply, deadline = b"", time.monotonic() + PROBE_SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(PROBE_SECONDS)
            sock.connect(os.fspath(path))
            sock.sendall(request)
            while not is_complete(reply):
                sock.settimeout(max(0.001, deadline - time.monotonic()))
                data = sock.recv(1 << 16)
                if not data:
                    break
                reply += data
        except OSError:
            return b""
    return reply
