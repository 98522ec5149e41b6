"""The names by which a container knows others: its /etc/hosts, hosts(5)."""

from topo.spec.model import Container, Topology

LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def hosts_file(topology: Topology, container: Container) -> str:
    """The containers of the same tenant, itself included; other tenants' addresses may be equal."""
    known = [one for one in topology.containers if one.tenant == container.tenant]
    return LOCAL + "".join(f"{one.ip}\t{one.name}\n" for one in known)
