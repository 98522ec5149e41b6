"""A UDP flow: real frames sent on time, and a real socket that receives them."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from falcon_ctl.background import Background
from falcon_ctl.errors import UsageError
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import Flow, udp_template
from falcon_ctl.traffic.receiver import RECEIVE_BUFFER
from falcon_ctl.traffic.sender import LAG_BUDGET_NS, undisturbed, wait_until

_GAP_NS = 120_000  # no faster when behind: a burst would overrun a switch's queues
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h
_MEMINFO = struct.Struct("@9I")


def listen(sock: socket.socket, request: FlowRequest) -> int:
    """Bind the first of the request's ports that is free; which one.

    Raises:
        UsageError: none is.
    """
    port = next((port for port in request.ports if _binds(sock, port)), 0)
    if port:
        return port
    ports = f"{request.ports[0]} to {request.ports[-1]}" if not request.port else f"{request.port}"
    raise UsageError("--port", f"{ports} of {request.target} in use", "a port that is free")


def _binds(sock: socket.socket, port: int) -> bool:
    try:
        sock.bind(("", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


class Receiving(Background):
    """Context manager: reads datagrams of one flow in a thread of its own.

    `received`, `reordered` (RFC 4737, 3.3), `duplicates`, and `foreign`: without the flow's stamp.
    """

    def __init__(self, sock: socket.socket, flow: int) -> None:
        super().__init__("flow-receiver")
        self.received = self.reordered = self.duplicates = self.foreign = 0
        self._sock, self._flow = sock, flow
        self._expected = 0
        self._seen = bytearray()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel dropped because the socket's buffer was full."""
        data = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(data)[_MEMINFO_DROPS])

    def _loop(self) -> None:
        while True:
            ready = self._selector.select(timeout=0.05)
            if ready:
                self._drain()
            if self._is_over(idle=not ready):
                return

    def _finish(self) -> None:
        self._selector.close()

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            for _ in range(256):
                stamp = payload.read(self._sock.recv(2048))
                if stamp is None or stamp.flow != self._flow:
                    self.foreign += 1
                else:
                    self._note(stamp.sequence)

    def _note(self, sequence: int) -> None:
        if sequence >= len(self._seen):
            self._seen.extend(bytes(sequence + 1 - len(self._seen) + 4096))
        if self._seen[sequence]:
            self.duplicates += 1
            return
        self._seen[sequence] = 1
        self.received += 1
        if sequence < self._expected:
            self.reordered += 1
        else:
            self._expected = sequence + 1


class Sending(threading.Thread):
    """Sends a flow's frames when they are due, until the end or until `stop` is set.

    `sent`: frames that the kernel took; `refused`: others; `lag_ns`: the worst of the schedule.
    """

    def __init__(
        self, sock: socket.socket, flow: Flow, request: FlowRequest, stop: threading.Event
    ) -> None:
        super().__init__(name="flow-sender", daemon=True)
        self.sent = self.refused = 0
        self.lags = self.lag_ns = 0
        self.start_ns = self.end_ns = time.time_ns()
        self.error: OSError | None = None
        self._sock, self._flow, self._request, self._halt = sock, flow, request, stop

    @property
    def lateness(self) -> str:
        """How far the schedule was missed; "" when nearly all frames were sent in time."""
        if self.lags * 100 <= self.sent:
            return ""
        budget = LAG_BUDGET_NS / 1e6
        share = 100 * self.lags / max(1, self.sent)
        worst = self.lag_ns / 1e6
        return (
            f"the sender was late: {share:.0f} % of the frames by more than {budget:.0f} ms "
            f"(at most {worst:.0f} ms); the rate is lower than asked for"
        )

    def run(self) -> None:
        """Send everything."""
        try:
            with undisturbed():
                self._send(self._request.schedule())
        except OSError as error:
            self.error = error  # the interface is gone: whoever waits for us says so
        self.end_ns = time.time_ns()

    def _send(self, schedule: Iterable[Iterable[int]]) -> None:
        template = udp_template(self._flow, self._request.size)
        frame, at, ident = bytearray(template.frame), template.payload_offset, self._flow.id
        self.start_ns = now = time.time_ns() + 1_000_000
        for chunk in schedule:
            for offset in chunk:
                if self._halt.is_set():
                    return
                due = self.start_ns + int(offset)
                while due - now > 500_000_000 and not self._halt.wait(0.2):
                    now = time.time_ns()
                now = wait_until(max(due, now + _GAP_NS if self.sent else due))
                self.lag_ns = max(self.lag_ns, now - due)
                self.lags += now - due > LAG_BUDGET_NS
                payload.write(frame, at, payload.Stamp(ident, self.sent, now))
                try:
                    self._sock.send(frame)
                    self.sent += 1
                except (BlockingIOError, TimeoutError):
                    self.refused += 1
