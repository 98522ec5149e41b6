"""The rules that make a topology consistent.

Each rule yields a `Problem` with the path of the offending value in the model;
`topo.spec.yaml_file` translates the path to a line of the file.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple

from topo.errors import SpecError
from topo.spec.model import CPU_PORT, IFNAME_LEN, VXLAN_OVERHEAD, Topology

VLAN_TAG = 4  # bytes that an inner tag adds to VXLAN_OVERHEAD
RESERVED = ("topo", "records")  # a switch's files in the run directory must not clash with


class Problem(NamedTuple):
    """An inconsistency: its path (attribute names and indexes) and what was expected there."""

    path: tuple[str | int, ...]
    expected: str

    def key_path(self, topology: Topology) -> str:
        """The path as in a YAML file: ``containers.red1-1.ip``, ``links[2]``."""
        section, *rest = self.path
        if not rest or not isinstance(rest[0], int):
            return ".".join(str(key) for key in self.path)
        index, *keys = rest
        if section == "links":
            return ".".join([f"links[{index}]", *map(str, keys)])
        entry = getattr(topology, str(section))[index]
        return ".".join([str(section), entry.name, *map(str, keys)])


Rule = Callable[[Topology], Iterator[Problem]]
NAMED = ("tenants", "switches", "machines", "containers")


def problems(topology: Topology) -> Iterator[Problem]:
    """Yield all problems that the first violated rule finds; later rules build on earlier ones."""
    for rule in RULES:
        found = list(rule(topology))
        yield from found
        if found:
            return


def check(topology: Topology, source: str | None = None) -> Topology:
    """Return `topology`; raise SpecError, naming `source`, at the first inconsistency."""
    for problem in problems(topology):
        path = problem.key_path(topology)
        raise SpecError(source or topology.name, None, path, problem.expected)
    return topology


def _repeats(values: Iterable[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield (index, index of the first occurrence) of each repeated value."""
    first: dict[Hashable, int] = {}
    for index, value in enumerate(values):
        if first.setdefault(value, index) != index:
            yield index, first[value]


def _not_empty(topology: Topology) -> Iterator[Problem]:
    for section in ("switches", "machines"):
        if not getattr(topology, section):
            yield Problem((section,), "expected at least one")


def _names_are_unique(topology: Topology) -> Iterator[Problem]:
    for index, _ in _repeats(t.name for t in topology.tenants):
        yield Problem(("tenants", index), "duplicate name: expected one tenant of each name")
    places = [(s, i) for s in NAMED[1:] for i in range(len(getattr(topology, s)))]
    for index, first in _repeats(getattr(topology, s)[i].name for s, i in places):
        section, at = places[index]
        other = places[first][0]
        yield Problem(
            (section, at),
            f"duplicate name: {getattr(topology, section)[at].name} is one of the {other} already, "
            "expected one node of each name",
        )


def _names_fit(topology: Topology) -> Iterator[Problem]:
    for index, switch in enumerate(topology.switches):
        if switch.name in RESERVED or switch.name.startswith("rx-"):
            yield Problem(
                ("switches", index), "reserved: expected a name that is not topo, records or rx-…"
            )
    for index, machine in enumerate(topology.machines):
        if len(machine.uplink) > IFNAME_LEN:
            yield Problem(("machines", index), _too_long(machine.uplink))
    for index, container in enumerate(topology.containers):
        if len(container.ifname) > IFNAME_LEN:
            yield Problem(("containers", index), _too_long(container.ifname))
        if container.name == "up":
            yield Problem(("containers", index), "expected a name other than up (the uplink's)")
    for index, link in enumerate(topology.links):
        for key, end in zip("ab", link.ends, strict=True):
            name = f"{end.node}-eth{end.port}"
            if end.port is not None and len(name) > IFNAME_LEN:
                yield Problem(("links", index, key), _too_long(name))


def _too_long(name: str) -> str:
    return (
        f"expected shorter names: the interface {name} would have {len(name)} characters, "
        f"Linux allows {IFNAME_LEN}"
    )


def _references_exist(topology: Topology) -> Iterator[Problem]:
    machines = {m.name for m in topology.machines}
    tenants = {t.name for t in topology.tenants}
    for index, container in enumerate(topology.containers):
        for key, known in (("machine", machines), ("tenant", tenants)):
            value = getattr(container, key)
            if value not in known:
                yield Problem(
                    ("containers", index, key),
                    f"there is no {key} {value}, expected one of: {', '.join(sorted(known))}",
                )


def _links_join_nodes(topology: Topology) -> Iterator[Problem]:
    switches = {s.name for s in topology.switches}
    machines = {m.name for m in topology.machines}
    for index, link in enumerate(topology.links):
        for key, end in zip("ab", link.ends, strict=True):
            path = ("links", index, key)
            if end.node not in switches | machines:
                yield Problem(
                    path,
                    f"link to an unknown node: expected a switch or machine, {end.node} is neither",
                )
            elif end.node in machines and end.port is not None:
                yield Problem(path, f"{end.node} is a machine: expected no port number")
            elif end.node in switches and end.port is None:
                yield Problem(
                    path, f"{end.node} is a switch: expected a port from 1 to {CPU_PORT - 1}"
                )
        if link.a.node == link.b.node:
            yield Problem(("links", index), f"expected two nodes, both ends are {link.a.node}")
        elif machines >= {link.a.node, link.b.node}:
            yield Problem(("links", index), "expected a switch at one end, both are machines")


