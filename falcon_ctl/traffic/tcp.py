"""Real TCP connections between the containers' kernels; every byte is verified."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time
from dataclasses import dataclass

_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Transfer:
    """One connection: bytes sent and received, whether they are equal, and how long it took."""

    sent: int
    received: int
    intact: bool
    seconds: float
    error: str = ""


class Connection:
    """A stream from `client` to `server`, two unconnected TCP sockets in their namespaces."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        source: tuple[str, int],
        target: tuple[str, int],
    ) -> None:
        self._client, self._server = client, server
        self._source, self._target = source, target
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
            sent = self._send(data, timeout)
            reader.join(timeout)
        except OSError as error:
            self._error = self._error or f"sender: {error}"
        finally:
            self._client.close()
            self._server.close()
        intact = self._digest.digest() == hashlib.sha256(data).digest()
        return Transfer(sent, self._received, intact, time.monotonic() - start, self._error)

    def _listen(self, timeout: float) -> None:
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.settimeout(timeout)
        self._server.bind(self._target)
        self._server.listen(1)

    def _send(self, data: bytes, timeout: float) -> int:
        self._client.settimeout(timeout)
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._client.bind(self._source)
        self._client.connect(self._target)
        self._client.sendall(data)
        self._client.shutdown(socket.SHUT_WR)
        return len(data)

    def _read(self, timeout: float) -> None:
        try:
            peer, _ = self._server.accept()
            with peer:
                peer.settimeout(timeout)
                while chunk := peer.recv(_CHUNK):
                    self._received += len(chunk)
                    self._digest.update(chunk)
        except OSError as error:
            self._error = f"receiver: {error}"
