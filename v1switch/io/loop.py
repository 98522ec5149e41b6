"""The packet loop: reads frames from ports, runs them through the data plane, sends the result."""

from __future__ import annotations

import logging
import os
import select
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.errors import PortError
from v1switch.io.counters import Counters, InterfaceCounters
from v1switch.io.offload import Notes
from v1switch.io.ports import PATIENT, Port

BURST = 32  # frames taken from one port at a time: the longest that a writer waits for the lock
NS_PER_S = 1_000_000_000
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
        self._told_refused = False
        self._stopping = False
        self._changes: deque[Callable[[], None]] = deque()
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._epoll = select.epoll()
        self._epoll.register(self.wake_fd, select.EPOLLIN)
        self._by_fd = {port.fileno(): port for port in ports}
        self._watched: set[int] = set()  # ports whose interface is to take frames that wait
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
            self._tell_drops()
            while self._changes:
                self._changes.popleft()()

    def _round(self) -> None:
        """Wait for frames, a packet's turn or a wake-up, and handle what came."""
        for fd, events in self._epoll.poll(self._patience_s()):
            if events & select.EPOLLOUT:
                self._make_room(fd)
            if events & ~select.EPOLLOUT:
                self._serve(fd)
        self._release()

    def _patience_s(self) -> float:
        """How long to wait: until the next packet may leave its queue at most."""
        due = self.dataplane.next_release()
        if due is None:
            return PATIENCE_S
        return min(max((due - self.dataplane.clock()) / NS_PER_S, 0), PATIENCE_S)

    def _release(self) -> None:
        """Run and send packets whose turn it is."""
        while True:
            try:
                out = self.dataplane.release(self.dataplane.clock())
            except Exception:  # as in _forward
                log.exception("a packet that waited was lost")
                continue
            if out is None:
                return
            self.send(out)

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
        self._release()  # one by one: what leaves may be the last that an interface takes
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
        if port.waiting:
            self._wait_for(number, len(port.waiting))
        return True

    def _wait_for(self, number: int, waiting: int) -> None:
        """Have the loop told when an interface takes frames again; hold its queues till then."""
        if number not in self._watched:
            self._watched.add(number)
            self._epoll.modify(self.ports[number].fileno(), select.EPOLLIN | select.EPOLLOUT)
        if waiting >= PATIENT:
            self.dataplane.queues.block(number, blocked=True)

    def _make_room(self, fd: int) -> None:
        """Send what waits for an interface that takes frames again."""
        port = self._by_fd.get(fd)
        if port is None:
            return
        waiting = self._drain(port)
        if not waiting:
            self._watched.discard(port.number)
            self._epoll.modify(fd, select.EPOLLIN)
        if waiting < PATIENT:
            self.dataplane.queues.block(port.number, blocked=False)

    def _drain(self, port: Port) -> int:
        """Send what waits for a port; gives how many frames still do."""
        port.drain()
        return len(port.waiting)

    def between_frames(self, change: Callable[[], None]) -> None:
        """Have the loop call something between two frames; any thread may ask for it."""
        self._changes.append(change)
        self.wake()

    def attach(self, port: Port) -> None:
        """Take a port in, between two frames; raises PortError when there is one of its number."""
        there = self.ports.get(port.number)
        if there is not None:
            raise PortError(port.number, port.ifname, f"the port is there, on {there.ifname!r}")
        port.offloads = self.offloads
        self.ports[port.number] = port
        others = (each for each in self._all_ports if each.number != port.number)
        self._all_ports = (*others, port)
        self._by_fd[port.fileno()] = port
        self._epoll.register(port.fileno(), select.EPOLLIN)

    def detach(self, number: int) -> None:
        """Close a port, between two frames; raises PortError when there is none."""
        port = self.ports.get(number)
        if port is None:
            raise PortError(number, "", "there is no such port")
        self._forget(port.fileno())
        self._all_ports = tuple(each for each in self._all_ports if each is not port)

    def counters(self) -> Counters:
        """Return what has been counted so far; any thread may call this."""
        down, queues = self.dataplane.ports.down, self.dataplane.queues

        def counted(port: Port) -> InterfaceCounters:
            own = port.counters(up=port.number not in down)
            return replace(own, dropped=queues.dropped(port.number))

        return Counters(tuple(map(counted, self._all_ports)), self._no_port, queues.refused)

    def _tell_drops(self) -> None:
        """Log the first drop of each queue."""
        queues = self.dataplane.queues
        if not queues.has_news():
            return
        for port in self._all_ports:
            for info in queues.lossy(port.number):
                log.warning(
                    "port %d (%s): the queue of priority %d is full (%d packets): packets are "
                    "dropped and counted",
                    *(info.port, port.ifname, info.priority, info.depth),
                )
        if queues.refused and not self._told_refused:
            self._told_refused = True
            log.error(
                "packets of a priority outside 0..%d are dropped (--priority-queues)",
                queues.priorities - 1,
            )

    def _forget(self, fd: int) -> None:
        port = self._by_fd.pop(fd)
        self.ports.pop(port.number, None)
        self._epoll.unregister(fd)
        self._watched.discard(port.number)
        self.dataplane.queues.block(port.number, blocked=False)  # what waits there has no port now
        port.close()
        self.dataplane.set_port_status(port.number, up=False)

    def close(self) -> None:
        """Close ports and descriptors, once `run` has returned."""
        self.dataplane.on_packet_out = None
        for port in self._by_fd.values():
            port.close()
        self._epoll.close()
        os.close(self.wake_fd)
