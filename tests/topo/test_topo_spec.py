"""Topologies: builders, rules, JSON and YAML."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from topo.errors import SpecError
from topo.spec.builders import fattree, leafspine, pair
from topo.spec.model import End, Link, Topology
from topo.spec.rules import check, problems
from topo.spec.sources import load
from topo.spec.yaml_file import from_yaml, to_yaml


def leafspines() -> st.SearchStrategy[Topology]:
    return st.builds(leafspine, st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))


def topologies() -> st.SearchStrategy[Topology]:
    return st.one_of(st.just(pair()), leafspines(), st.sampled_from([2, 4, 6]).map(fattree))


def test_pair_matches_the_documentation() -> None:
    topology = pair()
    assert [str(end) for link in topology.links for end in link.ends] == [
        "m1",
        "s1:1",
        "m2",
        "s1:2",
    ]
    assert {t.name: (t.vni, t.vlan) for t in topology.tenants} == {
        "red": (5001, 101),
        "blue": (5002, 102),
    }
    assert {t.subnet for t in topology.tenants} == {IPv4Network("10.0.0.0/24")}
    assert {c.name: str(c.ip) for c in topology.containers_of("m2")} == {
        "red2-1": "10.0.0.21",
        "red2-2": "10.0.0.22",
        "blue2-1": "10.0.0.21",
        "blue2-2": "10.0.0.22",
    }
    assert [str(m.vtep) for m in topology.machines] == ["172.16.0.1", "172.16.0.2"]
    assert topology.uplink_of("m2") == End(node="s1", port=2)
    assert topology.ports("s1") == {1: End(node="m1"), 2: End(node="m2")}


@given(topologies())
@settings(max_examples=examples(30), deadline=None)
def test_builders_make_consistent_topologies(topology: Topology) -> None:
    assert list(problems(topology)) == []


@given(topologies())
@settings(max_examples=examples(20), deadline=None)
def test_json_and_yaml_read_back_as_the_same(topology: Topology) -> None:
    assert Topology.model_validate_json(topology.model_dump_json()) == topology
    assert from_yaml(to_yaml(topology)) == topology


@pytest.mark.parametrize("k", [2, 4, 6])
def test_fattree_has_the_structure_of_the_paper(k: int) -> None:
    graph = fattree(k).graph()
    kinds = [kind for _, kind in graph.nodes(data="kind")]
    assert kinds.count("machine") == k**3 // 4
    assert kinds.count("switch") == 5 * k**2 // 4
    switches = {n for n, kind in graph.nodes(data="kind") if kind == "switch"}
    assert {len(fattree(k).ports(name)) for name in switches} == {k}
    # Full bisection: as many disjoint paths between pods as an edge switch has uplinks.
    fabric = graph.subgraph(switches)
    assert nx.node_connectivity(fabric, "e1-1", f"e{k}-1") == k // 2


def test_graph_has_kinds_ports_and_specs() -> None:
    graph = leafspine(2, 2).graph()
    assert graph.nodes["leaf1"]["kind"] == "switch"
    assert graph.nodes["m1"]["spec"].vtep == IPv4Address("172.16.0.1")
    assert graph.edges["leaf1", "spine2"]["ports"] == {"leaf1": 3, "spine2": 1}
    assert graph.edges["m2", "leaf2"]["ports"] == {"leaf2": 1}
    assert graph.edges["m1", "red1-1"]["ports"] == {}
    assert nx.has_path(graph, "red1-1", "blue2-2")


@given(st.data())
@settings(max_examples=examples(50), deadline=None)
def test_connectivity_agrees_with_networkx(data: st.DataObject) -> None:
    whole = leafspine(3, 3, 1)
    fabric = [link for link in whole.links if link.a.node.startswith("leaf")]
    kept = data.draw(st.lists(st.sampled_from(fabric), unique=True))
    links = tuple(link for link in whole.links if link not in fabric or link in kept)
    topology = whole.model_copy(update={"links": links})
    is_wrong = any("disconnected" in problem.expected for problem in problems(topology))
    assert is_wrong == (not nx.is_connected(topology.graph()))


def changed(section: str, index: int, **values: Any) -> Callable[[Topology], Topology]:
    def change(topology: Topology) -> Topology:
        entries = list(getattr(topology, section))
        entries[index] = entries[index].model_copy(update=values)
        return topology.model_copy(update={section: tuple(entries)})

    return change


def more_links(*links: tuple[str, int | None, str, int | None]) -> Callable[[Topology], Topology]:
    extra = tuple(Link(a=End(node=a, port=i), b=End(node=b, port=j)) for a, i, b, j in links)
    return lambda t: t.model_copy(update={"links": t.links + extra})


WRONG = [
    (changed("machines", 1, vtep=IPv4Address("172.16.0.1")), "machines.m2.vtep", "duplicate vtep"),
    (changed("containers", 1, ip=IPv4Address("10.0.0.11")), "containers.red1-2.ip", "duplicate"),
    (changed("containers", 1, name="red1-1"), "containers.red1-1", "duplicate name"),
    (changed("containers", 1, name="leaf1"), "containers.leaf1", "duplicate name"),
    (changed("containers", 1, mac="02:20:ac:10:00:01"), "containers.red1-2.mac", "duplicate mac"),
    (changed("tenants", 1, vni=5001), "tenants.blue.vni", "duplicate vni"),
    (changed("tenants", 1, vlan=101), "tenants.blue.vlan", "duplicate vlan"),
    (changed("switches", 1, device_id=1), "switches.leaf2.device_id", "duplicate device_id"),
    (changed("switches", 0, name="topo"), "switches.topo", "reserved"),
    (changed("containers", 0, tenant="green"), "containers.red1-1.tenant", "no tenant green"),
    (changed("containers", 0, machine="m9"), "containers.red1-1.machine", "no machine m9"),
    (
        changed("containers", 0, ip=IPv4Address("10.0.1.1")),
        "containers.red1-1.ip",
        "of 10.0.0.0/24, the subnet of tenant red",
    ),
    (
        changed("containers", 0, ip=IPv4Address("10.0.0.255")),
        "containers.red1-1.ip",
        "expected a host address",
    ),
    (changed("containers", 0, name="a-rather-long1"), "containers.a-rather-long1", "15"),
    (changed("links", 0, b=End(node="leaf9", port=1)), "links[0].b", "link to an unknown node"),
    (changed("links", 0, b=End(node="leaf2", port=3)), "links[5].a", "used twice"),
    (changed("links", 0, b=End(node="leaf1")), "links[0].b", "expected a port"),
    (changed("links", 0, a=End(node="m1", port=1)), "links[0].a", "expected no port"),
    (changed("links", 0, a=End(node="leaf1", port=9)), "links[0]", "both ends are leaf1"),
    (changed("links", 0, b=End(node="m2")), "links[0]", "both are machines"),
    (changed("machines", 0, vtep=IPv4Address("224.0.0.1")), "machines.m1.vtep", "host address"),
    (more_links(("m1", None, "leaf2", 9)), "machines.m1", "expected one uplink"),
    (more_links(("spine1", 8, "leaf1", 9)), "links[6]", "second link"),
    (lambda t: t.model_copy(update={"links": t.links[:-2]}), "switches.leaf2", "disconnected"),
    (lambda t: t.model_copy(update={"links": t.links[1:]}), "machines.m1", "one uplink"),
    (lambda t: t.model_copy(update={"underlay_mtu": 1550}), "underlay_mtu", "at least 1554"),
    (lambda t: t.model_copy(update={"machines": (), "containers": ()}), "machines", "one"),
]


@pytest.mark.parametrize(("change", "path", "expected"), WRONG, ids=[w[1] for w in WRONG])
def test_each_inconsistency_is_reported_with_its_path(
    change: Callable[[Topology], Topology], path: str, expected: str
) -> None:
    base = leafspine()
    assert list(problems(base)) == []
    with pytest.raises(SpecError) as caught:
        check(change(base), "here")
    assert caught.value.path == path
    assert expected in caught.value.expected
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "machines"),
    [("pair", 2), ("leafspine:leaves=3,machines=2", 6), ("fattree:k=2", 2)],
)
def test_sources_take_parameters(source: str, machines: int) -> None:
    assert len(load(source).machines) == machines


@pytest.mark.parametrize(
    "source",
    ["ring", "pair:k=2", "fattree:k=3", "leafspine:leaves=x", "leafspine:leaves=0", "no.yaml", ""],
)
def test_wrong_sources_are_usage_errors(source: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(source)
    assert caught.value.exit_code == 2
