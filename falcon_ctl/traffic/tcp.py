"""Real TCP connections between the containers' kernels; every byte is verified."""

from __future__ import annotations

import fcntl
import hashlib
import random
import socket
import struct
import termios
import threading
import time
from dataclasses import dataclass

MESSAGE = 4096
"""Bytes that the application writes at a time: as in EuroSys Fig 13d."""
_CHUNK = 16 * 1024
_CONGESTION = b"reno"
_LOOK = 0.001  # s between two looks at what is on its way
_INTEGER = struct.Struct("@i")
_ABORT = struct.pack("@ii", 1, 0)  # struct linger: close() sends RST and waits for nothing


@dataclass(frozen=True)
class Transfer:
    """One connection: bytes sent and received, whether they are equal, and how long it took."""

    sent: int
    received: int
    intact: bool
    seconds: float
    error: str = ""


class Connection:
    """A stream from `client` to `server`, two unconnected TCP sockets in their namespaces.

    The kernels at both ends are the TCP. Their timers know nothing of a dilated network, so the
    sender's congestion control is Reno: CUBIC grows by the wall clock, and its HyStart takes the
    first queue for a full one. What limits the stream is its application, which writes messages of
    `MESSAGE` bytes and has at most `window` segments on their way; each is sent at once
    (TCP_NODELAY). A connection that is done is aborted, so that its ports can be used again.
    """

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        source: tuple[str, int],
        target: tuple[str, int],
        window: int,
    ) -> None:
        self._client, self._server = client, server
        self._source, self._target = source, target
        self._window = window
        self._peer: socket.socket | None = None
        self._received, self._digest = 0, hashlib.sha256()
        self._error = ""

    def transfer(self, size: int, seed: int, timeout: float) -> Transfer:
        """Send `size` seeded random bytes and close; blocks until the peer has read them all."""
        data = random.Random(seed).randbytes(size)
        start = time.monotonic()
        sent = 0
        try:
            self._listen(timeout)
            reader = threading.Thread(target=self._read, args=(timeout,), daemon=True)
            reader.start()
            sent = self._send(data, start + timeout)
            reader.join(timeout)
        except OSError as error:
            self._error = self._error or f"sender: {error}"
        finally:
            self._close()
        intact = self._digest.digest() == hashlib.sha256(data).digest()
        return Transfer(sent, self._received, intact, time.monotonic() - start, self._error)

    def _listen(self, timeout: float) -> None:
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.settimeout(timeout)
        self._server.bind(self._target)
        self._server.listen(1)

    def _send(self, data: bytes, deadline: float) -> int:
        client = self._client
        client.settimeout(max(0.0, deadline - time.monotonic()))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _CONGESTION)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.bind(self._source)
        client.connect(self._target)
        most = self._window * client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        for at in range(0, len(data), MESSAGE):
            self._await_room(most - MESSAGE, deadline)
            client.sendall(data[at : at + MESSAGE])
        client.shutdown(socket.SHUT_WR)
        return len(data)

    def _await_room(self, most: int, deadline: float) -> None:
        """Wait until at most so many bytes are written and not acknowledged."""
        while _INTEGER.unpack(fcntl.ioctl(self._client, termios.TIOCOUTQ, bytes(4)))[0] > most:
            if time.monotonic() > deadline:
                raise TimeoutError("timed out")
            time.sleep(_LOOK)

    def _read(self, timeout: float) -> None:
        try:
            self._peer, _ = self._server.accept()
            self._peer.settimeout(timeout)
            while chunk := self._peer.recv(_CHUNK):
                self._received += len(chunk)
                self._digest.update(chunk)
        except OSError as error:
            self._error = f"receiver: {error}"

    def _close(self) -> None:
        """Abort the client's end first: the end that is closed first waits in TIME_WAIT."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        for sock in (self._client, self._peer, self._server):
            if sock is not None:
                sock.close()
