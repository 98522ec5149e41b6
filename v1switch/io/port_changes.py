"""Adding and removing ports of a running switch."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Protocol

from v1switch.control.dataplane import Dataplane
from v1switch.errors import PortError
from v1switch.io.counters import Counters
from v1switch.io.links import LinkWatch
from v1switch.io.loop import PacketLoop
from v1switch.io.ports import Port

PORT_MAX = (1 << 9) - 1  # v1model's ports are bit<9>
PATIENCE_S = 5.0  # for the packet loop to come to the change


class PortAccess(Protocol):
    """What a controller may ask of a switch's ports."""

    def counters(self) -> Counters:
        """What has been counted, with the ports' names."""
        ...

    def add(self, number: int, ifname: str) -> None:
        """Open an interface as a port; raises PortError."""
        ...

    def remove(self, number: int) -> None:
        """Close a port; raises PortError."""
        ...


class FixedPorts:
    """Ports that are those of the command line."""

    def __init__(self, counters: Callable[[], Counters]) -> None:
        """Tell what a function returns."""
        self.counters = counters

    def add(self, number: int, ifname: str) -> None:
        """Raise PortError."""
        raise PortError(number, ifname, "ports cannot be added here")

    def remove(self, number: int) -> None:
        """Raise PortError."""
        raise PortError(number, "", "ports cannot be removed here")


class LivePorts:
    """The ports of a packet loop; any thread may change them."""

    def __init__(self, dataplane: Dataplane, loop: PacketLoop, links: LinkWatch) -> None:
        """Change the ports of a loop, whose links are watched."""
        self._dataplane = dataplane
        self._loop = loop
        self._links = links

    def counters(self) -> Counters:
        """What the loop has counted."""
        return self._loop.counters()

    def add(self, number: int, ifname: str) -> None:
        """Open an interface as a port; raises PortError."""
        reserved = {self._dataplane.cpu_port, self._dataplane.drop_port}
        if not 0 <= number <= PORT_MAX or number in reserved:
            reason = f"expected another number in 0..{PORT_MAX} than CPU and drop port"
            raise PortError(number, ifname, reason)
        port = Port(number, ifname)
        try:
            self._between_frames(port.number, ifname, lambda: self._loop.attach(port))
        except PortError:
            port.close()
            raise
        ports = self._dataplane.ports
        ports.known = (ports.known or frozenset()) | {number}
        self._dataplane.set_port_status(number, up=True)
        self._links.watch(number, ifname)

    def remove(self, number: int) -> None:
        """Close a port; raises PortError."""
        self._between_frames(number, "", lambda: self._loop.detach(number))
        self._links.unwatch(number)
        ports = self._dataplane.ports
        ports.known = (ports.known or frozenset()) - {number}

    def _between_frames(self, number: int, ifname: str, change: Callable[[], None]) -> None:
        """Have the loop's thread make a change; raises PortError."""
        answers: queue.SimpleQueue[PortError | None] = queue.SimpleQueue()
        given_up = False

        def make() -> None:
            try:
                if not given_up:
                    change()
                answers.put(None)
            except PortError as error:
                answers.put(error)

        self._loop.between_frames(make)
        try:
            error = answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            given_up = True
            raise PortError(number, ifname, "the packet loop does not come to it") from None
        if error is not None:
            raise error
