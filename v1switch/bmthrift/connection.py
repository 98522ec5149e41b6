"""One client's connection as the library's protocol reads and writes it, with limits.

Between calls a client may be silent for as long as it likes; a call that has begun has to come to
its end in time, and within a length.
"""

from __future__ import annotations

import socket
import threading
import time

from v1switch.bmthrift import limits

CHUNK = 1 << 16  # bytes read at once


class Ended(Exception):
    """The client closed the connection between two calls."""


class Overlong(Exception):
    """A call is longer than a call may be."""


class Connection:
    """A transport of the library, with buffers for reading and writing."""

    def __init__(self, sock: socket.socket, large: threading.Lock) -> None:
        """Read and write a connected socket; `large` is held while a large call is read and run."""
        self._socket = sock
        self._large = large
        self._holds_large = False
        self._in = bytearray()
        self._at = 0  # what is before has been read
        self._read = 0  # bytes of the call so far
        self._deadline = 0.0
        self._out = bytearray()

    def wait(self) -> None:
        """Wait for a call to begin; raises Ended, OSError."""
        self.release()
        del self._in[: self._at]
        self._at = self._read = 0
        self._out.clear()
        if not self._in:
            self._socket.settimeout(None)
            self._receive()
        self._deadline = time.monotonic() + limits.MESSAGE_S

    def release(self) -> None:
        """Let other connections read large calls."""
        if self._holds_large:
            self._holds_large = False
            self._large.release()

    def _left(self) -> float:
        """Seconds until the deadline; raises TimeoutError when it has passed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("a call took too long")
        return left

    def _receive(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise Ended
        self._in += data

    def readAll(self, size: int) -> bytes:  # noqa: N802  # the library calls it so
        """Read so many bytes; raises Overlong, Ended, OSError (TimeoutError)."""
        left = self._left()
        self._read += size
        if self._read > limits.MAX_MESSAGE:
            raise Overlong(f"longer than {limits.MAX_MESSAGE} bytes")
        if self._read > limits.LARGE and not self._holds_large:
            self._holds_large = self._large.acquire(timeout=left)
        end = self._at + size
        while len(self._in) < end:
            self._socket.settimeout(self._left())
            self._receive()
        data = bytes(self._in[self._at : end])
        self._at = end
        return data

    def write(self, data: bytes) -> None:
        """Keep bytes for `flush`."""
        self._out += data

    def discard(self) -> None:
        """Forget what has been written and not sent."""
        self._out.clear()

    def flush(self) -> None:
        """Send what has been written; raises OSError when the client does not take it in time."""
        self.release()
        self._socket.settimeout(limits.SEND_S)
        self._socket.sendall(self._out)
        self._out = bytearray()
