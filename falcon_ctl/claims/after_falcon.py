"""Checks of what came after FALCON: RPS masks, flow caches, bpf_redirect_peer, PRISM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from falcon_ctl.claims import trial
from falcon_ctl.claims.claims import CROSS, IS, TICK, Claim, Finding, times
from falcon_ctl.claims.trial import HASH, Rounds, counted, listed
from falcon_ctl.systems.catalogue import (
    ECON,
    ONCACHE,
    OVERLAY,
    PRISM,
    PRISM_SYNC,
    REDIRECT_PEER,
    RPS_MASKS,
)
from falcon_ctl.systems.system import System

_NOISE = 0.05
_FLOOD = Rounds(gap=trial.SATURATING, count=4000)
_ONE_BY_ONE = Rounds(gap=200_000, count=100)  # a frame is done before the next one comes


# -- RPS, a mask for each device ---------------------------------------------------------------


def a_core_for_each_mask(system: System) -> Finding:
    """One flow's stages are spread over the devices' masks, in order, and faster for it."""
    run = trial.run(system)
    stages, order = run.softirqs(0), run.order(0)
    steered = stages.where((stages.kind == "rps") | (stages.kind == "backlog"))
    devices = sorted({int(one) for one in steered.ifindex})
    places = {one: trial.cpus(steered.where(steered.ifindex == one)) for one in devices}
    used = {cpu for cpus in places.values() for cpu in cpus}
    gain = trial.rate(system) / trial.rate(OVERLAY)
    where = ", ".join(f"ifindex {one} on {listed(cpus)}" for one, cpus in places.items())
    return Finding(
        f"behind GRO {where}; {order.reordered} of {order.received} reordered; {times(gain)} the "
        "container's rate",
        [len(cpus) for cpus in places.values()] == [1] * 3 == [1] * len(used)
        and order.reordered == 0
        and gain > 1 + _NOISE,
    )


def gro_cell_cannot_be_moved(system: System) -> Finding:
    """The gro_cell's poll runs where the skb came out of the NIC's backlog."""
    stages = trial.run(system).softirqs(0)
    cell, nic = (trial.cpus(stages.where(stages.kind == kind)) for kind in ("gro_cell", "rps"))
    others = trial.cpus(stages.where(stages.kind == "backlog"))
    return Finding(
        f"the gro_cell on {listed(cell)}, the NIC's backlog on {listed(nic)}, later ones on "
        f"{listed(others)}",
        cell == nic and len(nic) == 1 and cell[0] not in others,
    )


def first_stage_is_whole(system: System) -> Finding:
    """TCP's first stage, up to GRO, has one core; masks move only what comes behind."""
    stages = trial.run(system, Rounds(proto="tcp")).softirqs(0)
    split = int(np.count_nonzero(stages.kind == "split"))
    moved = int(np.count_nonzero(stages.kind == "rps"))
    return Finding(
        f"TCP: {split} frames whose GRO has a stage of its own, {moved} steered behind it",
        split == 0 and moved > 0,
    )


# -- flow caches -------------------------------------------------------------------------------


def skips_after_the_first_packet(system: System) -> Finding:
    """The first packet of a flow passes all devices, each later one the NIC's softirq alone."""
    frames = trial.run(system, _ONE_BY_ONE).delivered(0)
    depths = frames.hops[np.argsort(frames.arrival, kind="stable")] - 1
    first, later = depths[:1].tolist(), sorted(set(depths[1:].tolist()))
    gain = trial.rate(system) / trial.rate(OVERLAY)
    return Finding(
        f"the first packet {counted(first)}, later ones {counted(later)}; {times(gain)} the "
        "container's rate",
        first == [3] and later == [1] and gain > 1 + _NOISE,
    )


