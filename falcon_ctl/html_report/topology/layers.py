"""Places the nodes of a topology in layers: containers below, machines, switches by distance. Pure.

The layers of a switch are its distance from the machines, so a leaf-spine or a fat tree comes out
as it is drawn in books. Within a layer nodes stand at the mean place of their neighbours below
(the barycentre heuristic of Sugiyama, Tagawa and Toda, 1981), which leaves few crossings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from topo.spec.model import Topology

if TYPE_CHECKING:
    import networkx as nx

_CHARACTER = 7.2  # width of one, px
_SLOT, _GAP, _MARGIN = 64.0, 14.0, 16.0
_WIDE, _PHONE = 150.0, 290.0  # few machines share a phone's width
_LAYER, _NODE, _PILL, _PILL_GAP = 92.0, 30.0, 22.0, 4.0
_TENANT_STYLES = ("solid", "dashed", "dotted", "double")


class Node(NamedTuple):
    """A box: its middle, width and height, px; `detail`: what else is known of it."""

    name: str
    kind: str  # switch, machine, container
    x: float
    y: float
    width: float
    height: float
    detail: str
    style: str = "solid"  # of a container's border, by tenant


class Edge(NamedTuple):
    """A link: an SVG path, what it joins, and the ports' numbers with their places."""

    path: str
    detail: str
    ports: Sequence[tuple[float, float, str]]


class Drawing(NamedTuple):
    """All of it; `says`: in words. `tenants`: (name, VNI and subnet, border style)."""

    width: float
    height: float
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    tenants: Sequence[tuple[str, str, str]]
    says: str


def draw(topology: Topology) -> Drawing:
    """A drawing of any topology whose switches are all connected."""
    graph = topology.graph()
    layers = ordered(graph, layers_of(graph))
    slot = _slot(topology)
    width = 2 * _MARGIN + max(slot * len(layer) for layer in layers)
    top = _MARGIN + _NODE / 2
    rows = {
        n: top + (len(layers) - 1 - i) * _LAYER for i, layer in enumerate(layers) for n in layer
    }
    columns = {
        name: width / 2 + (place - (len(layer) - 1) / 2) * _spread(width, layer, slot)
        for layer in layers
        for place, name in enumerate(layer)
    }
    places = {name: (columns[name], rows[name]) for name in rows}
    styles = {t.name: s for t, s in zip(topology.tenants, _cycle(topology), strict=True)}
    nodes = [*_boxes(topology, places, slot), *_pills(topology, places, slot, styles)]
    most = max((len(topology.containers_of(m.name)) for m in topology.machines), default=0)
    below = _NODE / 2 + _PILL_GAP + most * (_PILL + _PILL_GAP)
    height = top + (len(layers) - 1) * _LAYER + below + _MARGIN
    return Drawing(
        round(width, 1),
        round(height, 1),
        nodes,
        _edges(topology, places),
        [(t.name, f"VNI {t.vni}, {t.subnet}", styles[t.name]) for t in topology.tenants],
        _words(topology, layers),
    )


def layers_of(graph: nx.Graph[str]) -> list[list[str]]:
    """Machines first, then switches by their distance from the nearest machine."""
    kinds = {name: graph.nodes[name]["kind"] for name in graph}
    machines = [name for name, kind in kinds.items() if kind == "machine"]
    switches = {name for name, kind in kinds.items() if kind == "switch"}
    layers, seen = [machines], set(machines)
    while True:
        found = [
            name
            for name in graph
            if name in switches - seen and any(n in seen for n in graph[name])
        ]
        if not found:
            return [layer for layer in layers if layer]
        layers.append(found)
        seen |= set(found)


