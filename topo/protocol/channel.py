"""The control protocol's transport: one JSON object a line over a Unix stream socket.

File descriptors travel with a line as ancillary data (SCM_RIGHTS, unix(7)). A connection carries
one request at a time: a read may return the end of one message and the start of the next, and
only this rule says which line the received descriptors belong to.
"""

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

MAX_LINE = 4 << 20  # bytes; holds the environment and arguments of an exec (ARG_MAX is 2 MiB)
MAX_FDS = 8
CHUNK = 1 << 16

Message = dict[str, Any]


class ProtocolError(Exception):
    """The peer does not speak this protocol; the connection is unusable."""


class Channel:
    """One end of a connection; owns its socket and any descriptors received but not yet taken."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._searched = 0  # bytes at its start without a line's end
        self._fds: list[int] = []

    def fileno(self) -> int:
        """The socket's descriptor, for select."""
        return self.sock.fileno()

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send one message and duplicates of `fds`, which stay open on this side."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        sent = 0
        if fds:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
            sent = self.sock.sendmsg([line], [rights])
        self.sock.sendall(line[sent:])

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its descriptors, None at the end of the stream.

        The caller then owns the descriptors. Raises ProtocolError for anything but a JSON object.
        """
        while (end := self._end_of_line()) < 0:
            if not self._fill():
                return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        fds, self._fds = self._fds, []
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as err:
            close_all(fds)
            raise ProtocolError(f"not JSON: {err}") from err
        if not isinstance(message, dict):
            close_all(fds)
            raise ProtocolError("expected a JSON object")
        return message, fds

    def _end_of_line(self) -> int:
        """Where the first line ends, -1: not yet. Each byte is looked at once."""
        end = self._buffer.find(b"\n", self._searched)
        self._searched = len(self._buffer)
        return end

    def _fill(self) -> bool:
        """Read once into the buffer; False at the end of the stream."""
        room = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
        data, ancillary, _, _ = self.sock.recvmsg(CHUNK, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self._fds.extend(fds)
        self._buffer += data
        if len(self._fds) > MAX_FDS:
            raise ProtocolError(f"expected at most {MAX_FDS} descriptors with a line")
        if len(self._buffer) > MAX_LINE:
            raise ProtocolError(f"expected a line of at most {MAX_LINE} bytes")
        return bool(data)

    def close(self) -> None:
        """Close the connection and any descriptors received but not taken."""
        close_all(self._fds)
        self._fds = []
        self.sock.close()


def close_all(fds: Sequence[int]) -> None:
    """Close each of the descriptors."""
    for fd in fds:
        os.close(fd)
