import itertools

import pytest
from ctl_dataplane import BROADCAST, Fabric

from falcon_ctl.errors import UsageError
from falcon_ctl.intent import routes
from falcon_ctl.intent.learning import Sighting
from falcon_ctl.intent.network import intent
from falcon_ctl.intent.overlay import Station
from falcon_ctl.p4rt.entities import Entry, Group
from falcon_ctl.systems.catalogue import BY_NAME, BYPASS, LIVE, SLIM, SYSTEMS, select, select_live
from falcon_ctl.systems.system import Tunnel
from topo.spec.builders import leafspine, pair

TOPOLOGIES = {
    "pair": pair(),
    "leafspine": leafspine(),
    "leafspine with two machines a leaf": leafspine(machines=2),
}


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
@pytest.mark.parametrize("system", LIVE, ids=lambda s: s.name)
def test_each_container_reaches_each_of_its_tenant(topology, system):
    fabric = Fabric(topology, intent(topology, system))
    tunnelled = set()
    for source, target in itertools.permutations(topology.containers, 2):
        if source.tenant != target.tenant or source.machine == target.machine:
            continue
        tenant = topology.tenant(source.tenant)
        (arrival,) = fabric.send(source.machine, tenant.vlan, target.mac)
        assert arrival.machine == target.machine
        assert tenant.vlan == arrival.vlan or tenant.vni == arrival.vni
        assert fabric.arp(source.machine, tenant.vlan, str(target.ip)) == target.mac
        tunnelled.add(arrival.vni != 0)
    assert tunnelled == {system.tunnel is Tunnel.TO_HOST}


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
@pytest.mark.parametrize("system", LIVE, ids=lambda s: s.name)
def test_a_broadcast_comes_once_to_each_other_machine(topology, system):
    fabric = Fabric(topology, intent(topology, system))
    for machine, tenant in itertools.product(topology.machines, topology.tenants):
        arrivals = fabric.send(machine.name, tenant.vlan, BROADCAST)
        assert sorted(a.machine for a in arrivals) == sorted(
            m.name for m in topology.machines if m != machine
        )
        assert all(a.vlan == tenant.vlan or a.vni == tenant.vni for a in arrivals)


def test_same_address_of_two_tenants_has_two_owners():
    topology = pair()
    fabric = Fabric(topology, intent(topology, BY_NAME["overlay"]))
    red, blue = (fabric.arp("m1", vlan, "10.0.0.21") for vlan in (101, 102))
    assert red is not None
    assert red != blue


def test_another_tenants_mac_is_not_forwarded_but_flooded_within_the_own():
    topology = pair()
    fabric = Fabric(topology, intent(topology, BY_NAME["overlay"]))
    blue = next(c for c in topology.containers if c.name == "blue2-1")
    assert {a.vni for a in fabric.send("m1", 101, blue.mac)} == {5001}


def test_a_frame_back_to_its_own_machine_is_dropped():
    topology = pair()
    for name in ("host", "overlay"):
        fabric = Fabric(topology, intent(topology, BY_NAME[name]))
        own = next(c for c in topology.containers if c.name == "red1-2")
        assert fabric.send("m1", 101, own.mac) == []
        assert fabric.drops == ["REFLECTED"]


def test_leaves_spread_over_all_spines():
    topology = leafspine(leaves=2, spines=2)
    assert routes.compute(topology)["leaf1"]["m2"] == (2, 3)
    groups = [e for e in intent(topology, BY_NAME["overlay"])["leaf1"] if isinstance(e, Group)]
    assert (2, 3) in [g.members for g in groups]


def test_spines_know_no_tenant():
    entities = intent(leafspine(), BY_NAME["overlay"])["spine1"]
    tables = {e.table for e in entities if isinstance(e, Entry)}
    assert tables == {"port_kind", "link_macs", "port_mtu", "underlay_route", "vxlan_port"}


def test_systems_differ_in_few_entries():
    topology = pair()
    overlay, offload, falcon = (
        set(intent(topology, BY_NAME[name])["s1"]) for name in ("overlay", "offload", "falcon")
    )
    assert overlay == falcon
    assert {e.table for e in overlay ^ offload} == {"vtep_mode"}


