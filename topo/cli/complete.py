"""Shell completion of names on topo's command line. On any error nothing is offered."""

from collections.abc import Iterable

from topo.errors import TopoError

TARGETS = ("auto", "bmv2", "v1switch")


def topologies(incomplete: str) -> list[str]:
    """The built-in topologies."""
    from topo.spec.builders import BUILDERS

    return starting(BUILDERS, incomplete)


def targets(incomplete: str) -> list[str]:
    """The switch targets."""
    return starting(TARGETS, incomplete)


def nodes(incomplete: str) -> list[str]:
    """Switches, machines and containers of the network that is up."""
    from topo.client.network import Network

    try:
        with Network.connect() as network:
            return starting(network.spec.node_names, incomplete)
    except (TopoError, OSError):
        return []


def starting(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that begin with what is typed."""
    return [name for name in names if name.startswith(incomplete)]
