"""One client's connection as the library's protocol reads and writes it, with limits.

Between calls a client may be silent for as long as it likes; a call that has begun has to come to
its end in time, and within a length.
"""

from __future__ import annotations

import socket
import time

from v1switch.bmthrift import limits

CHUNK = 1 << 16  # bytes read at once


class Ended(Exception):
    """The client closed the connection between two calls."""


class Overlong(Exception):
    """A call is longer than a call may be."""


class Connection:
    """A transport of the library, with buffers for reading and writing."""

    def __init__(self, sock: socket.socket) -> None:
        """Read and write a connected socket."""
        self._socket = sock
        self._in = bytearray()
        self._at = 0  # what is before has been read
        self._left = 0  # bytes that the call may still have
        self._deadline = 0.0
        self._out: list[bytes] = []

    def wait(self) -> None:
        """Wait for a call to begin; raises Ended, OSError."""
        del self._in[: self._at]
        self._at = 0
        self._out.clear()
        self._left = limits.MAX_MESSAGE
        if not self._in:
            self._socket.settimeout(None)
            self._receive()
        self._deadline = time.monotonic() + limits.MESSAGE_S

    def _receive(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise Ended
        self._in += data

    def readAll(self, size: int) -> bytes:  # noqa: N802  # the library calls it so
        """Read so many bytes; raises Overlong, Ended, OSError (TimeoutError)."""
        self._left -= size
        if self._left < 0:
            raise Overlong
        end = self._at + size
        while len(self._in) < end:
            self._socket.settimeout(max(1e-3, self._deadline - time.monotonic()))
            self._receive()
        data = bytes(self._in[self._at : end])
        self._at = end
        return data

    def write(self, data: bytes) -> None:
        """Keep bytes for `flush`."""
        self._out.append(data)

    def discard(self) -> None:
        """Forget what has been written and not sent."""
        self._out.clear()

    def flush(self) -> None:
        """Send what has been written; raises OSError when the client does not take it in time."""
        self._socket.settimeout(limits.SEND_S)
        self._socket.sendall(b"".join(self._out))
        self._out.clear()
