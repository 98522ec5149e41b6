"""Routes around what is down, on the entries alone, and the way from one set of them to another."""

import itertools
import random

import networkx as nx
import pytest
from ctl_dataplane import BROADCAST, Fabric

from falcon_ctl.intent import routes
from falcon_ctl.intent.network import intent
from falcon_ctl.intent.routes import NO_OUTAGE, Outage
from falcon_ctl.p4rt.entities import Entry, Group, Member, Multicast
from falcon_ctl.p4rt.readback import plain
from falcon_ctl.p4rt.switch import difference
from falcon_ctl.systems.catalogue import BY_NAME, OVERLAY
from topo.spec.builders import fattree, leafspine, pair

TOPOLOGIES = {
    "pair": pair(),
    "leafspine": leafspine(leaves=2, spines=2, machines=2),
    "fattree": fattree(),
}
DELETE = 3  # p4.v1.Update.DELETE


def outages(topology, seed=1, more=12):
    """Each single failure, and some of several at once."""
    names = [switch.name for switch in topology.switches]
    for name in names:
        yield Outage(switches=frozenset([name]))
    for link in topology.links:
        yield Outage(links=frozenset([link]))
    rng = random.Random(seed)
    for _ in range(more):
        down = frozenset(rng.sample(names, rng.randrange(2)))
        yield Outage(down, frozenset(rng.sample(topology.links, min(3, len(topology.links)))))


def connected(topology, outage):
    """Machine → machines that a path of living links and switches leads to."""
    graph = nx.Graph()
    graph.add_nodes_from(machine.name for machine in topology.machines)
    for link in topology.links:
        if outage.spares(link):
            graph.add_edge(link.a.node, link.b.node)
    return {m.name: nx.node_connected_component(graph, m.name) for m in topology.machines}


class Watched(Fabric):
    """A fabric that sends nothing into what is down."""

    def __init__(self, topology, entities, outage):
        super().__init__(topology, entities)
        self.outage = outage

    def _hop(self, switch, port, vtep, vni):
        link = next(
            link
            for link in self.topology.links
            if any((end.node, end.port) == (switch, port) for end in link.ends)
        )
        assert self.outage.spares(link), f"{switch} sends into {link}"
        return super()._hop(switch, port, vtep, vni)


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
@pytest.mark.parametrize("system", ["overlay", "offload"])
def test_whoever_is_connected_reaches_the_other_and_nothing_goes_where_it_is_down(topology, system):
    cases = list(outages(topology))
    for outage in random.Random(2).sample(cases, min(len(cases), 12)):
        fabric = Watched(topology, intent(topology, BY_NAME[system], (), outage), outage)
        reach = connected(topology, outage)
        pairs = [p for p in itertools.permutations(topology.containers, 2) if distinct(*p)]
        for source, target in random.Random(3).sample(pairs, min(len(pairs), 8)):
            if not alive(topology, outage, source.machine):
                continue
            vlan = topology.tenant(source.tenant).vlan
            arrived = [a.machine for a in fabric.send(source.machine, vlan, target.mac)]
            joined = target.machine in reach[source.machine]
            assert arrived == [target.machine] * joined, (str(outage), source, target)


def distinct(source, target):
    return source.tenant == target.tenant and source.machine != target.machine


def alive(topology, outage, machine):
    link = next(link for link in topology.links if machine in {e.node for e in link.ends})
    return outage.spares(link)


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_a_broadcast_comes_once_to_each_machine_that_is_connected(topology):
    cases = list(outages(topology))
    for outage in random.Random(4).sample(cases, min(len(cases), 10)):
        fabric = Watched(topology, intent(topology, OVERLAY, (), outage), outage)
        reach = connected(topology, outage)
        machine = topology.machines[0].name
        if alive(topology, outage, machine):
            arrived = [a.machine for a in fabric.send(machine, topology.tenants[0].vlan, BROADCAST)]
            others = {m.name for m in topology.machines} - {machine}
            assert sorted(arrived) == sorted(reach[machine] & others), str(outage)


def test_without_an_outage_every_shortest_path_counts():
    assert routes.compute(leafspine())["leaf1"]["m2"] == (2, 3)
    assert {len(ports) for ports in routes.compute(fattree())["a1-1"].values()} == {1, 2}


