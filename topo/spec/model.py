"""Topology of an emulated network: tenants, switches, machines, containers and links.

A `Topology` is immutable. `topo.spec.rules` checks its consistency: unique names, addresses and
ports, links between existing nodes, everything connected. The command line, the daemon and its
clients exchange it as JSON; users write it as YAML (`topo.spec.yaml_file`).
"""

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:  # importing networkx takes longer than describing a network
    import networkx as nx

CPU_PORT = 510  # of every switch, set with --cpu-port
DROP_PORT = 511  # v1model's default drop port (9-bit ports, all ones)
VXLAN_OVERHEAD = 50  # outer IPv4 20 + UDP 8 + VXLAN 8 + inner Ethernet 14, RFC 7348 section 5
IFNAME_LEN = 15  # IFNAMSIZ - 1, include/uapi/linux/if.h

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9-]*$"
MAC_PATTERN = r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"


def _unicast(mac: str) -> str:
    if int(mac[:2], 16) & 1:
        raise ValueError(f"expected a unicast MAC address, got the group address {mac}")
    if mac == "00:00:00:00:00:00":
        raise ValueError("expected a MAC address that is not all zero")
    return mac


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=IFNAME_LEN)]
Mac = Annotated[str, Field(pattern=MAC_PATTERN), AfterValidator(_unicast)]
Mtu = Annotated[int, Field(ge=576, le=9216)]
PortNumber = Annotated[int, Field(ge=1, lt=CPU_PORT)]


class Model(BaseModel):
    """Base of every part of a topology: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Named(Model):
    """A part of a topology that other parts refer to by name."""

    name: Name = Field(description="At most 15 letters, digits and hyphens, a letter first.")


class Tenant(Named):
    """One overlay network: its VXLAN network identifier, and its VLAN at access ports."""

    vni: Annotated[int, Field(ge=1, lt=1 << 24, description="VXLAN network identifier.")]
    vlan: Annotated[int, Field(ge=1, le=4094, description="VLAN at access ports.")]
    subnet: IPv4Network = Field(description="Addresses of its containers; tenants may overlap.")


class Switch(Named):
    """A P4 switch; `mac` is its address as an underlay router."""

    mac: Mac = Field(description="Its address as an underlay router; derived from device_id.")
    device_id: Annotated[int, Field(ge=1, lt=1 << 63, description="P4Runtime's; else counted.")]


class Machine(Named):
    """A receiving host: the address of its VTEP and the MAC address of its uplink."""

    vtep: IPv4Address = Field(description="Its VXLAN tunnel end point; else 172.16.0.1 and on.")
    mac: Mac = Field(description="Of the uplink; derived from vtep.")

    @property
    def uplink(self) -> str:
        """Name of the interface towards the switch."""
        return f"{self.name}-up"


class Container(Named):
    """A container of one tenant on one machine."""

    machine: Name = Field(description="Where it runs.")
    tenant: Name = Field(description="Whose it is.")
    ip: IPv4Address = Field(description="Of eth0, in the tenant's subnet.")
    mac: Mac = Field(description="Of eth0; derived from tenant and ip.")

    @property
    def ifname(self) -> str:
        """Name of the machine's end of the veth pair (the container's end is ``eth0``)."""
        return f"{self.machine}-{self.name}"


class End(Model):
    """One end of a link; `port` is None for machines, which have a single uplink."""

    node: Name
    port: PortNumber | None = None

    def __str__(self) -> str:
        return self.node if self.port is None else f"{self.node}:{self.port}"


class Link(Model):
    """A link between two switches, or between a switch and a machine."""

    a: End
    b: End

    @property
    def ends(self) -> tuple[End, End]:
        """Both ends, in the order of the spec."""
        return self.a, self.b


class Topology(Model):
    """A whole network.

    `mtu` is the MTU of containers and `underlay_mtu` that of uplinks and links between switches, in
    bytes without the Ethernet header. `ipv6` leaves the kernel's IPv6 enabled in every node, and
    `writable` are directories of the computer that containers may write.
    """

    name: Name = Field(description="For tables and results.")
    mtu: Mtu = Field(default=1500, description="MTU of containers, bytes.")
    underlay_mtu: Mtu = Field(
        default=1600, description="MTU of uplinks and links of switches, bytes."
    )
    ipv6: bool = Field(default=False, description="Leave the kernel's IPv6 on in every node.")
    writable: tuple[str, ...] = Field(
        default=(), description="Directories that containers may write."
    )
    tenants: tuple[Tenant, ...]
    switches: tuple[Switch, ...]
    machines: tuple[Machine, ...]
    containers: tuple[Container, ...]
    links: tuple[Link, ...]

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of switches, machines and containers: of all that has a network namespace."""
        nodes: tuple[Named, ...] = (*self.switches, *self.machines, *self.containers)
        return tuple(node.name for node in nodes)

    def containers_of(self, machine: str) -> tuple[Container, ...]:
        """The containers of a machine, in the order of the spec."""
        return tuple(c for c in self.containers if c.machine == machine)

    def tenant(self, name: str) -> Tenant:
        """The tenant called `name`; KeyError when there is none."""
        return {t.name: t for t in self.tenants}[name]

    def ports(self, switch: str) -> dict[int, End]:
        """The linked ports of a switch, in ascending order: {port number: far end}."""
        pairs = [(x, y) for link in self.links for x, y in (link.ends, link.ends[::-1])]
        found = {x.port: y for x, y in pairs if x.node == switch and x.port is not None}
        return dict(sorted(found.items()))

    def interfaces(self, switch: str) -> dict[int, str]:
        """The interfaces of a switch: {port number: interface name}."""
        return {number: f"{switch}-eth{number}" for number in self.ports(switch)}

    def uplink_of(self, machine: str) -> End:
        """The switch port that the uplink of a machine is linked to."""
        pairs = [(x, y) for link in self.links for x, y in (link.ends, link.ends[::-1])]
        return next(y for x, y in pairs if x.node == machine)

    def graph(self) -> "nx.Graph[str]":
        """The network as a graph.

        Nodes are names with the attributes ``kind`` (``switch``, ``machine``, ``container``) and
        ``spec``. Edges have ``ports``, {node: port number} of those ends that are switches; it is
        empty between a container and its machine.
        """
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph(name=self.name)
        kinds: dict[str, tuple[Named, ...]]
        kinds = {"switch": self.switches, "machine": self.machines, "container": self.containers}
        for kind, nodes in kinds.items():
            graph.add_nodes_from((node.name, {"kind": kind, "spec": node}) for node in nodes)
        for link in self.links:
            ports = {end.node: end.port for end in link.ends if end.port is not None}
            graph.add_edge(link.a.node, link.b.node, ports=ports)
        graph.add_edges_from((c.machine, c.name, {"ports": {}}) for c in self.containers)
        return graph
