"""Whether a program answers on its Unix socket yet: a gRPC server, or rxpath's control socket."""

import json
import os
import socket
from pathlib import Path

PROBE_SECONDS = 1.0
# The connection preface of HTTP/2 and an empty SETTINGS frame, RFC 9113 sections 3.4 and 6.5: a
# gRPC server replies with its own SETTINGS, a socket that is bound but not served does not.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
HTTP2_SETTINGS = 4


def answers_http2(path: Path) -> bool:
    """Whether an HTTP/2 server, such as gRPC's, answers on a Unix socket."""
    reply = _exchange(path, HTTP2_PREFACE, 9)
    return len(reply) >= 9 and reply[3] == HTTP2_SETTINGS


def answers_status(path: Path) -> bool:
    """Whether a control socket (one JSON object a line) answers ``status``."""
    request = json.dumps({"id": 1, "op": "status", "params": {}}).encode() + b"\n"
    reply = _exchange(path, request, None)
    try:
        return json.loads(reply or b"{}").get("ok") is True
    except (ValueError, AttributeError):
        return False


def _exchange(path: Path, request: bytes, size: int | None) -> bytes:
    """Send `request`; return `size` bytes or one line, fewer when the peer sends no more."""
    reply = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PROBE_SECONDS)
        try:
            sock.connect(os.fspath(path))
            sock.sendall(request)
            while len(reply) < size if size is not None else not reply.endswith(b"\n"):
                data = sock.recv(1 << 16)
                if not data:
                    break
                reply += data
        except (OSError, TimeoutError):
            return b""
    return reply
