"""Checks of each stage's CPU against the formula, recomputed from the frame's own bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Stage, Trace
from falcon_ctl.checks import hashes
from falcon_ctl.checks.verdict import Verdict, judge
from rxpath.config import profiles

PORTS_HASHED = (6, 17)  # RSS hashes the ports of TCP and UDP only
TCP = 6
NOT_STEERED, FIRST, SECOND, OFF = 0, 1, 2, 3
_GET_RPS_CPU = ("rps", "backlog")  # stages entered by netif_receive_skb and netif_rx
_BUILT_IN = ("same_cpu", "rps", "rfs", "mflow", "rss++")


Places = dict[tuple[Any, ...], tuple[int, int]]  # flow, stage → CPU of its last frame, till when


def cpus_follow_formula(traces: Iterable[tuple[str, Trace]]) -> Verdict:
    """Each stage of each frame ran on the CPU that its headers and the knobs give.

    `traces`: (system, what its host recorded). The formulas are those of FALCON
    (net/core/dev.c of the reference), of RSS, and of the interrupt affinity. With the order guard
    a stage may also go where the flow's previous frame still waited.
    """
    problems: list[str] = []
    stages = frames = steered = 0
    for system, trace in traces:
        last: Places = {}
        for passage in trace.passages:
            problems += [f"{system}: {p}" for p in problems_of(passage, trace.meta, last)]
            frames += 1
            stages += len(passage.stages)
            steered += sum(1 for stage in passage.stages if stage.choice in (FIRST, SECOND))
    seen = f"{stages} stages of {frames} frames recomputed, {steered} of them steered by FALCON"
    return judge("each stage ran on the CPU of the formula", problems, seen, stages > 0)


def problems_of(passage: Passage, meta: dict[str, Any], last: Places) -> list[str]:
    """What in one frame's passage contradicts the formulas; updates `last`."""
    knobs = meta["knobs"]
    found = nic_hash(passage.frame)
    if found != passage.rss_hash:
        return [f"frame {passage.number}: hash {passage.rss_hash:#x}, its headers give {found:#x}"]
    if not passage.stages:
        return []
    problems = []
    before = -1
    leaving = [*(stage.enqueue for stage in passage.stages[1:]), passage.stages[-1].end]
    for stage, left in zip(passage.stages, leaving, strict=True):
        place = found, stage.kind, stage.ifindex
        allowed = _allowed(stage, passage, before, knobs)
        if stage.cpu not in allowed and not _is_kept(stage, last.get(place), knobs):
            where = f"frame {passage.number} {stage.kind} (ifindex {stage.ifindex})"
            problems.append(f"{where}: on CPU {stage.cpu}, formula gives {sorted(allowed)}")
        before = stage.cpu
        last[place] = stage.cpu, left
    hops = [stage for stage in passage.stages if stage.kind in ("gro_cell", "backlog")]
    devices = [stage.ifindex for stage in hops]
    # RPS with a mask of its own cuts a tunnel device's hop: its gro_cell, then a backlog.
    distinct = {(stage.kind if knobs.get("rps_masks") else "", stage.ifindex) for stage in hops}
    if len(distinct) < len(hops):
        problems.append(f"frame {passage.number}: hops share a device, ifindexes {devices}")
    return problems


def _is_kept(stage: Stage, last: tuple[int, int] | None, knobs: dict[str, Any]) -> bool:
    """The order guard sends the stage to the CPU where the flow's previous frame still waited.

    By RFS's rule whenever one was there; in a hand-over while it was held there.
    """
    guarded = knobs["falcon"]["order"] != "none" or knobs["policy"] == "rfs"
    return guarded and last is not None and stage.cpu == last[0] and stage.enqueue <= last[1]


def nic_hash(frame: bytes) -> int:
    """RSS hash over the outermost 4-tuple; addresses only without ports; 0 for what is not IP."""
    flow = headers.read(frame).outer
    if flow is None:
        return 0
    if flow.proto not in PORTS_HASHED:
        return hashes.rss_hash(flow.source, flow.target, None, None)
    return hashes.rss_hash(flow.source, flow.target, flow.source_port, flow.target_port)


def _allowed(stage: Stage, passage: Passage, before: int, knobs: dict[str, Any]) -> set[int]:
    """CPUs that the formula allows for a stage that follows one on CPU `before`."""
    app = knobs["app_cpus"][passage.container % len(knobs["app_cpus"])]
    if stage.kind == "napi":
        queues = _queues(passage.rss_hash, knobs)
        return _in_turn(_threads(stage, knobs) or knobs["irq_cpus"], queues)
    if stage.kind == "socket":
        return {app}
    policy = knobs["policy"]
    if policy == "falcon" or (policy == "falcon+rps" and not _is_left_to_rps(stage, knobs)):
        return _falcon_cpus(stage, passage, before, knobs["falcon"])
    if policy in ("rps", "falcon+rps") and stage.kind in _GET_RPS_CPU:
        return {hashes.rps_cpu(passage.rss_hash, _rps_cpus(stage, knobs))}
    if policy == "rfs" and stage.kind in _GET_RPS_CPU:
        return {app}
    if policy == "mflow" and stage.kind in ("split", "gro_cell"):
        parted = stage.kind == "gro_cell" and any(one.kind == "split" for one in passage.stages)
        return {before} if parted else set(knobs["rps_cpus"])
    if policy in _BUILT_IN or stage.choice == NOT_STEERED:
        threads = _threads(stage, knobs) if stage.kind == "gro_cell" else []
        return _in_turn(threads, [before]) if threads else {before}
    return set(range(knobs["cpus"]))  # a custom policy: only itself knows