def test_a_switch_that_lost_all_links_has_no_routes_but_its_own():
    topology = leafspine()
    uplinks = frozenset(link for link in topology.links if "leaf1" in str(link) and link.a.port)
    found = routes.compute(topology, Outage(links=uplinks))
    assert (found["leaf1"]["m1"], found["leaf1"]["m2"]) == ((1,), ())


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_no_step_on_the_way_refers_to_what_is_not_there(topology):
    states = [NO_OUTAGE, *random.Random(5).sample(list(outages(topology)), 3), NO_OUTAGE]
    wanted = [intent(topology, OVERLAY, (), outage) for outage in states]
    for name in (switch.name for switch in topology.switches):
        held = {}
        for entities in (each[name] for each in wanted):
            new = {e.key: e for e in map(plain, entities)}
            for batch in difference(dict(held), new):
                for kind, entity in batch:
                    if kind == DELETE:
                        del held[entity.key]
                    else:
                        held[entity.key] = entity
                    consistent(held.values())
            assert held == new


def consistent(entities):
    """Members exist for groups, groups for routes, multicast groups for floods."""
    entities = list(entities)
    members = {e.id for e in entities if isinstance(e, Member)}
    groups = {e.id: e.members for e in entities if isinstance(e, Group)}
    floods = {e.id for e in entities if isinstance(e, Multicast)}
    assert all(set(chosen) <= members for chosen in groups.values())
    entries = [e for e in entities if isinstance(e, Entry)]
    assert {e.group for e in entries if e.group} <= groups.keys()
    assert all(groups.values()), "BMv2 ends when a frame meets an empty group"
    assert {dict(e.call.args)["group"] for e in entries if e.table == "vni_flood"} <= floods


@pytest.mark.parametrize("topology", list(TOPOLOGIES.values())[1:], ids=list(TOPOLOGIES)[1:])
def test_while_something_returns_whoever_was_connected_stays_so(topology):
    rng = random.Random(6)
    for before in rng.sample(list(outages(topology)), 5):
        present = intent(topology, OVERLAY, (), before)
        present |= {name: [] for name in before.switches}  # it starts without entries
        reach = connected(topology, before)
        pairs = [
            (source, target)
            for source, target in itertools.permutations(topology.containers, 2)
            if distinct(source, target) and target.machine in reach[source.machine]
        ]
        for around, names in routes.plan(topology, before, NO_OUTAGE):
            new = intent(topology, OVERLAY, (), around)
            for half in (rng.sample(names, len(names) // 2), names):
                present |= {name: new[name] for name in half}
                fabric = Fabric(topology, present)
                for source, target in rng.sample(pairs, min(len(pairs), 4)):
                    vlan = topology.tenant(source.tenant).vlan
                    (arrival,) = fabric.send(source.machine, vlan, target.mac)
                    assert arrival.machine == target.machine


def test_failures_come_at_once_and_what_returned_piece_by_piece_from_there_outwards():
    topology = leafspine()
    link = next(link for link in topology.links if "spine1" in str(link))
    every = ["leaf1", "leaf2", "spine1", "spine2"]
    down, dead = Outage(links=frozenset([link])), Outage(switches=frozenset(["spine2"]))
    both = Outage(dead.switches, down.links)
    assert routes.plan(topology, NO_OUTAGE, both) == [(both, every)]
    assert routes.plan(topology, NO_OUTAGE, NO_OUTAGE) == [(NO_OUTAGE, every)]
    assert routes.plan(topology, both, NO_OUTAGE) == [
        (down, ["spine2"]),
        (down, ["leaf1", "leaf2"]),
        (down, ["spine1"]),
        (NO_OUTAGE, ["leaf1", "spine1"]),
        (NO_OUTAGE, ["leaf2", "spine2"]),
    ]
    assert routes.plan(topology, dead, down)[0] == (both, every)


def test_an_outage_reads_like_its_parts():
    topology = leafspine()
    link = next(link for link in topology.links if "spine1" in str(link))
    assert str(Outage(frozenset(["spine2"]), frozenset([link]))) == (
        "switch spine2, leaf1:2 - spine1:1"
    )
    assert str(NO_OUTAGE) == ""