def may_overtake_once(system: System) -> Finding:
    """A flow that begins at full rate is reordered once, and one whose frames are apart is not."""
    flood, steady = (trial.run(system, one).order(0) for one in (_FLOOD, _ONE_BY_ONE))
    longer = trial.run(system, Rounds(gap=trial.SATURATING, count=8000)).order(0)
    return Finding(
        f"begun at full rate: {flood.reordered} of {flood.received} reordered, as many of "
        f"{longer.received}; {steady.reordered} when frames are far apart",
        0 < flood.reordered == longer.reordered and steady.reordered == 0,
    )


def bounded_filter(system: System) -> Finding:
    """The flow after the last entry of the cache passes all devices for ever."""
    hashes = [0x101 * (flow + 1) for flow in range(5)]
    run = trial.run(system, Rounds(hashes, gap=20_000, count=100, knobs={"cache_entries": 4}))
    depths = [run.depth(flow) for flow in range(5)]
    return Finding(
        f"with 4 entries: flow 1 {counted(depths[0])}, flow 5 {counted(depths[4])}",
        depths == [[1, 3]] * 4 + [[3]],
    )


# -- bpf_redirect_peer and netkit --------------------------------------------------------------


def no_backlog_at_the_veth(system: System) -> Finding:
    """A frame goes through NIC and VXLAN device, and there to its socket; faster for it."""
    run = trial.run(system)
    kinds = list(dict.fromkeys(run.softirqs(0).kind.tolist()))
    gain = trial.rate(system) / trial.rate(OVERLAY)
    return Finding(
        f"{counted(run.depth())} a frame ({', '.join(kinds)}); {times(gain)} the container's rate",
        kinds == ["napi", "gro_cell"] and run.depth() == [2] and gain > 1,
    )


def policy_kept(system: System) -> Finding:
    """Frames of a flow that the operator denies are dropped, those of another arrive."""
    run = trial.run(system, Rounds((HASH, 0x9E3779B1), knobs={"denied": [1]}))
    arrived, through = (len(run.delivered(flow).time) for flow in (0, 1))
    return Finding(
        f"{through} of {len(run.sent[1])} frames of the denied flow delivered, {arrived} of the "
        "other",
        through == 0 and arrived == len(run.sent[0]),
    )


def still_one_core(system: System) -> Finding:
    """The two softirqs that are left share a core."""
    run = trial.run(system)
    where = trial.cpus(run.softirqs(0))
    return Finding(
        f"{counted(run.depth())} of one flow on {listed(where)}",
        run.depth() == [2] and len(where) == 1,
    )


# -- PRISM -------------------------------------------------------------------------------------


def goes_first(system: System) -> Finding:
    """Of each burst, the frames of flow 0 come to their socket before all others."""
    run = trial.run(system, _bursts())
    frames = run.delivered()
    there = frames.stages.end[np.arange(len(frames.hops)), frames.hops - 2]
    late = 0
    for when in np.unique(frames.arrival):
        of_burst = frames.arrival == when
        first, others = (of_burst & (frames.flow == 0), of_burst & (frames.flow != 0))
        late += int(np.count_nonzero(there[first] > there[others].min()))
    (first_us, _), (usual, _) = (_medians(one) for one in (system, OVERLAY))
    return Finding(
        f"{late} of {len(run.sent[0])} frames of flow 0 behind another flow's of their burst; "
        f"median latency {first_us:.1f} us, without PRISM {usual:.1f}",
        late == 0 and first_us < usual,
    )


def ring_has_no_priority(system: System) -> Finding:
    """Under overload flow 0 loses as much in the NIC's ring as others."""
    flood = replace(_bursts(), gap=trial.SATURATING, burst=1, count=8000)
    run = trial.run(system, flood)
    sent = len(run.sent[0])
    first, other = (sent - int(np.count_nonzero(run.frames.flow == flow)) for flow in range(2))
    return Finding(
        f"under overload the ring loses {first} of {sent} frames of flow 0, {other} of flow 1",
        first > 0.5 * other > 0,
    )


