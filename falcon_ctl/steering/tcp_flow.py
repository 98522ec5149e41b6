"""A TCP flow: one connection between two containers' kernels, every byte of which is checked."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from falcon_ctl.steering.flow_request import FlowRequest

_TCP_INFO_RETRANS = struct.Struct("@8B24I")  # linux/tcp.h, struct tcp_info up to total_retrans
_CONGESTION = b"reno"  # a dilated network confuses CUBIC's clock, see `falcon_ctl.traffic.tcp`
_ABORT = struct.pack("@ii", 1, 0)  # struct linger: close() sends RST and waits for nothing
_PATTERN = 1 << 16  # bytes after which what is sent repeats
_LOOK = 0.2  # s between two looks whether to stop
_CHUNK = 1 << 16
_OPEN_SECONDS = 10.0


class Transfer:
    """One connection: `start` connects, threads send and check until the end or `stop`.

    `sent`, `received`: bytes; `intact`: what came is what was sent; `error`: why it ended early.
    """

    def __init__(
        self,
        ends: tuple[socket.socket, socket.socket],
        request: FlowRequest,
        stop: threading.Event,
    ) -> None:
        self.sent = self.received = 0
        self.intact = True
        self.error = ""
        self.retransmitted = 0
        self.lateness = ""
        self._client, self._listener = ends
        self._peer: socket.socket | None = None
        self._request, self._halt = request, stop
        self._pattern = random.Random(request.seed).randbytes(_PATTERN)
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"flow-{name}", daemon=True)
            for name, work in (("sender", self._send), ("receiver", self._receive))
        ]

    def start(self, source: tuple[str, int], target: tuple[str, int]) -> None:
        """Connect from `source` to `target`, where the listener is bound. Raises OSError."""
        self._listener.listen(1)
        self._client.settimeout(_OPEN_SECONDS)
        self._listener.settimeout(_OPEN_SECONDS)
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _CONGESTION)
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.bind(source)
        self._client.connect(target)
        self._peer, _ = self._listener.accept()
        self._client.settimeout(_LOOK)
        self._peer.settimeout(_LOOK)
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Bytes are still sent, or on their way."""
        return any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """End the connection, the client's end first."""
        self._halt.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5)
        for sock in (self._client, self._peer, self._listener):
            if sock is not None:
                sock.close()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self.error = self.error or error.strerror or str(error)

    def _send(self) -> None:
        """Messages until the time is over, at the request's rate or as fast as they are taken."""
        end = time.monotonic() + self._request.seconds
        size = self._request.size
        message = memoryview(self._pattern * (2 + size // _PATTERN))
        for due in self._dues():
            while (now := time.monotonic()) < min(due, end) and not self._halt.is_set():
                time.sleep(min(_LOOK, due - now))
            if self._halt.is_set() or time.monotonic() >= end:
                break
            at = self.sent % _PATTERN
            self._send_all(message[at : at + size], end)
        self.retransmitted = self._retransmits()
        self._client.shutdown(socket.SHUT_WR)

    def _dues(self) -> Iterator[float]:
        """When each message is due."""
        start = time.monotonic()
        if not self._request.rate:
            while True:
                yield start
        for chunk in self._request.schedule():
            for offset in chunk.tolist():
                yield start + offset / 1e9

    def _send_all(self, data: memoryview, end: float) -> None:
        """All of a message, unless the time is over while nothing is taken."""
        while data and not self._halt.is_set() and time.monotonic() < end + _LOOK:
            try:
                count = self._client.send(data)
            except TimeoutError:
                continue
            self.sent += count
            data = data[count:]
            self.retransmitted = self._retransmits()

    def _receive(self) -> None:
        assert self._peer is not None
        wanted = memoryview(self._pattern * (2 + _CHUNK // _PATTERN))
        while True:
            try:
                chunk = self._peer.recv(_CHUNK)
            except TimeoutError:
                if self._halt.is_set() and not self._threads[0].is_alive():
                    return
                continue
            if not chunk:
                return
            at = self.received % _PATTERN
            self.intact = self.intact and chunk == wanted[at : at + len(chunk)]
            self.received += len(chunk)

    def _retransmits(self) -> int:
        """Segments that the sending kernel sent again (tcpi_total_retrans)."""
        data = self._client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RETRANS.size)
        return int(_TCP_INFO_RETRANS.unpack(data)[-1])
