"""The points at which a run's own frames are counted: where they arrive, at each hop of their path.

All ports of switches, all uplinks of machines, the machines' ends of the sending containers' veths
and the receiving containers' interfaces.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from falcon_ctl.capture import bpf
from falcon_ctl.capture.frame_counter import FrameCounter
from falcon_ctl.traffic.flows import Flow
from topo.spec.model import Topology

CONTAINER_INTERFACE = "eth0"
Point = tuple[str, str]
"""A node and its interface."""


@dataclass(frozen=True)
class Path:
    """Where the frames of some flows come and go; all of them to containers of `target`."""

    topology: Topology
    sources: frozenset[str]  # containers
    targets: frozenset[str]
    target: str

    @classmethod
    def of(cls, topology: Topology, flows: Sequence[Flow]) -> Path:
        """The path of `flows`."""
        sources = frozenset(flow.source.name for flow in flows)
        targets = frozenset(flow.target.name for flow in flows)
        machine = next(c.machine for c in topology.containers if c.name in targets)
        return cls(topology, sources, targets, machine)

    @property
    def senders(self) -> tuple[str, ...]:
        """Machines of the sending containers."""
        machines = {c.machine for c in self.topology.containers if c.name in self.sources}
        return tuple(sorted(machines))

    def behind_containers(self, machine: str) -> list[Point]:
        """Where frames of a machine's sending containers arrive."""
        found = self.topology.containers_of(machine)
        return [(machine, c.ifname) for c in found if c.name in self.sources]

    def ports(self, switch: str) -> list[Point]:
        """Where frames arrive at a switch."""
        return [(switch, ifname) for ifname in self.topology.interfaces(switch).values()]

    def behind_ports(self, switch: str) -> list[Point]:
        """Where frames of a switch arrive."""
        return [
            uplink_of(end.node) if end.port is None else port_of(end.node, end.port)
            for end in self.topology.ports(switch).values()
        ]

    def behind_uplink(self, machine: str) -> Point:
        """Where frames of a machine's uplink arrive."""
        end = self.topology.uplink_of(machine)
        assert end.port is not None
        return port_of(end.node, end.port)

    @property
    def points(self) -> list[Point]:
        """All of them."""
        switches = [s.name for s in self.topology.switches]
        return [
            *(point for machine in self.senders for point in self.behind_containers(machine)),
            *(point for switch in switches for point in self.ports(switch)),
            *(uplink_of(machine.name) for machine in self.topology.machines),
            *((name, CONTAINER_INTERFACE) for name in sorted(self.targets)),
        ]


def uplink_of(machine: str) -> Point:
    """A machine's uplink."""
    return machine, f"{machine}-up"


def port_of(switch: str, port: int) -> Point:
    """A switch's port."""
    return switch, f"{switch}-eth{port}"


class Counting:
    """Counters at the points of paths; each is opened once. Close it at the end.

    `open_socket`: a socket (family, type, protocol) in the namespace of a node.
    """

    def __init__(self, open_socket: Callable[[str, int, int, int], socket.socket]) -> None:
        self._open = open_socket
        self._counters: dict[Point, FrameCounter] = {}

    def start(self, path: Path, flows: Sequence[Flow]) -> None:
        """Count the frames of these flows from now on, at the points of their path."""
        program = _program(flows)
        for point in path.points:
            if point not in self._counters:
                node, interface = point
                sock = self._open(node, socket.AF_PACKET, socket.SOCK_RAW, 0)
                self._counters[point] = FrameCounter(sock, interface)
            self._counters[point].start(program)

    def read(self, path: Path) -> dict[Point, int]:
        """Frames that have arrived at each point since `start`."""
        return {point: self._counters[point].count for point in path.points}

    def close(self) -> None:
        """Close all counters."""
        for counter in self._counters.values():
            counter.close()


def _program(flows: Sequence[Flow]) -> bytes:
    if flows[0].proto == "tcp":
        return bpf.tcp_frames((flow.source_port, flow.target_port) for flow in flows)
    ids = [flow.id for flow in flows]
    return bpf.udp_frames(range(min(ids), max(ids) + 1))
