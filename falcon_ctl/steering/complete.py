"""What a shell offers for words of the command line: systems, policies, containers and others.

Each takes what is typed already. Whatever is wrong, nothing is offered: a shell shows no errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from falcon_ctl.steering.choice import POLICIES
from falcon_ctl.systems.catalogue import LIVE
from rxpath.config.knobs import ORDERS
from topo.client.network import Network
from topo.errors import TopoError
from topo.spec.model import Topology


def systems(incomplete: str) -> list[tuple[str, str]]:
    """Systems that can run live, with their titles."""
    return [(one.name, one.title) for one in LIVE if one.name.startswith(incomplete)]


def policies(incomplete: str) -> list[str]:
    """Built-in policies."""
    return _starting(POLICIES, incomplete)


def orders(incomplete: str) -> list[str]:
    """Rules that keep flows in order."""
    return _starting(ORDERS, incomplete)


def containers(incomplete: str) -> list[str]:
    """Containers of the network that is up."""
    return _of_network(incomplete, lambda spec: (one.name for one in spec.containers))


def switches(incomplete: str) -> list[str]:
    """Switches of the network that is up."""
    return _of_network(incomplete, lambda spec: (one.name for one in spec.switches))


def _of_network(incomplete: str, names: Callable[[Topology], Iterable[str]]) -> list[str]:
    try:
        with Network.connect() as network:
            return _starting(names(network.spec), incomplete)
    except (TopoError, OSError):
        return []


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
