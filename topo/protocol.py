"""The daemon's control protocol: one JSON object a line, on a Unix stream socket.

Request ``{"id": n, "op": "name", "params": {...}}``; reply ``{"id": n, "ok": true, "result":
{...}}`` or ``{"id": n, "ok": false, "error": {"kind", "where", "message"}}``. File descriptors
travel beside a line (SCM_RIGHTS, unix(7)). A connection carries one request at a time: that is what
ties descriptors to their line, as one read may bring the end of one send and the next.
"""

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

from topo.errors import RequestError

MAX_LINE = 4 << 20  # bytes; an exec's environment and arguments have room in it (ARG_MAX is 2 MiB)
MAX_FDS = 8
CHUNK = 1 << 16

Message = dict[str, Any]


class ProtocolError(Exception):
    """The other side does not speak this protocol; the connection is of no more use."""


class Channel:
    """One end of a connection, which it owns."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._fds: list[int] = []

    def fileno(self) -> int:
        """The socket's descriptor, for select."""
        return self.sock.fileno()

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send one message with the descriptors beside it; they stay open here."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        sent = 0
        if fds:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
            sent = self.sock.sendmsg([line], [rights])
        self.sock.sendall(line[sent:])

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its descriptors (the caller's now); None at the end."""
        while b"\n" not in self._buffer:
            if not self._fill():
                return None
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        fds, self._fds = self._fds, []
        try:
            message = json.loads(line)
        except ValueError as err:
            close_all(fds)
            raise ProtocolError(f"not JSON: {err}") from err
        if not isinstance(message, dict):
            close_all(fds)
            raise ProtocolError("expected a JSON object")
        return message, fds

    def _fill(self) -> bool:
        room = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
        data, ancillary, _, _ = self.sock.recvmsg(CHUNK, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self._fds.extend(fds)
        self._buffer += data
        if len(self._buffer) > MAX_LINE:
            raise ProtocolError(f"expected a line of at most {MAX_LINE} bytes")
        return bool(data)

    def close(self) -> None:
        """Close the connection and whatever descriptors nobody took."""
        close_all(self._fds)
        self._fds = []
        self.sock.close()


def close_all(fds: Sequence[int]) -> None:
    """Close each of the descriptors."""
    for fd in fds:
        os.close(fd)


def success(number: object, result: Message) -> Message:
    """The reply to request `number` that was done."""
    return {"id": number, "ok": True, "result": result}


def failure(number: object, error: RequestError) -> Message:
    """The reply to request `number` that was not done."""
    fields = {"kind": error.kind, "where": error.where, "message": error.message}
    return {"id": number, "ok": False, "error": fields}


def result_of(reply: Message) -> Message:
    """Return the result in a reply; raise the RequestError that it carries."""
    if reply.get("ok") is True:
        result = reply.get("result")
        return result if isinstance(result, dict) else {}
    error = reply.get("error")
    if not isinstance(error, dict):
        raise ProtocolError("expected a reply with ok or error")
    raise RequestError(*(str(error.get(key, "")) for key in ("kind", "where", "message")))
