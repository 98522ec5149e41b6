"""The packet loop with machine code in it: plain Python until there is some, and for the rest."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from v1switch.control.engine import Forwarder, Frame
from v1switch.engines.python.engine import PythonForwarder
from v1switch.io.counters import Counters, InterfaceCounters
from v1switch.io.loop import PacketLoop
from v1switch.io.ports import PATIENT

if TYPE_CHECKING:
    from v1switch.engines.native.carrier import Carrier
    from v1switch.engines.native.engine import Native
    from v1switch.io.ports import Port


log = logging.getLogger("v1switch")


class NativeLoop(PacketLoop):
    """Moves frames until it is stopped, by machine code as soon as there is some.

    A tap needs each frame as a Python object, so with one plain Python carries all frames.
    """

    _carrier: Carrier | None = None
    _seen: Forwarder | None = None
    _machine: Native | None = None

    def _round(self) -> None:
        if self._native() is None or self.tap is not None:
            if self._carrier is not None:
                self._watch_all(self._carrier)
            super()._round()
            return
        carrier = self._carrier or self._open_carrier()
        self._burst(carrier)
        if carrier.has_met_others:
            self._release()
        if carrier.has_yielded:
            with contextlib.suppress(BlockingIOError):  # it was for a writer without a wake-up
                os.eventfd_read(self.wake_fd)
            if self.dataplane.has_packet_outs:
                self._forward(None, [])

    def _native(self) -> Native | None:
        """The machine code that carries frames now, if it does."""
        forwarder = self.dataplane.forwarder
        if forwarder is not self._seen:  # this runs at every wake-up
            self._seen, self._machine = forwarder, _machine_code(forwarder)
        return self._machine

    def _open_carrier(self) -> Carrier:
        # LLVM is loaded only where it is used
        from v1switch.engines.native.carrier import Carrier

        alive = list(self.ports.values())
        self._carrier = carrier = Carrier(self.dataplane, alive, self.wake_fd)
        for port in alive:  # what waits for plain Python's sockets goes on waiting there
            while port.waiting:
                carrier.transmit(port.number, port.waiting.popleft())
            if (
                carrier.ports.waiting(port.number) < PATIENT
            ):  # plain Python may have held its queues
                self.dataplane.queues.block(port.number, blocked=False)
        self.dataplane.wake_burst_with(self.wake)
        return carrier

    def _watch_all(self, carrier: Carrier) -> None:
        """Have plain Python told when interfaces take what machine code left waiting for them."""
        for number in self.ports:
            if waiting := carrier.ports.waiting(number):
                self._wait_for(number, waiting)

    def _transmit(self, number: int, frame: bytes) -> bool:
        if self._carrier is None:
            return super()._transmit(number, frame)
        return self._carrier.transmit(number, frame)

    def _drain(self, port: Port) -> int:
        if self._carrier is None:
            return super()._drain(port)
        self._carrier.drain(port.number)
        return self._carrier.ports.waiting(port.number)

    def attach(self, port: Port) -> None:
        """Take a port in; machine code gets its sockets and buffers anew."""
        if port.number not in self.ports:
            self._close_carrier()
        super().attach(port)

    def _close_carrier(self) -> None:
        """Take back what machine code holds: counts, and the frames of its batch.

        Frames that still wait for an interface are dropped, and counted as refused.
        """
        carrier, self._carrier = self._carrier, None
        if carrier is None:
            return
        for port in self._all_ports:
            sent, refused = carrier.ports.counted(port.number)
            port.sent += sent
            port.refused += refused
        for number, port in self.ports.items():
            port.refused += carrier.ports.waiting(number)
            carrier.discard(number)
            self.dataplane.queues.block(number, blocked=False)
        self._no_port += carrier.no_port
        if rest := carrier.leftover():
            self._forward(self.ports.get(carrier.source), rest)

    def _forget(self, fd: int) -> None:
        if self._carrier is not None:
            number = self._by_fd[fd].number
            self._carrier.discard(number)
            self._carrier.ports.forget(number)
        super()._forget(fd)

    def _burst(self, carrier: Carrier) -> None:
        """Let machine code wait for frames and carry them, and do what it leaves."""
        with self.dataplane.burst():
            native = self._native()
            if native is not None:
                carrier.carry(native)
                carrier.note_offloads(self.offloads)
                if carrier.has_results:
                    native.deliver()
                    self.send(self.dataplane.divert(native.memory.take_frames()))
                if carrier.has_punted:
                    self.send(self._plain(carrier, native))
                if carrier.has_dequeued:
                    self.send(self._resumed(carrier, native))
                carrier.release()
        if native is None:  # another program came, which has no machine code yet
            self._forward(self.ports.get(carrier.source), carrier.leftover())
            return
        self._drop_failed_port(carrier)

    def _resumed(self, carrier: Carrier, native: Native) -> list[Frame]:
        try:
            out = carrier.resume(native)
        except Exception:  # as in PacketLoop._forward
            log.exception("a packet that waited was lost")
            return []
        return self.dataplane.divert(out)

    def _plain(self, carrier: Carrier, native: Native) -> list[Frame]:
        port, frame, now = carrier.punted()
        try:
            out = native.plain(port, frame, now)
        except Exception:  # as in PacketLoop._forward
            if port in self.ports:
                self.ports[port].failed += 1
            log.exception("a frame was lost")
            return []
        return self.dataplane.divert(out)

    def _drop_failed_port(self, carrier: Carrier) -> None:
        failure = carrier.failure()
        if failure is None:
            return
        port, error = failure
        port.fail(error)
        if not port.alive:
            self._forget(port.fileno())

    def counters(self) -> Counters:
        """Return what either engine has counted so far."""
        plain, carrier = super().counters(), self._carrier
        if carrier is None:
            return plain

        def with_machine_code(each: InterfaceCounters) -> InterfaceCounters:
            sent, refused = carrier.ports.counted(each.port)
            return replace(each, sent=each.sent + sent, refused=each.refused + refused)

        interfaces = tuple(map(with_machine_code, plain.interfaces))
        return replace(plain, interfaces=interfaces, no_port=plain.no_port + carrier.no_port)

    def close(self) -> None:
        """Close everything; to be called when `run` has returned."""
        if self._carrier is not None:
            self.dataplane.wake_burst_with(lambda: None)
        super().close()


def _machine_code(forwarder: Forwarder | None) -> Native | None:
    """The forwarder, if it is machine code."""
    if forwarder is None or isinstance(forwarder, PythonForwarder):
        return None
    from v1switch.engines.native.engine import Native  # loaded by now: there is code

    return forwarder if isinstance(forwarder, Native) else None
