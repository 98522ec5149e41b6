"""Routes of the underlay: every shortest path counts (ECMP, RFC 2992)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from topo.spec.model import Topology

# switch → machine → ports on a shortest path to it, ascending
Routes = dict[str, dict[str, tuple[int, ...]]]


def compute(topology: Topology) -> Routes:
    """Next-hop ports of every switch towards every machine.

    Only switches carry transit traffic: machines and containers are leaves of the graph, so no
    shortest path between others leads through them.
    """
    graph = topology.graph()
    routes: dict[str, dict[str, tuple[int, ...]]] = {s.name: {} for s in topology.switches}
    for machine in topology.machines:
        distance = nx.single_source_shortest_path_length(graph, machine.name)
        for switch in routes:
            nearer = (n for n in graph[switch] if distance[n] == distance[switch] - 1)
            ports = sorted(graph.edges[switch, n]["ports"][switch] for n in nearer)
            routes[switch][machine.name] = tuple(ports)
    return routes
