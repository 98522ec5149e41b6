"""Real UDP sockets in the destination containers, read by one thread."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from falcon_ctl.background import Background
from falcon_ctl.traffic import payload

# asm-generic/socket.h; Python has no name for it.
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)
RECEIVE_BUFFER = 4 << 20


@dataclass
class Arrivals:
    """Of one flow, in order of arrival: sequence numbers, send and receive times (wall ns)."""

    sequence: list[int] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    received_ns: list[int] = field(default_factory=list)


class Receiver(Background):
    """Context manager: reads everything that arrives on the sockets of `flows` (id, socket).

    `arrivals` maps a flow's id to what arrived; `foreign` counts datagrams without a stamp,
    `misdelivered` those that arrived on another flow's socket.
    """

    def __init__(self, flows: Iterable[tuple[int, socket.socket]]) -> None:
        super().__init__("receiver")
        self.arrivals: dict[int, Arrivals] = defaultdict(Arrivals)
        self.foreign = 0
        self.misdelivered = 0
        self._selector = selectors.DefaultSelector()
        expected: dict[socket.socket, set[int]] = defaultdict(set)
        for flow, sock in flows:
            expected[sock].add(flow)
        for sock, ids in expected.items():
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._selector.register(sock, selectors.EVENT_READ, ids)

    def _finish(self) -> None:
        self._selector.close()

    @property
    def total(self) -> int:
        """Frames of all flows received so far."""
        return sum(len(a.sequence) for a in list(self.arrivals.values()))

    def wait_quiet(self, expected: int, quiet: float, deadline: float) -> bool:
        """Wait until `expected` frames arrived, or none did for `quiet` s, at most `deadline` s.

        Returns:
            Whether the stream had ended (False: it still flowed at the deadline).
        """
        end = time.monotonic() + deadline
        last, since = self.total, time.monotonic()
        while time.monotonic() < end:
            if self.total >= expected or time.monotonic() - since > quiet:
                return True
            self._stop.wait(0.01)
            if self.total != last:
                last, since = self.total, time.monotonic()
        return False

    def _loop(self) -> None:
        while True:
            ready = self._selector.select(timeout=0.05)
            for key, _ in ready:
                self._drain(key.fileobj, key.data)  # type: ignore[arg-type]  # we put sockets in
            if self._is_over(idle=not ready):
                return

    def _drain(self, sock: socket.socket, expected: set[int]) -> None:
        for _ in range(256):  # then it is another socket's turn
            try:
                data, ancillary, _, _ = sock.recvmsg(2048, _ANCILLARY)
            except BlockingIOError:
                return
            stamp = payload.read(data)
            if stamp is None:
                self.foreign += 1
            elif stamp.flow not in expected:
                self.misdelivered += 1
            else:
                arrivals = self.arrivals[stamp.flow]
                arrivals.sequence.append(stamp.sequence)
                arrivals.sent_ns.append(stamp.sent_ns)
                arrivals.received_ns.append(timestamp(ancillary))


def timestamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Kernel's receive time; this process's clock when the kernel gave none."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
