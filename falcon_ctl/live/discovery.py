"""The first frames, captured at every point: they show on which CPUs each flow's stages run."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from falcon_ctl.capture import headers
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.capture.points import stage_points
from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks import hashes
from falcon_ctl.live import tcp, udp
from falcon_ctl.live.counting import CONTAINER_INTERFACE
from falcon_ctl.live.plan import DILATION, Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import PIPELINING
from falcon_ctl.traffic.choice import Candidate
from falcon_ctl.traffic.flows import Flow

_STEERED = ("gro_cell", "backlog")


@dataclass(frozen=True)
class Discovery:
    """The run's outcome, flows to choose from, frames on the target's uplink, and all captures."""

    outcome: udp.Outcome
    candidates: list[Candidate]
    underlay: list[bytes]
    captures: dict[tuple[str, str], list[Packet]]


def discover(testbed: Testbed, plan: Plan) -> Discovery:
    """Send the candidates' frames through FALCON's pipelining with a tap at every point."""
    load = plan.discovery()
    source, target = load.flows[0].source.name, load.flows[0].target.name
    uplinks = {m.name: m.uplink for m in testbed.topology.machines}
    with ExitStack() as stack:
        taps = [
            stack.enter_context(testbed.tap(node, interface, outgoing))
            for node, interface, outgoing in (
                (source, CONTAINER_INTERFACE, True),
                (plan.source, uplinks[plan.source], True),
                (plan.target, uplinks[plan.target], False),
                (target, CONTAINER_INTERFACE, False),
            )
        ]
        outcome = udp.run(testbed, PIPELINING, load)
    sent, access, underlay, received = (tap.packets for tap in taps)
    captures = {
        (f"wire-1-{source}", f"{source} sends"): sent,
        (f"wire-2-{plan.source}-uplink", f"tagged, from {plan.source} to the switch"): access,
        (f"wire-3-{plan.target}-uplink", f"VXLAN, from the switch to {plan.target}"): underlay,
        (f"wire-4-{target}", f"{target} receives"): received,
    }
    points = stage_points(outcome.trace, PIPELINING.vxlan_port)
    captures |= {(f"rx-{name}", text): packets for (name, text), packets in points.items()}
    # The run sends IPv4, in the tunnel or not. Others send there, too: a switch answers containers'
    # ARP requests itself, and the kernel at the link's far end may ask for IPv6 routers.
    frames = [packet.data for packet in underlay if headers.is_ipv4(packet.data)]
    return Discovery(outcome, _candidates(outcome.trace, list(load.flows)), frames, captures)


def discover_tcp(testbed: Testbed, plan: Plan) -> list[Candidate]:
    """Flows to choose a TCP connection from."""
    flows = plan.tcp_candidates()
    return _candidates(tcp.placed(testbed, PIPELINING, flows, DILATION), flows)


def _candidates(trace: Trace, flows: list[Flow]) -> list[Candidate]:
    by_port = {_inner_port(p): p for p in udp.passages_of(trace, flows) if not p.drop_reason}
    cpus: list[int] = trace.meta["knobs"]["falcon"]["cpus"]
    return [
        _candidate(flow, by_port[flow.source_port], cpus)
        for flow in flows
        if flow.source_port in by_port
    ]


def _candidate(flow: Flow, passage: Passage, cpus: list[int]) -> Candidate:
    first = {(s.kind, s.ifindex): s.cpu for s in passage.stages}
    second = {
        (s.kind, s.ifindex): hashes.falcon_cpus(passage.rss_hash, s.ifindex, cpus)[1]
        for s in passage.stages
        if s.kind in _STEERED
    }
    return Candidate(flow, first, second)


def _inner_port(passage: Passage) -> int | None:
    flow = headers.ends(passage.frame)
    return flow and flow.source_port
