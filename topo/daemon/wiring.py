"""The links of a topology as pairs of ports: names, addresses, MTUs. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface

from topo.spec.model import End, Topology

PORT_OF_SWITCH, PORT_OF_MACHINE = 0xFC, 0xFE


@dataclass(frozen=True)
class Port:
    """One end of a link; `address` is None where rxpath or the switch is the network stack."""

    node: str
    ifname: str
    mac: str
    mtu: int
    address: IPv4Interface | None = None


@dataclass(frozen=True)
class Wire:
    """A link between two ports; `numbers` are the switch ports that they are, None for others."""

    ends: tuple[Port, Port]
    numbers: tuple[int | None, int | None] = (None, None)


def wires(topology: Topology) -> Iterator[Wire]:
    """Every link: between switches and machines in the order of the spec, then containers'."""
    for link in topology.links:
        ends = (_port(topology, link.a), _port(topology, link.b))
        yield Wire(ends, (link.a.port, link.b.port))
    for number, container in enumerate(topology.containers):
        prefix = topology.tenant(container.tenant).subnet.prefixlen
        address = IPv4Interface((container.ip, prefix))
        # No frame carries the address of the machine's end, as with a bridge port.
        mac = _port_mac(PORT_OF_MACHINE, 0, number)
        outer = Port(container.machine, container.ifname, mac, topology.mtu)
        inner = Port(container.name, "eth0", container.mac, topology.mtu, address)
        yield Wire((outer, inner))


def _port(topology: Topology, end: End) -> Port:
    """The interface at one end of a link between switches and machines."""
    mtu = topology.underlay_mtu
    if end.port is None:
        machine = next(m for m in topology.machines if m.name == end.node)
        return Port(end.node, machine.uplink, machine.mac, mtu)
    device_id = next(s.device_id for s in topology.switches if s.name == end.node)
    mac = _port_mac(PORT_OF_SWITCH, device_id & 0xFFFF, end.port)
    return Port(end.node, f"{end.node}-eth{end.port}", mac, mtu)


def _port_mac(role: int, owner: int, number: int) -> str:
    """MAC address of a link end that has none in the spec; none that `spec.builders` derives."""
    return (bytes([0x02, role]) + owner.to_bytes(2, "big") + number.to_bytes(2, "big")).hex(":")