def _rps_cpus(stage: Stage, knobs: dict[str, Any]) -> list[int]:
    """The stage's device's own CPUs, in ascending order as in a mask, or the host's."""
    masked = _of_device(stage, knobs, "rps_masks")
    cpus: list[int] = sorted(set(masked)) or knobs["rps_cpus"]
    return cpus


def _threads(stage: Stage, knobs: dict[str, Any]) -> list[int]:
    """The CPUs of the threads that poll the stage's device; none: softirqs do."""
    return _of_device(stage, knobs, "napi_threads")


def _of_device(stage: Stage, knobs: dict[str, Any], name: str) -> list[int]:
    """What a knob of CPUs by device has for the stage's device, or nothing."""
    given: dict[str, list[int]] = knobs.get(name, {})
    if not given:
        return []
    chain = profiles.chains(knobs["profile"])[knobs["profile"]].stages
    device = next((one.device for one in chain if one.ifindex == stage.ifindex), "")
    return given.get(device, [])


def _in_turn(cpus: list[int], numbers: Iterable[int]) -> set[int]:
    """The CPUs of these numbers when `cpus` are taken in turn."""
    return {cpus[number % len(cpus)] for number in numbers}


def _is_left_to_rps(stage: Stage, knobs: dict[str, Any]) -> bool:
    """FALCON beside RPS does not steer the stage: the NIC's, or any while FALCON is off."""
    if stage.kind == "rps":
        return True
    falcon = knobs["falcon"]
    off = stage.choice == OFF and falcon["switch_off"]
    return stage.kind == "backlog" and (off or not falcon["pipelining"])


def _falcon_cpus(stage: Stage, passage: Passage, before: int, falcon: dict[str, Any]) -> set[int]:
    """FALCON's formula for the choice that the host reports, if it may make that choice."""
    if stage.choice == OFF:
        return {before} if falcon["switch_off"] else set()
    is_split = passage.proto == TCP and falcon["splitting"]
    if stage.kind == "split" or (is_split and not falcon["tcp_pipelining"]):
        of_split = {hashes.split_cpu(passage.rss_hash, falcon["grosplit_cpus"])}
        return of_split if stage.choice == FIRST and is_split else set()
    first, second = hashes.falcon_cpus(passage.rss_hash, stage.ifindex, falcon["cpus"])
    if stage.choice == SECOND:
        return {second} if falcon["balancing"] else set()
    return {first} if stage.choice == FIRST and falcon["pipelining"] else set()


def _queues(rss_hash: int, knobs: dict[str, Any]) -> Iterable[int]:
    """The RX queue of the indirection table; with RSS++ a flow's bucket may be on any queue."""
    table: list[int] = knobs["rss_indirection"] or [i % knobs["queues"] for i in range(128)]
    return range(knobs["queues"]) if knobs["policy"] == "rss++" else [table[rss_hash % len(table)]]


def one_cpu_per_stage(traces: Iterable[tuple[str, Trace]]) -> Verdict:
    """While nothing is rebalanced, one stage of one flow stays on one CPU."""
    problems: list[str] = []
    places: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for system, trace in traces:
        for passage in trace.passages:
            flow = headers.ends(passage.frame)
            for stage in passage.stages:
                places[system, flow, stage.kind, stage.ifindex].add(stage.cpu)
    for (system, flow, kind, _), cpus in places.items():
        if flow is not None and len(cpus) > 1:
            problems.append(f"{system}: {kind} of {flow} on CPUs {sorted(cpus)}")
    seen = f"{len(places)} stages of flows, each on one CPU"
    return judge("one stage of one flow stays on one CPU", problems, seen, len(places) > 0)


def segments_are_split_and_merged(trace: Trace, merged: int) -> Verdict:
    """TCP segments had their first stage split, and GRO merged consecutive ones.

    `merged`: frames that GRO appended to another, by the host's counter.
    """
    tcp = [p for p in trace.passages if p.proto == TCP]
    whole = [p for p in tcp if "split" not in [stage.kind for stage in p.stages]]
    problems = [f"frame {p.number} has no split stage" for p in whole if not p.drop_reason]
    halves = {(p.stages[0].cpu, p.stages[1].cpu) for p in tcp if len(p.stages) > 1}
    problems += [f"both halves of the first stage on CPU {a}" for a, b in halves if a == b]
    if tcp and not merged:
        problems.append("GRO merged nothing")
    seen = f"{len(tcp)} segments split to CPUs {sorted(b for _, b in halves)}, {merged} merged"
    return judge("TCP's first stage is split and GRO merges", problems, seen, len(tcp) > 0)