def ordered(graph: nx.Graph[str], layers: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each layer by the mean place of its neighbours in the one below; ties keep their order."""
    done: list[list[str]] = [list(layers[0])]
    for layer in layers[1:]:
        below = done[-1]
        places = {name: place / max(1, len(below) - 1) for place, name in enumerate(below)}
        done.append(sorted(layer, key=lambda name: _mean(graph, name, places)))
    return done


def _mean(graph: nx.Graph[str], name: str, places: Mapping[str, float]) -> float:
    found = [places[other] for other in graph[name] if other in places]
    return round(sum(found) / len(found), 6) if found else 0.5


def _slot(topology: Topology) -> float:
    """The width of a machine with its containers' names."""
    names = [*(c.name for c in topology.containers), *(s.name for s in topology.switches)]
    names += [machine.name for machine in topology.machines]
    least = max(_SLOT, _CHARACTER * max(map(len, names)) + 18)
    return max(least, min(_WIDE, _PHONE / len(topology.machines))) + _GAP


def _spread(width: float, layer: Sequence[str], slot: float) -> float:
    """From node to node of a layer: as far apart as the width allows, but not without end."""
    return min((width - 2 * _MARGIN) / len(layer), 3.2 * slot)


def _cycle(topology: Topology) -> list[str]:
    return [_TENANT_STYLES[i % len(_TENANT_STYLES)] for i in range(len(topology.tenants))]


def _boxes(
    topology: Topology, places: Mapping[str, tuple[float, float]], slot: float
) -> list[Node]:
    width = slot - _GAP
    switches = [
        Node(s.name, "switch", *_at(places, s.name), width, _NODE, f"P4 switch, MAC {s.mac}")
        for s in topology.switches
    ]
    machines = [
        Node(m.name, "machine", *_at(places, m.name), width, _NODE, f"machine, VTEP {m.vtep}")
        for m in topology.machines
    ]
    return switches + machines


def _pills(
    topology: Topology,
    places: Mapping[str, tuple[float, float]],
    slot: float,
    styles: Mapping[str, str],
) -> list[Node]:
    found = []
    for machine in topology.machines:
        x, y = _at(places, machine.name)
        for place, one in enumerate(topology.containers_of(machine.name)):
            down = _NODE / 2 + _PILL_GAP + place * (_PILL + _PILL_GAP) + _PILL / 2
            detail = f"container, {one.ip}, tenant {one.tenant}"
            box = (slot - _GAP, _PILL, detail, styles[one.tenant])
            found.append(Node(one.name, "container", x, round(y + down, 1), *box))
    return found


def _edges(topology: Topology, places: Mapping[str, tuple[float, float]]) -> list[Edge]:
    few = len(topology.links) <= 24
    found = []
    for link in topology.links:
        (ax, ay), (bx, by) = _at(places, link.a.node), _at(places, link.b.node)
        if ay == by:  # within a layer: around what stands between
            bend = f"Q{(ax + bx) / 2:.1f} {ay - _LAYER * 0.6:.1f}"
            path = f"M{ax:.1f} {ay:.1f} {bend} {bx:.1f} {by:.1f}"
        else:
            path = f"M{ax:.1f} {ay:.1f} L{bx:.1f} {by:.1f}"
        ports = [
            (*_towards((x, y), other), str(end.port))
            for end, (x, y), other in (
                (link.a, (ax, ay), (bx, by)),
                (link.b, (bx, by), (ax, ay)),
            )
            if end.port is not None and few and ay != by
        ]
        found.append(Edge(path, f"{link.a} to {link.b}", ports))
    return found


def _towards(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """A little way along a line, beside it."""
    (x, y), share = start, 0.32
    return round(x + (end[0] - x) * share + 8, 1), round(y + (end[1] - y) * share + 4, 1)


def _at(places: Mapping[str, tuple[float, float]], name: str) -> tuple[float, float]:
    x, y = places[name]
    return round(x, 1), round(y, 1)


def _words(topology: Topology, layers: Sequence[Sequence[str]]) -> str:
    counts = (
        (len(topology.switches), "switch", "switches"),
        (len(topology.machines), "machine", "machines"),
        (len(topology.containers), "container", "containers"),
        (len(topology.links), "link", "links"),
    )
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in counts]
    upwards = "; ".join(", ".join(layer) for layer in reversed(layers))
    return f"{topology.name}: {', '.join(parts)}. From top to bottom: {upwards}."
