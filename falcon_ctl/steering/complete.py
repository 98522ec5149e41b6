"""Shell completion of names: systems, policies, containers and others.

Each takes what is typed already. Whatever is wrong, nothing is offered: a shell shows no errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from falcon_ctl.systems.catalogue import LIVE, SYSTEMS
from topo.errors import TopoError

if TYPE_CHECKING:
    from topo.spec.model import Topology

# The systems have them all. rxpath's own tables, which a test compares, need Numba: half a second.
_POLICIES = dict.fromkeys(one.policy for one in SYSTEMS)
_ORDERS = dict.fromkeys(one.order for one in SYSTEMS)


def systems(incomplete: str) -> list[tuple[str, str]]:
    """Systems that can run live, with their titles."""
    return [(one.name, one.title) for one in LIVE if one.name.startswith(incomplete)]


def policies(incomplete: str) -> list[str]:
    """Built-in policies."""
    return _starting(_POLICIES, incomplete)


def orders(incomplete: str) -> list[str]:
    """Rules that keep flows in order."""
    return _starting(_ORDERS, incomplete)


def containers(incomplete: str) -> list[str]:
    """Containers of the network that is up."""
    return _of_network(incomplete, lambda spec: (one.name for one in spec.containers))


def switches(incomplete: str) -> list[str]:
    """Switches of the network that is up."""
    return _of_network(incomplete, lambda spec: (one.name for one in spec.switches))


def _of_network(incomplete: str, names: Callable[[Topology], Iterable[str]]) -> list[str]:
    from topo.client.network import Network

    try:
        with Network.connect() as network:
            return _starting(names(network.spec), incomplete)
    except (TopoError, OSError):
        return []


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