def no_gro_cell(system: System) -> Finding:
    """Flow 0 goes by backlogs, other flows through the gro_cell as ever."""
    run = trial.run(system, _bursts())
    first, other = (list(dict.fromkeys(run.softirqs(flow).kind.tolist())) for flow in range(2))
    return Finding(
        f"with priority: {', '.join(first)} ({counted(run.depth(0))}); without: "
        f"{', '.join(other)} ({counted(run.depth(1))})",
        first == ["napi", "backlog"]
        and other == ["napi", "gro_cell", "backlog"]
        and run.depth(0) == run.depth(1) == [3],
    )


def one_softirq_with_priority(system: System) -> Finding:
    """Flow 0 is done in the NIC's softirq, other flows need three; flow 0 is faster for it."""
    run = trial.run(system, _bursts())
    (first, _), (batch, _) = (_medians(one) for one in (system, PRISM))
    return Finding(
        f"with priority {counted(run.depth(0))}, without {counted(run.depth(1))}; median latency "
        f"{first:.1f} us, of batches {batch:.1f}",
        run.depth(0) == [1] and run.depth(1) == [3] and first < batch,
    )


def _bursts() -> Rounds:
    """Eight flows of one RX queue in bursts of 64 frames that the host can carry."""
    hashes = [0x101 * (flow + 1) for flow in range(8)]
    knobs = {"queues": 1, "rx_usecs": 0}
    return Rounds(hashes, gap=6000, count=3200, burst=64, knobs=knobs)


def _medians(system: System) -> tuple[float, float]:
    """Median latency of flow 0 and of flow 1, us."""
    run = trial.run(system, _bursts())
    first, other = (float(np.median(run.delivered(flow).latency)) for flow in range(2))
    return first / 1000, other / 1000


_MASKS, _PEER = "RPS masks", "bpf_redirect_peer"
_SKIPS = "after a flow's first packet the devices in between are skipped"
_OVERTAKES = "the packets behind a flow's first one may be overtaken, once"
_ONE_CORE = "one flow has one core"
CLAIMS = (
    Claim(
        "rps-masks-cores",
        _MASKS,
        TICK,
        "a core for each device of one flow, with the kernel as it is",
        RPS_MASKS,
        a_core_for_each_mask,
    ),
    Claim(
        "rps-masks-cell",
        _MASKS,
        IS,
        "the gro_cell stays with the NIC's backlog",
        RPS_MASKS,
        gro_cell_cannot_be_moved,
    ),
    Claim(
        "rps-masks-first",
        _MASKS,
        CROSS,
        "TCP's first stage stays on one core",
        RPS_MASKS,
        first_stage_is_whole,
    ),
    Claim("econ-skips", "ECON", TICK, _SKIPS, ECON, skips_after_the_first_packet),
    Claim("econ-order", "ECON", CROSS, _OVERTAKES, ECON, may_overtake_once),
    Claim("oncache-skips", "ONCache", TICK, _SKIPS, ONCACHE, skips_after_the_first_packet),
    Claim("oncache-order", "ONCache", CROSS, _OVERTAKES, ONCACHE, may_overtake_once),
    Claim("oncache-entries", "ONCache", CROSS, "bounded filter cache", ONCACHE, bounded_filter),
    Claim(
        "redirect-peer-backlog",
        _PEER,
        TICK,
        "no backlog at the veth",
        REDIRECT_PEER,
        no_backlog_at_the_veth,
    ),
    Claim(
        "redirect-peer-policy",
        _PEER,
        TICK,
        "the operator's policy is kept",
        REDIRECT_PEER,
        policy_kept,
    ),
    Claim("redirect-peer-core", _PEER, CROSS, _ONE_CORE, REDIRECT_PEER, still_one_core),
    Claim("prism-first", "PRISM", TICK, "flows with priority go first", PRISM, goes_first),
    Claim("prism-ring", "PRISM", CROSS, "none in the NIC's ring", PRISM, ring_has_no_priority),
    Claim("prism-cell", "PRISM", IS, "priority goes by backlogs", PRISM, no_gro_cell),
    Claim(
        "prism-sync",
        "PRISM",
        TICK,
        "synchronously, one softirq for flows with priority",
        PRISM_SYNC,
        one_softirq_with_priority,
    ),
)
