"""A running testbed under control: network, controller, hosts, sockets in the containers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from falcon_ctl.capture.tap import Tap
from falcon_ctl.errors import PartFailed
from falcon_ctl.live import interfaces
from falcon_ctl.live.controller import Controller
from falcon_ctl.live.counting import CONTAINER_INTERFACE, Counting
from falcon_ctl.live.hosts import RESTORE_SECONDS, Host, restore_all
from falcon_ctl.live.watch import Watch
from falcon_ctl.systems.system import System
from falcon_ctl.traffic.flows import Endpoint
from topo.client.network import Network
from topo.spec.model import Container, Topology

ETH_P_ALL = socket.htons(0x0003)
FAILED_SECONDS = 0.2  # for each host's knobs, when a dead part or a signal ends the run
_SEND_TIMEOUT = struct.pack("@ll", 1, 0)  # struct timeval: a second


@dataclass
class Testbed:
    """A running network under control; a context manager that closes what it opened."""

    network: Network
    watch: Watch
    controller: Controller
    hosts: dict[str, Host]
    _stack: ExitStack = field(default_factory=ExitStack)
    _senders: dict[str, socket.socket] = field(default_factory=dict)
    _receivers: dict[tuple[str, int], socket.socket] = field(default_factory=dict)
    _netlinks: dict[str, socket.socket] = field(default_factory=dict)
    _ports: dict[str, interfaces.PortCounters] = field(default_factory=dict)

    @classmethod
    def open(cls, network: Network) -> Testbed:
        """Sessions with every switch and host of `network`.

        Raises:
            PartFailed: one of them does not answer.
        """
        stack = ExitStack()
        try:
            watch = stack.enter_context(Watch(str(network.run_dir)))
            with watch.blaming():
                controller = Controller(network.spec, network.switches)
                stack.callback(controller.close)
                for error in controller.connect_all().values():
                    raise error
                hosts = {name: Host(info) for name, info in network.machines.items()}
        except BaseException:
            stack.close()
            raise
        for name, switch in controller.switches.items():
            switch.client.on_close(partial(watch.switch_closed, name))
        watch.ask(switch.client for switch in controller.switches.values())
        watch.abort_with({f"rxpath rx-{name}": host.abort for name, host in hosts.items()})
        return cls(network, watch, controller, hosts, stack)

    def __enter__(self) -> Testbed:  # noqa: PYI034  # Self needs Python 3.11
        """`open` opened everything."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        """Restore the hosts' knobs and close everything; soon when the run ended early."""
        self.watch.finish()
        for sock in (*self._senders.values(), *self._receivers.values()):
            sock.close()
        hosts = self.hosts.values()
        restore_all(hosts, RESTORE_SECONDS if kind is None else FAILED_SECONDS)
        for host in hosts:
            host.close()
        self._stack.close()

    @property
    def topology(self) -> Topology:
        """The topology that is up."""
        return self.network.spec

    @cached_property
    def pids(self) -> list[int]:
        """The processes of the network's parts."""
        status = self.network.status()
        return [status.pid, *(part.pid for part in status.parts)]

    @cached_property
    def target(self) -> str:
        """Which program the switches are: "bmv2" or "v1switch"."""
        return self.network.status().target

    def use(
        self, system: System, dilation: int, undilated: Collection[str] = (), **knobs: Any
    ) -> None:
        """Make the whole network run `system`; `dilation` and `knobs` go to every host.

        `undilated`: machines whose model runs in wall time, so fast that it costs nothing.
        """
        self.watch.check()
        with self.watch.blaming():
            self.controller.use(system)
            for name, host in self.hosts.items():
                host.use(system, 1 if name in undilated else dilation, **knobs)

    def sender(self, container: str) -> socket.socket:
        """An AF_PACKET socket that sends ready frames out of the container's interface."""
        if container not in self._senders:
            sock = self.socket(container, socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((CONTAINER_INTERFACE, 0))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
            self._senders[container] = sock
        return self._senders[container]

    def receiver(self, container: str, port: int) -> socket.socket:
        """A UDP socket in the container, bound to `port`."""
        key = container, port
        if key not in self._receivers:
            sock = self.socket(container, socket.AF_INET, socket.SOCK_DGRAM, 0)
            sock.bind(("", port))
            self._receivers[key] = sock
        return self._receivers[key]

    def stream(self, container: str) -> socket.socket:
        """A fresh TCP socket in the container, which the caller closes."""
        return self.socket(container, socket.AF_INET, socket.SOCK_STREAM, 0)

    def raw_icmp(self, container: str) -> socket.socket:
        """A raw ICMP socket in the container, which the caller closes."""
        return self.socket(container, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    def tap(self, node: str, interface: str, outgoing: bool = False) -> Tap:
        """A capture of one interface of a node; the caller enters and leaves it."""
        sock = self.socket(node, socket.AF_PACKET, socket.SOCK_RAW, ETH_P_ALL)
        return Tap(sock, interface, outgoing=outgoing)

    def endpoint(self, container: str) -> Endpoint:
        """The container as an end of flows."""
        found = self.container(container)
        return Endpoint(found.name, found.mac, str(found.ip))

    def container(self, name: str) -> Container:
        """The container of that name."""
        return next(c for c in self.topology.containers if c.name == name)

    @cached_property
    def counting(self) -> Counting:
        """The points at which the frames of runs are counted."""
        found = Counting(self.socket)
        self._stack.callback(found.close)
        return found

    def links(self, node: str) -> dict[str, interfaces.Link]:
        """The kernel's counters of a node's interfaces, by name."""
        if node not in self._netlinks:
            sock = self.socket(node, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._netlinks[node] = self._stack.enter_context(sock)
        return interfaces.links(self._netlinks[node])

    def ports(self, switch: str) -> dict[tuple[int, str], int]:
        """What v1switch lost at its ports: `interfaces.PortCounters`."""
        if switch not in self._ports:
            counters = interfaces.PortCounters(self.network.switches[switch])
            self._ports[switch] = counters
            self._stack.callback(counters.close)
            self.watch.abort_with({f"switch {switch}": counters.close})
        with self.watch.blaming():
            return self._ports[switch].read()

    def socket(self, node: str, family: int, kind: int, proto: int) -> socket.socket:
        """A socket in a node's network namespace, which the caller closes."""
        with self.watch.blaming():
            try:
                return self.network.socket(node, family, kind, proto)
            except OSError as error:
                raise PartFailed(node, f"no socket: {error.strerror}") from error
