"""Runs the student's Gro on polls, and the student's policy in plain Python and in the model."""

import runpy
from dataclasses import replace

import numpy as np

MS = 1_000_000  # ns
WARM_MS, MEASURED_MS = 5, 10
CPUS = 40


def polls(polls):
    """For each poll: the skbs of receive(), and those of flush(), as lists of numbers."""
    from gro import Gro
    from segments import Segment

    gro, found = Gro(), []
    for poll in polls:
        returned = []
        for fields in poll:
            done = gro.receive(Segment(*fields))
            if not _are_skbs(done):
                return {"wrong": "receive() must return a list of skbs", "seen": repr(done)[:200]}
            returned += done
        flushed = gro.flush()
        if not _are_skbs(flushed):
            return {"wrong": "flush() must return a list of skbs", "seen": repr(flushed)[:200]}
        found.append(
            [[[one.number for one in skb] for skb in skbs] for skbs in (returned, flushed)]
        )
    return {"polls": found}


def _are_skbs(skbs):
    return isinstance(skbs, (list, tuple)) and all(
        isinstance(skb, (list, tuple)) and skb and all(hasattr(one, "number") for one in skb)
        for skb in skbs
    )


def joined(cases):
    """What joins() says of each (skb, segment)."""
    from gro import joins
    from segments import Segment

    return [bool(joins([Segment(*one) for one in skb], Segment(*fields))) for skb, fields in cases]


def chosen(packets, split_cpus):
    """The core that choose() returns for each packet, in plain Python."""
    from rxpath.model.policy import Host, Packet, PolicyKnobs
    from rxpath.model.state.codes import MEMORY

    choose = runpy.run_path("split.py")["choose"]
    cpus, loads = np.array(split_cpus, np.int64), np.zeros(CPUS, np.int64)
    knobs = PolicyKnobs(1, 1, 0, 0, 1, 80, 0, 64)
    host = Host(knobs, loads, cpus.copy(), cpus, cpus.copy(), np.zeros(MEMORY, np.int64))
    answers = [choose(Packet(**fields), host) for fields in packets]
    answers = [one[0] if isinstance(one, tuple) and one else one for one in answers]
    return [int(one) if isinstance(one, (int, np.integer)) else repr(one) for one in answers]


def connections(knobs, hashes):
    """Run TCP connections with these hashes through the overlay with the student's policy."""
    from falcon_ctl.systems.catalogue import BY_NAME
    from falcon_ctl.virtual.loads import Closed
    from falcon_ctl.virtual.measure import connected
    from rxpath.policies import custom
    from rxpath.results import counters

    policy = custom.load("split.py:choose")
    system = replace(BY_NAME["overlay"], custom=policy)
    load = Closed(len(hashes), MEASURED_MS, WARM_MS, 256, hashes=hashes, knobs=knobs)

    def run(used):
        model, closed_loop = connected(replace(system, custom=used), load, 1)
        closed_loop.run((WARM_MS + MEASURED_MS) * MS)
        found = counters(model)
        skbs = found.delivered - found.merged
        spent = [sum(cpu) for cpu in found.busy]
        return {
            "kpps": found.delivered / (WARM_MS + MEASURED_MS),
            "merged": found.delivered / max(1, skbs),
            "reordered": found.reordered,
            "retransmits": closed_loop.retransmits,
            "busy": [cpu for cpu, ns in enumerate(spent) if ns > 10_000],
        }

    return policy.run(run)
