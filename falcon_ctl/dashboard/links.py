"""Rates of the links of the real network, from the kernel's counters of their interfaces."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from falcon_ctl.dashboard.frames import LinkRate
from falcon_ctl.live import interfaces
from falcon_ctl.live.interfaces import Link
from topo.spec.model import Topology

Counters = Mapping[tuple[str, str], Link]  # (node, interface) → counters


class Port(NamedTuple):
    """Where a link between `near` and `far` is counted: at an interface of `near`."""

    near: str
    far: str
    interface: str


def ports(topology: Topology) -> Iterator[Port]:
    """One interface of each link: of a switch where it has one, else of the machine."""
    names = {switch.name: topology.interfaces(switch.name) for switch in topology.switches}
    for link in topology.links:
        near, far = link.ends if link.a.port is not None else link.ends[::-1]
        assert near.port is not None
        yield Port(near.node, far.node, names[near.node][near.port])
    for container in topology.containers:
        yield Port(container.machine, container.name, container.ifname)


def rates(found: list[Port], before: Counters, now: Counters, seconds: float) -> Iterator[LinkRate]:
    """Rates between two readings that are `seconds` apart. Pure."""
    for port in found:
        old, new = (one.get((port.near, port.interface)) for one in (before, now))
        if new is None:
            yield LinkRate(port.near, port.far, up=False)
            continue
        old = old if old is not None and old.rx_bytes <= new.rx_bytes else new
        yield LinkRate(
            port.near,
            port.far,
            ab=8 * (new.tx_bytes - old.tx_bytes) / seconds,
            ba=8 * (new.rx_bytes - old.rx_bytes) / seconds,
            ab_pps=(new.tx_packets - old.tx_packets) / seconds,
            ba_pps=(new.rx_packets - old.rx_packets) / seconds,
            up=new.is_up,
        )


class LinkRates:
    """Reads the counters again at most once in `period` seconds; between, the rates stay.

    Args:
        topology: whose links.
        make_socket: (node, family, type, protocol) → a socket in the node's network namespace.
        period: s.
    """

    def __init__(
        self,
        topology: Topology,
        make_socket: Callable[[str, int, int, int], socket.socket],
        period: float = 1.0,
    ) -> None:
        self._ports = list(ports(topology))
        self._make = make_socket
        self._period = period
        self._stack = ExitStack()
        self._sockets: dict[str, socket.socket] = {}
        self._before: Counters = {}
        self._at = 0.0
        self._rates = [LinkRate(port.near, port.far) for port in self._ports]

    def read(self) -> list[LinkRate]:
        """The rates of all links. Raises OSError, TopoError."""
        now = time.monotonic()
        passed = now - self._at
        if self._at and passed < self._period:
            return self._rates
        counters = self._read()
        if self._at:
            self._rates = list(rates(self._ports, self._before, counters, passed))
        self._before, self._at = counters, now
        return self._rates

    def close(self) -> None:
        """Close the sockets."""
        self._stack.close()

    def _read(self) -> Counters:
        found: dict[tuple[str, str], Link] = {}
        for node in dict.fromkeys(port.near for port in self._ports):
            for name, link in interfaces.links(self._socket(node)).items():
                found[node, name] = link
        return found

    def _socket(self, node: str) -> socket.socket:
        if node not in self._sockets:
            kind = socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
            sock = self._stack.enter_context(self._make(node, *kind))
            sock.settimeout(2.0)
            self._sockets[node] = sock
        return self._sockets[node]
