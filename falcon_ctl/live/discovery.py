"""Finds out where flows' stages run: one frame of each candidate through the recording host."""

from __future__ import annotations

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage
from falcon_ctl.checks import hashes
from falcon_ctl.intent.systems import BY_NAME
from falcon_ctl.live import udp
from falcon_ctl.live.lab import Lab
from falcon_ctl.traffic.choice import Candidate
from falcon_ctl.traffic.flows import Flow
from falcon_ctl.traffic.load import Load
from falcon_ctl.traffic.schedule import constant

_STEERED = ("gro_cell", "backlog")
_RATE = 500.0  # frames/s: nothing waits, nothing is loaded


def candidates(lab: Lab, flows: list[Flow], dilation: int) -> list[Candidate]:
    """Send one frame of each of `flows` through FALCON's pipelining, and see where it went."""
    offsets = constant(_RATE, len(flows) / _RATE)
    schedules = [offsets[index : index + 1] for index in range(len(flows))]
    load = Load("discovery", flows, schedules, dilation)
    outcome = udp.run(lab, BY_NAME["falcon-pipelining"], load)
    by_port = {_inner_port(p): p for p in udp.passages_of(outcome.trace, flows) if not p.place}
    cpus: list[int] = outcome.trace.meta["knobs"]["falcon"]["cpus"]
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
    flow = headers.read(passage.frame).inner
    return flow and flow.source_port
