"""A recorded frame is followed back through the switches that it passed, by v1switch."""

from __future__ import annotations

import itertools

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from falcon_ctl.capture.trace import Trace
from falcon_ctl.errors import PartFailed
from falcon_ctl.intent.network import intent
from falcon_ctl.live import explainer, run_timeline
from falcon_ctl.live.explainer import Entries, Explainer
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.program import P4INFO
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.timeline import switch_path
from falcon_ctl.timeline.switch_path import as_sent
from tests.falcon_ctl.ctl_traces import KNOBS, Frames
from topo.spec.builders import leafspine, pair

SNAPLEN = 256


class Network:
    """A topology with the entries that the controller wants for a system, and two containers."""

    def __init__(self, topology, system="overlay"):
        self.topology = topology
        schema = Schema.load(P4INFO)
        wanted = intent(topology, BY_NAME[system])
        messages = {
            name: [entity.message(schema) for entity in entities]
            for name, entities in wanted.items()
        }
        self.entries = Entries.of_messages(messages)
        tenant = topology.containers[0].tenant
        ours = [c for c in topology.containers if c.tenant == tenant]
        self.source = ours[0]
        self.target = next(c for c in ours if c.machine != self.source.machine)
        found = topology.tenant(tenant)
        self.vni, self.vlan = found.vni, found.vlan
        self.containers = [{"name": self.target.name, "vlan": self.vlan}]

    def inner(self, size=300):
        packet = Ether(src=self.source.mac, dst=self.target.mac)
        packet /= IP(src=str(self.source.ip), dst=str(self.target.ip), id=0, flags="DF")
        return packet / UDP(sport=40000, dport=9000) / bytes(size)

    def passage(self, frame, number=1):
        whole = bytes(frame)
        made = Frames().passage(number, start=100_000)
        return made._replace(frame=whole[:SNAPLEN], wire_len=len(whole))

    def follow(self, passages, explain):
        target = self.target.machine
        return switch_path.follow(passages, self.containers, target, self.topology, explain)


def tunnelled(network, port):
    outer = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    outer /= IP(src="172.16.0.1", dst="172.16.0.2", flags="DF", id=0)
    outer /= UDP(sport=port, dport=4789, chksum=0) / VXLAN(vni=network.vni, flags=8)
    return outer / network.inner()


def test_a_tunnelled_frame_is_what_its_sender_tagged():
    network = Network(pair())
    found = as_sent(network.passage(tunnelled(network, 50000)), network.containers)
    packet = Ether(found)
    assert packet[Dot1Q].vlan == network.vlan
    assert (packet.src, packet.dst) == (network.source.mac, network.target.mac)
    assert len(found) == len(bytes(network.inner())) + 4
    assert bytes(packet[IP])[:200] == bytes(network.inner()[IP])[:200]
    unknown = network.passage(tunnelled(network, 50000))._replace(container=-1)
    assert as_sent(unknown, network.containers) is None


def once(explain):
    """Each question is asked once: v1switch takes a second for it."""
    known = {}

    def asked(switch, port, frames):
        key = switch, port, tuple(frames)
        if key not in known:
            known[key] = explain(switch, port, frames)
        return known[key]

    return asked


def test_a_frame_is_followed_from_leaf_to_leaf_and_known_again(monkeypatch):
    network = Network(leafspine())
    explain = once(Explainer(network.entries))
    monkeypatch.setattr(run_timeline, "Explainer", lambda _: explain)
    wrong = network.passage(tunnelled(network, 50000))
    (path,) = network.follow([wrong], explain).values()
    assert [hop.switch[0] for hop in path.hops] == ["l", "s", "l"]
    assert not path.exact  # its source port is not that of the flow
    right = bytes.fromhex(path.hops[-1].explanation["out"][0]["data"])
    assert Ether(right)[VXLAN].vni == network.vni
    made = run_timeline.timeline(
        "test", [run_of(network, [network.passage(right)])], network.topology
    )
    frames = [one for one in made.slices if one.kind == "frame"]
    assert [made.tracks[one.track].name for one in frames] == [
        f"switch {hop.switch}" for hop in path.hops
    ]
    details = {dict(one.detail)["what leaves the last switch"] for one in frames}
    assert details == {"byte for byte what the NIC received"}
    (packet,) = made.journeys().values()
    way = [made.slices[index] for index in packet]
    kinds = [one.kind for one in way]
    assert kinds[0] == "parser"
    assert kinds.count("deparser") == 3
    assert kinds[-5:] == ["arrival", "napi", "gro_cell", "backlog", "socket"]
    assert way[-5].start == way[-6].end
    l2 = next(one for one in way if one.name == "l2_forward: hit")
    assert "to_vtep" in dict(l2.detail)["action"]
    assert dict(l2.detail)["source"].startswith("include/ingress_bridge.p4:")
    # Within a switch nothing overlaps but what is nested.
    for track in {one.track for one in frames}:
        leaves = [one for one in way if one.track == track]
        assert all(one.end <= after.start for one, after in itertools.pairwise(leaves))


def run_of(network, passages):
    knobs = {**KNOBS, "profile": "docker"}
    meta = {"machine": network.target.machine, "dilation": 1000, "knobs": knobs}
    trace = Trace(passages, {**meta, "containers": network.containers})
    return LiveRun("a run", trace, network.entries)


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo a line >&2; echo v1switch: no member 1 >&2; exit 2", "no member 1"), ("exit 3", "3")],
)
def test_what_v1switch_refuses_is_one_line(script, said):
    with pytest.raises(PartFailed, match="v1switch explain") as raised:
        explainer.answer("s1", ["/bin/sh", "-c", script])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
