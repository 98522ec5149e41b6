"""GRO as it is right: the rule of the lab, and the skbs that `rxpath.model.gro` makes.

The rule is that of net/core/dev.c and net/ipv4/tcp_offload.c of Linux 5.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.checking import beside
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.results import run

segments = beside(__file__, "segments")

MS = 1_000_000  # ns
FLAG_BITS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, ".": 0x10, "U": 0x20}


def merged(poll: segments.Poll) -> list[segments.Skbs]:
    """GRO's skbs of a poll: those that receive() gives, those of flush()."""
    held: dict[str, segments.Poll] = {}
    done: list[segments.Poll] = []
    for one in poll:
        closing, skb = bool(set("PFSRU") & set(one.flags)), held.get(one.flow)
        if skb is not None and joins(skb, one):
            skb.append(one)
            if closing or one.payload < skb[0].payload:
                done.append(held.pop(one.flow))
            continue
        if skb is not None:
            done.append(held.pop(one.flow))
        if closing or one.payload == 0:
            done.append([one])
        else:
            held[one.flow] = [one]
    return [[[one.number for one in skb] for skb in skbs] for skbs in (done, held.values())]


def joins(skb: segments.Poll, one: segments.Segment) -> bool:
    """Whether a segment of the same flow may be appended to an skb."""
    first, behind = skb[0], sum(each.payload for each in skb)
    return (
        0 < one.payload <= first.payload
        and one.seq == (first.seq + behind) % 2**32
        and set(one.flags) ^ set(first.flags) <= set("PF")
        and first.length + behind - first.payload + one.payload < segments.MAX_SIZE
    )


def of_model(polls: list[segments.Poll]) -> list[set[frozenset[int]]]:
    """The skbs of each poll as the model's GRO makes them: frames that enter the VXLAN device at once."""
    every = [one for poll in polls for one in poll]
    flows = {flow: i for i, flow in enumerate(sorted({one.flow for one in every}))}
    model = Model(Knobs.parse({"queues": 1}), slots=4096, sockets=1, flows=len(flows), records=True)
    trace = virtual.make_trace(
        np.repeat(np.arange(len(polls)) * MS, [len(poll) for poll in polls]),
        rss_hash=[flows[one.flow] for one in every],
        flow=[flows[one.flow] for one in every],
        chain=model.chain("tunnel"),
        protocol=6,
        wire_len=[one.length for one in every],
        payload=[one.payload for one in every],
        seq=[one.seq for one in every],
        tcp_flags=[sum(FLAG_BITS[flag] for flag in one.flags) for one in every],
    )
    done = run(model, trace)
    return grouped(done, polls, flows)


def grouped(
    done: Any, polls: list[segments.Poll], flows: dict[str, int]
) -> list[set[frozenset[int]]]:
    """Frames of a flow leave the model in order of arrival; those of one skb share a start."""
    waiting = {
        i: [one for poll in polls for one in poll if flows[one.flow] == i] for i in flows.values()
    }
    order = np.lexsort((np.arange(len(done.flow)), done.time))
    starts: dict[tuple[int, int], list[int]] = {}
    for flow in waiting:
        rows = [int(i) for i in order if done.flow[i] == flow]
        rows.sort(key=lambda i: int(done.stages.start[i, 0]))
        for row, one in zip(rows, waiting[flow], strict=True):
            starts.setdefault((flow, int(done.stages.start[row, 1])), []).append(one.number)
    found: list[set[frozenset[int]]] = [set() for _ in polls]
    poll_of = {one.number: i for i, poll in enumerate(polls) for one in poll}
    for numbers in starts.values():
        found[poll_of[numbers[0]]].add(frozenset(numbers))
    return found


def is_in_order(poll: segments.Poll, skbs: segments.Skbs) -> bool:
    """Whether no segment goes up before one of its flow that came earlier."""
    flow_of = {one.number: one.flow for one in poll}
    came = {one.number: place for place, one in enumerate(poll)}
    up = [number for skb in skbs for number in skb if number in came]
    for flow in set(flow_of.values()):
        places = [came[number] for number in up if flow_of[number] == flow]
        if places != sorted(places):
            return False
    return True
