"""The packet loop: frames from ports through the data plane to ports."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable, Sequence

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.io.drop_counters import DropCounters
from v1switch.io.ports import Port

BURST = 32  # frames taken from one port at a time: the longest that a writer waits for the gate
log = logging.getLogger("v1switch")
Tap = Callable[[int, bytes, bool], None]
"""Told of every frame: port, bytes, whether it came in."""


class PacketLoop:
    """Moves frames until it is stopped. Runs in one thread; `stop` and `wake` come from others."""

    def __init__(self, dataplane: Dataplane, ports: Sequence[Port], tap: Tap | None = None) -> None:
        """Join a data plane and its ports.

        Args:
            dataplane: what the frames run through.
            ports: open ports.
            tap: told of every frame that comes in or goes out, or None.
        """
        self.dataplane = dataplane
        self.ports = {port.number: port for port in ports}
        self._all_ports = tuple(ports)
        self.tap = tap
        self._unsendable = self._failed = 0
        self._stopping = False
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._epoll = select.epoll()
        self._epoll.register(self.wake_fd, select.EPOLLIN)
        self._by_fd = {port.fileno(): port for port in ports}
        for fd in self._by_fd:
            self._epoll.register(fd, select.EPOLLIN)
        dataplane.on_packet_out = self.wake

    def wake(self) -> None:
        """Make the loop look for queued packet-outs, or for the end."""
        os.eventfd_write(self.wake_fd, 1)

    def stop(self) -> None:
        """Ask the loop to end."""
        self._stopping = True
        self.wake()

    def run(self) -> None:
        """Move frames until `stop` is called."""
        while not self._stopping:
            for fd, _ in self._epoll.poll():
                self._serve(fd)

    def _serve(self, fd: int) -> None:
        """Do what waits at a descriptor."""
        if fd == self.wake_fd:
            os.eventfd_read(self.wake_fd)
            self._forward([])
            return
        port = self._by_fd.get(fd)
        if port is None:
            return  # it went away in this very round
        number = port.number
        self._forward([(number, frame) for frame in port.receive(BURST)])
        if not port.alive:
            self._forget(fd)

    def _forward(self, frames: list[Frame]) -> None:
        """Run frames that came in through the program and send what comes out of it."""
        if self.tap is not None:
            for number, frame in frames:
                self.tap(number, frame, True)
        try:
            out = self.dataplane.process_burst(frames, self.dataplane.clock())
        except Exception:  # whatever a burst does, the switch goes on
            self._failed += len(frames)
            log.exception("a burst of %d frames was lost", len(frames))
            return
        self.send(out)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames out of their ports."""
        ports = self.ports
        for number, frame in frames:
            if self.tap is not None:
                self.tap(number, frame, False)
            port = ports.get(number)
            if port is None:
                self._unsendable += 1
            else:
                port.send(frame)

    def drop_counters(self) -> DropCounters:
        """Give what was lost so far."""
        return DropCounters(
            unread={port.number: port.unread() for port in self._all_ports},
            refused=sum(port.refused for port in self._all_ports),
            unsendable=self._unsendable,
            failed=self._failed,
        )

    def _forget(self, fd: int) -> None:
        port = self._by_fd.pop(fd)
        self.ports.pop(port.number, None)
        self._epoll.unregister(fd)
        port.close()
        self.dataplane.set_port_status(port.number, up=False)

    def close(self) -> None:
        """Close everything; to be called when `run` has returned."""
        self.dataplane.on_packet_out = None
        for port in self._by_fd.values():
            port.close()
        self._epoll.close()
        os.close(self.wake_fd)