def test_falcon_systems_add_one_part_each():
    on = [BY_NAME[name].falcon for name in ("falcon-pipelining", "falcon-splitting", "falcon")]
    assert on[0] < on[1] < on[2]
    assert BY_NAME["falcon-splitting"].knobs["falcon"] == {
        "pipelining": True,
        "splitting": True,
        "balancing": False,
        "switch_off": False,
        "order": "handover",
    }


@pytest.mark.parametrize(
    ("name", "port"),
    [("overlay", 4789), ("flannel", 8472), ("calico", 4789), ("weave", 6784), ("offload", 4789)],
)
def test_each_overlay_sends_to_its_vxlan_port_and_takes_no_other(name, port):
    entries = intent(leafspine(), BY_NAME[name])["leaf1"]
    tenants = [e.call for e in entries if isinstance(e, Entry) and e.table == "access_vni"]
    assert {dict(call.args)["vxlan_port"] for call in tenants} == {port}
    enabled = [e.match for e in entries if isinstance(e, Entry) and e.table == "vxlan_port"]
    assert enabled == [(("udp_port", port),)]


def test_select_keeps_the_order_and_refuses_unknown_names():
    assert [s.name for s in select(["overlay", "host", "overlay"])] == ["host", "overlay"]
    with pytest.raises(UsageError, match=r"--systems: fast; expected some of host, overlay"):
        select(["host", "fast"])
    with pytest.raises(UsageError, match="none given"):
        select([])
    with pytest.raises(UsageError, match="--systems: falcon-balancing; expected its new name, fal"):
        select(["falcon-balancing"])


def test_what_cannot_run_live_is_refused_with_the_reason():
    assert [s.name for s in select_live(["weave", "rps", "mflow"])] == ["weave", "rps", "mflow"]
    assert {s.name for s in SYSTEMS} - {s.name for s in LIVE} == {
        "bypass",
        "slim",
        "prism",
        "prism-sync",
    }
    for system in (BYPASS, SLIM, BY_NAME["prism"]):
        with pytest.raises(UsageError) as caught:
            select_live(["host", system.name])
        assert f"--systems: {system.name} cannot run live" in str(caught.value)
        assert f"({system.not_live})" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_digest_from_an_access_port_and_from_a_tunnel():
    topology = leafspine()
    members = [(5001).to_bytes(2, "big"), bytes.fromhex("02deadbeef01"), b"\x01", b"\x00"]
    access = Sighting.of(members)
    assert access.station(topology, "leaf1") == Station(5001, "02:de:ad:be:ef:01", "m1")
    assert dict(access.entry().match) == {
        "vni": 5001,
        "mac": 0x02DEADBEEF01,
        "port": 1,
        "vtep": 0,
    }
    tunnel = Sighting(5001, 1, 0, int(topology.machines[0].vtep))
    assert tunnel.station(topology, "leaf2") == Station(5001, "00:00:00:00:00:01", "m1")
    assert Sighting(5001, 1, 9, 0).station(topology, "leaf1") is None


def test_a_learned_station_is_forwarded_to_but_never_displaces_a_container():
    topology = pair()
    known = next(c for c in topology.containers if c.name == "red2-1")
    learned = [Station(5001, "02:de:ad:be:ef:01", "m2"), Station(5001, known.mac, "m1")]
    fabric = Fabric(topology, intent(topology, BY_NAME["overlay"], learned))
    assert [a.machine for a in fabric.send("m1", 101, "02:de:ad:be:ef:01")] == ["m2"]
    assert [a.machine for a in fabric.send("m1", 101, known.mac)] == ["m2"]


def test_a_switch_knows_only_the_tenants_of_its_machines():
    topology = leafspine()
    some = tuple(c for c in topology.containers if c.name[:5] != "blue2")
    topology = topology.model_copy(update={"containers": some})
    vnis = {
        dict(e.match)["vni"]
        for e in intent(topology, BY_NAME["overlay"])["leaf2"]
        if isinstance(e, Entry) and "vni" in dict(e.match)
    }
    assert vnis == {5001}
    fabric = Fabric(topology, intent(topology, BY_NAME["overlay"]))
    assert fabric.send("m1", 102, BROADCAST) == []  # the other machine has no blue
