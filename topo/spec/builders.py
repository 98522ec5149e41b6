"""The built-in topologies: `pair`, `leafspine` and `fattree`.

All use the same names: machines ``m1`` …, tenants red (VNI 5001, VLAN 101) and blue (5002, 102),
containers ``<tenant><machine>-<n>``. The tenants have the same subnet on purpose.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network

from topo.spec.model import Container, End, Link, Machine, Switch, Tenant, Topology

TENANT_NAMES = ("red", "blue", "green", "amber")
VTEP_NET = IPv4Network("172.16.0.0/16")
SMALL_NET = IPv4Network("10.0.0.0/24")  # while 10 * machine + container fits its last octet
LARGE_NET = IPv4Network("10.0.0.0/16")  # 10.0.<machine>.<container>
MAC_ROLES = {"switch": 0x10, "machine": 0x20, "container": 0x40}


def derived_mac(role: str, number: int, address: int) -> str:
    """A locally administered MAC address (02:…, IEEE 802 section 8.4) derived from the arguments.

    Args:
        role: ``switch``, ``machine`` or ``container``.
        number: 0 to 15; for a container its tenant's position, else 0.
        address: 32 bits: device id, VTEP or container address.
    """
    octets = bytes([0x02, MAC_ROLES[role] + number]) + address.to_bytes(4, "big")
    return octets.hex(":")


def make_tenants(count: int, subnet: IPv4Network) -> tuple[Tenant, ...]:
    """`count` tenants with the same subnet: only the VNI distinguishes their packets."""
    return tuple(
        Tenant(name=name, vni=5001 + i, vlan=101 + i, subnet=subnet)
        for i, name in enumerate(TENANT_NAMES[:count])
    )


def make_machine(number: int) -> Machine:
    """Machine ``m<number>`` (1-based) with a VTEP address derived from the number."""
    vtep = VTEP_NET[number]
    return Machine(name=f"m{number}", vtep=vtep, mac=derived_mac("machine", 0, int(vtep)))


def make_switch(name: str, device_id: int) -> Switch:
    """A switch whose MAC address is derived from its device id."""
    return Switch(name=name, device_id=device_id, mac=derived_mac("switch", 0, device_id))


def make_containers(tenants: tuple[Tenant, ...], machines: int, each: int) -> tuple[Container, ...]:
    """`each` containers of each tenant on each of the machines 1 to `machines`."""
    return tuple(
        Container(
            name=f"{tenant.name}{m}-{n}",
            machine=f"m{m}",
            tenant=tenant.name,
            ip=_container_ip(tenant.subnet, m, n),
            mac=derived_mac("container", t, int(_container_ip(tenant.subnet, m, n))),
        )
        for m in range(1, machines + 1)
        for t, tenant in enumerate(tenants)
        for n in range(1, each + 1)
    )


def _container_ip(subnet: IPv4Network, machine: int, number: int) -> IPv4Address:
    return subnet[10 * machine + number if subnet == SMALL_NET else 256 * machine + number]


def _link(a: tuple[str, int | None], b: tuple[str, int | None]) -> Link:
    return Link(a=End(node=a[0], port=a[1]), b=End(node=b[0], port=b[1]))


def _assemble(
    name: str, switches: Iterable[str], machines: int, each: int, links: Iterable[Link]
) -> Topology:
    small = 10 * machines + each < 255 and each < 10
    tenants = make_tenants(2, SMALL_NET if small else LARGE_NET)
    return Topology(
        name=name,
        tenants=tenants,
        switches=tuple(make_switch(s, i) for i, s in enumerate(switches, start=1)),
        machines=tuple(make_machine(m) for m in range(1, machines + 1)),
        containers=make_containers(tenants, machines, each),
        links=tuple(links),
    )


def pair() -> Topology:
    """One switch and two machines: s1 port 1 = m1, port 2 = m2; per tenant 2 containers on each."""
    links = [_link(("m1", None), ("s1", 1)), _link(("m2", None), ("s1", 2))]
    return _assemble("pair", ["s1"], 2, 2, links)


def leafspine(leaves: int = 2, spines: int = 2, machines: int = 1) -> Topology:
    """A link from every leaf to every spine, `machines` on each leaf.

    A leaf has its machines on ports 1 … `machines` and spine s on port `machines` + s; a spine has
    leaf l on port l. (A two-stage folded Clos network, as in RFC 7938 section 3.2.)
    """
    links = [
        _link((f"m{(leaf - 1) * machines + m}", None), (f"leaf{leaf}", m))
        for leaf in range(1, leaves + 1)
        for m in range(1, machines + 1)
    ]
    links += [
        _link((f"leaf{leaf}", machines + spine), (f"spine{spine}", leaf))
        for leaf in range(1, leaves + 1)
        for spine in range(1, spines + 1)
    ]
    names = [f"leaf{n}" for n in range(1, leaves + 1)] + [f"spine{n}" for n in range(1, spines + 1)]
    return _assemble("leafspine", names, leaves * machines, 2, links)


def fattree(k: int = 4) -> Topology:
    """The k-ary fat tree of Al-Fares, Loukissas, Vahdat (SIGCOMM'08): k pods, k³/4 machines.

    Edge switch ``e<pod>-<i>`` has machines on ports 1 … k/2 and aggregation switches above them;
    aggregation switch ``a<pod>-<j>`` has edges below and cores ``c<j>-<n>`` above; a core has pod p
    on port p. `k` is even and at least 2.
    """
    half = range(1, k // 2 + 1)
    pods = range(1, k + 1)
    edges = [(p, i) for p in pods for i in half]
    links = [
        _link((f"m{index * len(half) + m}", None), (f"e{p}-{i}", m))
        for index, (p, i) in enumerate(edges)
        for m in half
    ]
    links += [_link((f"e{p}-{i}", len(half) + j), (f"a{p}-{j}", i)) for p, i in edges for j in half]
    links += [
        _link((f"a{p}-{j}", len(half) + n), (f"c{j}-{n}", p))
        for p in pods
        for j in half
        for n in half
    ]
    switches = [f"e{p}-{i}" for p, i in edges] + [f"a{p}-{j}" for p, j in edges]
    switches += [f"c{j}-{n}" for j in half for n in half]
    return _assemble("fattree", switches, k * len(half) ** 2, 1, links)


BUILDERS: dict[str, Callable[[], Topology]] = {
    "pair": pair,
    "leafspine": leafspine,
    "fattree": fattree,
}
