"""What docs/p4-program.md says the switch does with a tenant's frame, on our own entries.

A reading of the page by hand, so that the intent is tried without a switch: one unicast frame or
flood goes in at a machine's port, and what arrives at machines comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

from falcon_ctl.p4rt.entities import Call, Entity, Entry, Group, Member, Multicast
from topo.spec.model import Topology

BROADCAST = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True)
class Arrival:
    """A frame at a machine: tagged with `vlan`, or in VXLAN with `vni` for `vtep`."""

    machine: str
    vlan: int = 0
    vni: int = 0
    vtep: str = ""


class Fabric:
    def __init__(self, topology: Topology, entities: dict[str, list[Entity]]) -> None:
        self.topology = topology
        self.entities = entities
        self.drops: list[str] = []

    def send(self, machine: str, vlan: int, dst: str) -> list[Arrival]:
        end = self.topology.uplink_of(machine)
        assert end.port is not None
        access = self._find(end.node, "access_vni", ingress_port=end.port, vid=vlan)
        if access is None:
            return self._drop("VLAN_UNKNOWN")
        vni, self.udp_port = access["vni"], access["vxlan_port"]
        if self._find(end.node, "tenant", vni=vni) is None:
            return self._drop("VNI_UNKNOWN")
        forward = self._call(end.node, "l2_forward", vni=vni, dst_addr=dst)
        if forward is None:
            return self._flood(end.node, end.port, vni)
        return self._unicast(end.node, end.port, vni, forward)

    def arp(self, machine: str, vlan: int, ip: str) -> str | None:
        end = self.topology.uplink_of(machine)
        access = self._find(end.node, "access_vni", ingress_port=end.port, vid=vlan)
        assert access is not None
        reply = self._find(end.node, "arp_suppress", vni=access["vni"], target_ip=ip)
        return None if reply is None else reply["mac"]

    def _unicast(self, switch: str, came_from: int, vni: int, call: Call) -> list[Arrival]:
        args = dict(call.args)
        if call.action == "to_port":
            if args["port"] == came_from:
                return self._drop("REFLECTED")
            return self._deliver(switch, args["port"], vni)
        return self._tunnel(switch, args["vtep"], vni, came_from)

    def _flood(self, switch: str, came_from: int, vni: int) -> list[Arrival]:
        group = self._find(switch, "vni_flood", vni=vni)
        if group is None:
            return self._drop("NO_FLOOD")
        found = next(
            e for e in self.entities[switch] if isinstance(e, Multicast) and e.id == group["group"]
        )
        arrivals: list[Arrival] = []
        for port, instance in found.replicas:
            if port == came_from:
                self._drop("SPLIT_HORIZON")
                continue
            copy = self._call(switch, "replica", egress_rid=instance)
            assert copy is not None, "REPLICA"
            if copy.action == "replica_to_port":
                arrivals += self._deliver(switch, port, vni)
            else:
                arrivals += self._hop(switch, port, dict(copy.args)["vtep"], vni)
        return arrivals

    def _tunnel(self, switch: str, vtep: str, vni: int, came_from: int) -> list[Arrival]:
        route = (
            e
            for e in self.entities[switch]
            if isinstance(e, Entry)
            and e.table == "underlay_route"
            and dict(e.match)["dst_addr"] == (vtep, 32)
        )
        entry = next(route, None)
        if entry is None:
            return self._drop("NO_ROUTE")
        group = next(
            e for e in self.entities[switch] if isinstance(e, Group) and e.id == entry.group
        )
        arrivals = []
        for member_id in group.members:  # any of them may be taken: all must lead there
            member = next(
                e for e in self.entities[switch] if isinstance(e, Member) and e.id == member_id
            )
            port = dict(member.call.args)["port"]
            assert isinstance(port, int)
            if port == came_from:
                return self._drop("REFLECTED")
            arrivals.append(self._hop(switch, port, vtep, vni))
        assert all(arrival == arrivals[0] for arrival in arrivals), "ECMP paths differ"
        return arrivals[0]

    def _hop(self, switch: str, port: int, vtep: str, vni: int) -> list[Arrival]:
        mode = self._call(switch, "vtep_mode", vtep=vtep)
        if mode is not None and mode.action == "decapsulate":
            return self._deliver(switch, port, vni)
        macs = self._find(switch, "link_macs", egress_port=port)
        if macs is None:
            return self._drop("NO_LINK")
        end = self.topology.ports(switch)[port]
        machine = next((m for m in self.topology.machines if m.name == end.node), None)
        if machine is not None:
            assert macs["dst_addr"] == machine.mac
            return [Arrival(machine.name, vni=vni, vtep=vtep)]
        assert end.port is not None
        kind = self._find(end.node, "port_kind", ingress_port=end.port)
        if kind is None or kind.get("mac") != macs["dst_addr"]:
            return self._drop("NOT_OUR_MAC")
        here = self._find(end.node, "local_vtep", vtep=vtep) is not None
        if here and self._find(end.node, "vxlan_port", udp_port=self.udp_port) is None:
            return self._drop("VXLAN_PORT")
        if here and self._find(end.node, "tenant", vni=vni) is None:
            return self._drop("VNI_UNKNOWN")
        return self._tunnel(end.node, vtep, vni, end.port)

    def _deliver(self, switch: str, port: int, vni: int) -> list[Arrival]:
        tag = self._find(switch, "deliver_vlan", egress_port=port, vni=vni)
        if tag is None:
            return self._drop("TENANT_ABSENT")
        return [Arrival(self.topology.ports(switch)[port].node, vlan=tag["vid"])]

    def _drop(self, reason: str) -> list[Arrival]:
        self.drops.append(reason)
        return []

    def _call(self, switch: str, table: str, **match: object) -> Call | None:
        for entity in self.entities[switch]:
            if isinstance(entity, Entry) and entity.table == table and dict(entity.match) == match:
                return entity.call
        return None

    def _find(self, switch: str, table: str, **match: object) -> dict | None:
        call = self._call(switch, table, **match)
        return None if call is None else dict(call.args)