def _links_are_single(topology: Topology) -> Iterator[Problem]:
    for index, _ in _repeats(frozenset((n.a.node, n.b.node)) for n in topology.links):
        link = topology.links[index]
        yield Problem(
            ("links", index), f"second link between {link.a.node} and {link.b.node}: expected one"
        )
    ends = [(i, k, e) for i, n in enumerate(topology.links) for k, e in zip("ab", n.ends)]  # noqa: B905  # two of each
    for at, first in _repeats((end.node, end.port) for *_, end in ends):
        index, key, end = ends[at]
        if end.port is not None:
            yield Problem(
                ("links", index, key),
                f"port {end} is used twice: expected a free port (links[{ends[first][0]}] has it)",
            )
    uplinks = Counter(end.node for *_, end in ends)
    for index, machine in enumerate(topology.machines):
        if uplinks[machine.name] != 1:
            yield Problem(
                ("machines", index), f"expected one uplink to a switch, got {uplinks[machine.name]}"
            )


def _identifiers_are_unique(topology: Topology) -> Iterator[Problem]:
    unique = (
        ("tenants", "vni"),
        ("tenants", "vlan"),
        ("switches", "device_id"),
        ("machines", "vtep"),
    )
    for section, key in unique:
        entries = getattr(topology, section)
        for index, first in _repeats(getattr(entry, key) for entry in entries):
            value, other = getattr(entries[index], key), entries[first].name
            yield Problem((section, index, key), _duplicate(key, value, other))
    owners = [(s, i, node) for s in NAMED[1:] for i, node in enumerate(getattr(topology, s))]
    for index, first in _repeats(node.mac for *_, node in owners):
        section, at, node = owners[index]
        yield Problem((section, at, "mac"), _duplicate("mac", node.mac, owners[first][2].name))


def _duplicate(key: str, value: object, other: str) -> str:
    return f"duplicate {key}: {value} is already that of {other}, expected another"


def _addresses_fit(topology: Topology) -> Iterator[Problem]:
    subnets = {t.name: t.subnet for t in topology.tenants}
    for index, container in enumerate(topology.containers):
        subnet = subnets[container.tenant]
        edges = (subnet.network_address, subnet.broadcast_address) if subnet.prefixlen < 31 else ()
        if container.ip not in subnet or container.ip in edges:
            yield Problem(
                ("containers", index, "ip"),
                f"expected a host address of {subnet}, the subnet of tenant {container.tenant}, "
                f"got {container.ip}",
            )
    for index, first in _repeats((c.tenant, c.ip) for c in topology.containers):
        container, other = topology.containers[index], topology.containers[first].name
        yield Problem(("containers", index, "ip"), _duplicate("address", container.ip, other))


def _vteps_are_hosts(topology: Topology) -> Iterator[Problem]:
    for index, machine in enumerate(topology.machines):
        address = machine.vtep
        if address.is_multicast or address.is_unspecified or address.is_loopback:
            yield Problem(("machines", index, "vtep"), f"expected a host address, got {address}")


def _mtus_fit(topology: Topology) -> Iterator[Problem]:
    least = topology.mtu + VXLAN_OVERHEAD + VLAN_TAG
    if topology.underlay_mtu < least:
        yield Problem(
            ("underlay_mtu",),
            f"expected at least {least} (mtu {topology.mtu}, VXLAN {VXLAN_OVERHEAD}, "
            f"VLAN tag {VLAN_TAG}), got {topology.underlay_mtu}",
        )


def _all_is_connected(topology: Topology) -> Iterator[Problem]:
    reached = _reachable(topology)
    for section in ("switches", "machines"):
        for index, node in enumerate(getattr(topology, section)):
            if node.name not in reached:
                yield Problem(
                    (section, index),
                    f"disconnected: expected a path of links from {topology.switches[0].name} "
                    f"to {node.name}",
                )


def _reachable(topology: Topology) -> set[str]:
    """The nodes that the first switch has a path to (without the slow import of networkx)."""
    neighbours: dict[str, set[str]] = {}
    for link in topology.links:
        neighbours.setdefault(link.a.node, set()).add(link.b.node)
        neighbours.setdefault(link.b.node, set()).add(link.a.node)
    reached, edge = set[str](), {topology.switches[0].name}
    while edge:
        reached |= edge
        edge = set[str]().union(*(neighbours.get(node, set()) for node in edge)) - reached
    return reached


RULES: tuple[Rule, ...] = (
    _not_empty,
    _names_are_unique,
    _names_fit,
    _references_exist,
    _links_join_nodes,
    _links_are_single,
    _addresses_fit,  # before MAC addresses, which may be derived from addresses
    _identifiers_are_unique,
    _vteps_are_hosts,
    _mtus_fit,
    _all_is_connected,
)
