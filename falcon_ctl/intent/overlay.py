"""Entries of the tenants' networks: access, forwarding, flooding, ARP suppression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from falcon_ctl.intent.routes import Routes
from falcon_ctl.intent.underlay import attached
from falcon_ctl.p4rt.entities import Call, Entity, Entry, Meter, Multicast
from falcon_ctl.systems.system import System, Tunnel
from topo.spec.model import Machine, Switch, Tenant, Topology

# Reports of a tenant's unknown addresses, per switch. The burst holds the first frames of many
# containers; the rate is a tenth of the table entries that a switch in Python writes.
REPORTS = Meter(rate=100, burst=4096)


@dataclass(frozen=True)
class Station:
    """A MAC address of a tenant and the machine behind which it is; `ip` where it is known."""

    vni: int
    mac: str
    machine: str
    ip: str = ""


def stations(topology: Topology) -> list[Station]:
    """The containers, as the operator's inventory knows them before any frame is seen."""
    return [
        Station(topology.tenant(c.tenant).vni, c.mac, c.machine, str(c.ip))
        for c in topology.containers
    ]


def entries(
    topology: Topology, routes: Routes, switch: Switch, system: System, known: Iterable[Station]
) -> Iterator[Entity]:
    """Everything that `switch` needs to be the VTEP of its machines under `system`."""
    machines = attached(topology, switch)
    tenants = _present(topology, machines.values())
    if not tenants:
        return  # only routes
    for tenant in tenants:
        yield Entry.of("tenant", Call.of("admit"), vni=tenant.vni)
        yield Entry.of("learn_limit", Call.of("limited"), vni=tenant.vni).metered(REPORTS)
    for port, machine in machines.items():
        yield from _access(topology, port, machine, system.vxlan_port)
        to_host = system.tunnel is Tunnel.TO_HOST
        mode = Call.of("pass_on" if to_host else "decapsulate")
        yield Entry.of("vtep_mode", mode, vtep=str(machine.vtep))
    reach = _Reach(topology, routes[switch.name], machines, system)
    yield from _forwarding(reach, {t.vni for t in tenants}, known)
    yield from _flooding(reach, tenants)


def _present(topology: Topology, machines: Iterable[Machine]) -> list[Tenant]:
    """Tenants that have a container on one of `machines`."""
    names = {c.tenant for m in machines for c in topology.containers_of(m.name)}
    return [tenant for tenant in topology.tenants if tenant.name in names]


def _access(topology: Topology, port: int, machine: Machine, vxlan_port: int) -> Iterator[Entity]:
    for tenant in _present(topology, [machine]):
        source = Call.of(
            "set_tenant", vni=tenant.vni, vtep=str(machine.vtep), vxlan_port=vxlan_port
        )
        yield Entry.of("access_vni", source, ingress_port=port, vid=tenant.vlan)
        tag = Call.of("set_vlan", vid=tenant.vlan)
        yield Entry.of("deliver_vlan", tag, egress_port=port, vni=tenant.vni)


@dataclass(frozen=True)
class _Reach:
    """How one switch reaches machines under a system."""

    topology: Topology
    routes: dict[str, tuple[int, ...]]
    local: dict[int, Machine]
    system: System

    def ports(self, machine: str) -> tuple[int, ...]:
        """The first port towards the machine, where a flood's copy leaves; none without a path."""
        return self.routes[machine][:1]

    def direct(self, machine: str) -> int | None:
        """The machine's port, if it is on this switch and the system has no tunnel between such."""
        here = (port for port, m in self.local.items() if m.name == machine)
        return next(here, None) if self.system.tunnel is Tunnel.NONE else None


def _forwarding(reach: _Reach, vnis: set[int], known: Iterable[Station]) -> Iterator[Entity]:
    vteps = {m.name: str(m.vtep) for m in reach.topology.machines}
    for station in known:
        if station.vni not in vnis:
            continue
        port = reach.direct(station.machine)
        to_vtep = Call.of("to_vtep", vtep=vteps[station.machine])
        call = to_vtep if port is None else Call.of("to_port", port=port)
        yield Entry.of("l2_forward", call, vni=station.vni, dst_addr=station.mac)
        if station.ip:
            reply = Call.of("arp_reply", mac=station.mac)
            yield Entry.of("arp_suppress", reply, vni=station.vni, target_ip=station.ip)


def _flooding(reach: _Reach, tenants: list[Tenant]) -> Iterator[Entity]:
    """Head-end replication: one copy per machine that has the tenant; its id names the machine."""
    for instance, machine in enumerate(reach.topology.machines, start=1):
        to_vtep = Call.of("replica_to_vtep", vtep=str(machine.vtep))
        call = to_vtep if reach.direct(machine.name) is None else Call.of("replica_to_port")
        yield Entry.of("replica", call, egress_rid=instance)
    for group, tenant in enumerate(tenants, start=1):
        copies = tuple(  # none left: without an entry the flood counts as NO_FLOOD
            (port, instance)
            for instance, machine in enumerate(reach.topology.machines, start=1)
            if tenant in _present(reach.topology, [machine])
            for port in reach.ports(machine.name)
        )
        if copies:
            yield Multicast(group, copies)
            yield Entry.of("vni_flood", Call.of("set_group", group=group), vni=tenant.vni)
