"""The packet loop: reads frames from ports, runs them through the data plane, sends the result."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable, Sequence

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.io.counters import Counters
from v1switch.io.offload import Notes
from v1switch.io.ports import Port

BURST = 32  # frames taken from one port at a time: the longest that a writer waits for the gate
PATIENCE_S = 1  # that the loop waits for frames: one signal may come just before it begins to wait
log = logging.getLogger("v1switch")
Tap = Callable[[int, bytes, bool], None]
"""Called with every frame: port, bytes, whether it is incoming."""


class PacketLoop:
    """Forwards frames until it is stopped. `stop` and `wake` may be called from other threads."""

    def __init__(self, dataplane: Dataplane, ports: Sequence[Port], tap: Tap | None = None) -> None:
        """Connect a data plane and its ports.

        Args:
            dataplane: processes the frames.
            ports: open ports.
            tap: called with every frame that comes in or goes out, or None.
        """
        self.dataplane = dataplane
        self.ports = {port.number: port for port in ports}
        self._all_ports = tuple(ports)
        self.tap = tap
        self._no_port = 0
        self.offloads = Notes()
        for port in ports:
            port.offloads = self.offloads
        self._stopping = False
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._epoll = select.epoll()
        self._epoll.register(self.wake_fd, select.EPOLLIN)
        self._by_fd = {port.fileno(): port for port in ports}
        for fd in self._by_fd:
            self._epoll.register(fd, select.EPOLLIN)
        dataplane.on_packet_out = self.wake

    def wake(self) -> None:
        """Interrupt the loop's wait: there are packet-outs, or it is to stop."""
        os.eventfd_write(self.wake_fd, 1)

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping = True
        self.wake()

    def run(self) -> None:
        """Forward frames until `stop` is called."""
        while not self._stopping:
            self._round()

    def _round(self) -> None:
        """Wait for frames or for a wake-up, and handle what came."""
        for fd, _ in self._epoll.poll(PATIENCE_S):
            self._serve(fd)

    def _serve(self, fd: int) -> None:
        """Handle a descriptor that is readable."""
        if fd == self.wake_fd:
            os.eventfd_read(self.wake_fd)
            self._forward(None, [])
            return
        port = self._by_fd.get(fd)
        if port is None:
            return  # its interface went away in this round of epoll
        number = port.number
        self._forward(port, [(number, frame) for frame in port.receive(BURST)])
        if not port.alive:
            self._forget(fd)

    def _forward(self, port: Port | None, frames: list[Frame]) -> None:
        """Run the frames of a port, and packet-outs, through the program and send the result."""
        if self.tap is not None:
            for number, frame in frames:
                self.tap(number, frame, True)
        try:
            out = self.dataplane.process_burst(frames, self.dataplane.clock())
        except Exception:  # one bad burst must not stop the switch
            if port is not None:
                port.failed += len(frames)
            log.exception("a burst of %d frames was lost", len(frames))
            return
        self.send(out)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames out of their ports."""
        for number, frame in frames:
            if self.tap is not None:
                self.tap(number, frame, False)
            if not self._transmit(number, frame):
                self._no_port += 1

    def _transmit(self, number: int, frame: bytes) -> bool:
        """Send a frame out of a port; False when there is none."""
        port = self.ports.get(number)
        if port is None:
            return False
        port.send(frame)
        return True

    def counters(self) -> Counters:
        """Return what has been counted so far; any thread may call this."""
        down = self.dataplane.ports.down
        return Counters(
            tuple(port.counters(up=port.number not in down) for port in self._all_ports),
            self._no_port,
        )

    def _forget(self, fd: int) -> None:
        port = self._by_fd.pop(fd)
        self.ports.pop(port.number, None)
        self._epoll.unregister(fd)
        port.close()
        self.dataplane.set_port_status(port.number, up=False)

    def close(self) -> None:
        """Close ports and descriptors, once `run` has returned."""
        self.dataplane.on_packet_out = None
        for port in self._by_fd.values():
            port.close()
        self._epoll.close()
        os.close(self.wake_fd)
