"""Entries of the IP fabric: ports, neighbours, routes, and the UDP port of its VXLAN packets."""

from __future__ import annotations

from collections.abc import Iterator

from falcon_ctl.intent.routes import Routes
from falcon_ctl.p4rt.entities import Call, Entity, Entry, Group, Member
from topo.spec.model import Machine, Switch, Topology

ECMP = "ecmp_paths"


def entries(
    topology: Topology, routes: Routes, switch: Switch, vxlan_port: int
) -> Iterator[Entity]:
    """Everything that `switch` needs to carry IP between the machines."""
    yield from _ports(topology, switch)
    yield from _routes(topology, routes[switch.name])
    for machine in attached(topology, switch).values():
        yield Entry.of("local_vtep", Call.of("attached"), vtep=str(machine.vtep))
    yield Entry.of("vxlan_port", Call.of("enabled"), udp_port=vxlan_port)


def attached(topology: Topology, switch: Switch) -> dict[int, Machine]:
    """Machines on the ports of `switch`."""
    machines = {m.name: m for m in topology.machines}
    ports = topology.ports(switch.name)
    return {port: machines[end.node] for port, end in ports.items() if end.node in machines}


def _ports(topology: Topology, switch: Switch) -> Iterator[Entity]:
    machines = attached(topology, switch)
    macs = {s.name: s.mac for s in topology.switches}
    macs |= {m.name: m.mac for m in topology.machines}
    for port, end in topology.ports(switch.name).items():
        kind = Call.of("access") if port in machines else Call.of("underlay", mac=switch.mac)
        neighbours = Call.of("set_macs", src_addr=switch.mac, dst_addr=macs[end.node])
        yield Entry.of("port_kind", kind, ingress_port=port)
        yield Entry.of("link_macs", neighbours, egress_port=port)
        mtu = Call.of("set_mtu", bytes=topology.underlay_mtu)
        yield Entry.of("port_mtu", mtu, egress_port=port)


def _routes(topology: Topology, routes: dict[str, tuple[int, ...]]) -> Iterator[Entity]:
    """One member per port (its id is the port), one group per machine that can be reached.

    A group's number is its machine's for good: when paths change, the group changes in one update
    and no route does, so a frame takes the old paths or the new ones.
    """
    for port in sorted({port for ports in routes.values() for port in ports}):
        yield Member(ECMP, port, Call.of("route_to", port=port))
    for number, machine in enumerate(topology.machines, start=1):
        if routes[machine.name]:
            yield Group(ECMP, number, routes[machine.name])
            yield Entry.of("underlay_route", group=number, dst_addr=(str(machine.vtep), 32))
