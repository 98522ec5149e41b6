"""Routes of the underlay: every shortest path counts (ECMP, RFC 2992), without what is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from topo.spec.model import End, Link, Topology

# switch → machine → ports on a shortest path to it, ascending; none when it cannot be reached
Routes = dict[str, dict[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Outage:
    """What no frame can pass: switches that do not forward, and links of which an end is down."""

    switches: frozenset[str] = frozenset()
    links: frozenset[Link] = frozenset()

    def spares(self, link: Link) -> bool:
        """Frames pass the link."""
        return link not in self.links and not {end.node for end in link.ends} & self.switches

    def __str__(self) -> str:
        links = sorted(f"{link.a} - {link.b}" for link in self.links)
        return ", ".join([*(f"switch {name}" for name in sorted(self.switches)), *links])


NO_OUTAGE = Outage()


def compute(topology: Topology, outage: Outage = NO_OUTAGE) -> Routes:
    """Next-hop ports of every switch towards every machine.

    Only switches carry transit traffic: machines are leaves of the graph, so no shortest path
    between others leads through them.
    """
    alive = [link for link in topology.links if outage.spares(link)]
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(
        (*(s.name for s in topology.switches), *(m.name for m in topology.machines))
    )
    graph.add_edges_from((link.a.node, link.b.node) for link in alive)
    ports = list(_ports(alive))
    routes: Routes = {switch.name: {} for switch in topology.switches}
    for machine in topology.machines:
        distance = nx.single_source_shortest_path_length(graph, machine.name)
        found: dict[str, list[int]] = {name: [] for name in routes}
        for here, port, there in ports:
            if there in distance and distance[here] == distance[there] + 1:
                found[here].append(port)
        for name, numbers in found.items():
            routes[name][machine.name] = tuple(sorted(numbers))
    return routes


def plan(topology: Topology, before: Outage, after: Outage) -> list[tuple[Outage, list[str]]]:
    """From routes around `before` to routes around `after`: which switches take which, in order.

    All that is newly down is left out at once. Then what returned comes back piece by piece, first
    at the piece itself, then its neighbours, and so on: whoever sends towards it finds that the
    next switch does so already, hence no loops meanwhile (RFC 6976, section 4).
    """
    names = [switch.name for switch in topology.switches]
    outage = Outage(before.switches | after.switches, before.links | after.links)
    steps = [(outage, names)] if outage != before or before == after else []
    for name in sorted(before.switches - after.switches):
        outage = Outage(outage.switches - {name}, outage.links)
        steps += [(outage, group) for group in _outwards(topology, {name})]
    for link in sorted(before.links - after.links, key=str):
        outage = Outage(outage.switches, outage.links - {link})
        ends = {end.node for end in link.ends} & set(names)
        steps += [(outage, group) for group in _outwards(topology, ends)]
    return steps


def _outwards(topology: Topology, start: set[str]) -> list[list[str]]:
    """The switches, grouped by their distance from the nearest of `start`."""
    names = [switch.name for switch in topology.switches]
    graph = topology.graph().subgraph(names)
    distance = nx.multi_source_dijkstra_path_length(graph, start)
    found: dict[float, list[str]] = {}
    for name in names:
        found.setdefault(distance.get(name, len(names)), []).append(name)
    return [found[far] for far in sorted(found)]


def _ports(links: list[Link]) -> Iterator[tuple[str, int, str]]:
    """Each switch's end of a link: the switch, its port, and the node at the far end."""
    for link in links:
        yield from _port(link.a, link.b)
        yield from _port(link.b, link.a)


def _port(here: End, there: End) -> Iterator[tuple[str, int, str]]:
    if here.port is not None:
        yield here.node, here.port, there.node
