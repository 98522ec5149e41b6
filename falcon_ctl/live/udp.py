"""Drives a UDP load through one system and measures it."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Stage, Trace
from falcon_ctl.checks import disturbance
from falcon_ctl.checks.measurement import Measurement, rate
from falcon_ctl.live import virtual_replay
from falcon_ctl.live.accounting import Account
from falcon_ctl.live.environment import Environment
from falcon_ctl.live.hosts import Host
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.system import System
from falcon_ctl.traffic import order, payload, schedule
from falcon_ctl.traffic.flows import Flow, udp_template
from falcon_ctl.traffic.load import Load
from falcon_ctl.traffic.receiver import Arrivals, Receiver
from falcon_ctl.traffic.sender import LAG_BUDGET_NS, Sender, Sent

_ids = itertools.count(1000)  # no two runs share a flow id: leftover frames disturb no later run
_QUIET, _DRAIN = 0.5, 20.0
_LEFT_OVER = 100_000  # datagrams; more are not left over, but still coming
_IP_UDP = 20 + 8
_IDLE = 0.01  # of a saturating run: by how much the measured rate may be too low


@dataclass(frozen=True)
class Outcome:
    """A run's results: the numbers, what the host recorded, what the applications received."""

    measurement: Measurement
    trace: Trace
    arrivals: list[Arrivals]
    sent: Sent
    stats: dict[str, Any]


def run(testbed: Testbed, system: System, load: Load) -> Outcome:
    """Drive `load` under `system` until every frame arrived or was counted as lost.

    Raises:
        PartFailed: a part died meanwhile.
    """
    testbed.use(system, dilation=load.dilation, **load.knobs)
    flows = [replace(flow, id=next(_ids)) for flow in load.flows]
    target = testbed.container(flows[0].target.name).machine
    with testbed.watch.blaming():
        return _measured(testbed, system, load, flows, testbed.hosts[target])


def _measured(
    testbed: Testbed, system: System, load: Load, flows: list[Flow], host: Host
) -> Outcome:
    sockets = [testbed.receiver(flow.target.name, flow.target_port) for flow in flows]
    _discard(sockets)
    account = Account(testbed, flows, sockets)
    before = Environment.of(testbed)
    host.reset()
    by_flow = list(zip((flow.id for flow in flows), sockets, strict=True))
    with host.recording(2 * load.frames + 1000) as traces, Receiver(by_flow) as receiver:
        sent = _send(testbed, load, flows)
        receiver.wait_quiet(sent.total, _QUIET, _DRAIN)
        stats = settled(testbed, host)
        account.stop(stats)
    after = Environment.of(testbed)
    testbed.watch.check()
    (trace,) = traces
    ours = passages_of(trace, flows)
    arrivals = [receiver.arrivals[flow.id] for flow in flows]
    orders = [
        order.analyse(found.sequence, count)
        for found, count in zip(arrivals, sent.per_flow, strict=True)
    ]
    delivered = sum(found.received for found in orders)
    losses = account.losses(sent.total, delivered, trace, ours)
    measurement = Measurement(
        system=system.name,
        proto="udp",
        flows=len(flows),
        load=load.name,
        sent=sent.total,
        delivered=delivered,
        drops=losses.own,
        foreign=losses.foreign,
        reordered=sum(found.reordered for found in orders),
        late=unsaturated(ours) if load.saturates else _late(sent, transit(trace, ours), stats),
        disturbed=disturbed(losses.own, trace, ours, (before, after), load.saturates),
        predicted=virtual_replay.predicted_pps(system, load, trace),
        **timing(ours, stats),
    )
    return Outcome(measurement, trace, arrivals, sent, stats)


def disturbed(
    drops: Mapping[str, int],
    trace: Trace,
    ours: list[Passage],
    looks: tuple[Environment, Environment],
    saturates: bool,
) -> str:
    """What else than the experiment took part in the run; "" when nothing did.

    `looks`: samples before and after it. A load that `saturates` is not disturbed by
    other work: as long as a queue never runs empty, delays change nothing (`unsaturated`).
    """
    before, after = looks
    foreign = disturbance.foreign(len(ours), len(trace.passages) - len(ours))
    others = "" if saturates else disturbance.other_load(before.use_until(after))
    flaps = disturbance.flaps(before.flaps_until(after))
    marks = (disturbance.losses(drops), foreign, flaps, others)
    return "; ".join(filter(None, marks))


def _send(testbed: Testbed, load: Load, flows: list[Flow]) -> Sent:
    templates = [udp_template(flow, load.payload_size) for flow in flows]
    sockets = [testbed.sender(flow.source.name) for flow in flows]
    offsets, indices = schedule.merge(load.schedules)
    return Sender(templates, sockets, testbed.watch.stop).run(offsets, indices)


def settled(testbed: Testbed, host: Host, deadline: float = 10.0) -> dict[str, Any]:
    """Counters of the host once it holds no frame any more."""
    end = time.monotonic() + deadline
    while (stats := host.stats())["queued"] and time.monotonic() < end:
        testbed.watch.pause(0.02)
    return stats


def _late(sent: Sent, times: NDArray[np.int64], stats: dict[str, Any]) -> str:
    return "; ".join(filter(None, (sent.lateness, slowness(times), lateness(stats))))


def transit(trace: Trace, ours: list[Passage]) -> NDArray[np.int64]:
    """Wall ns from sender to receiving NIC, of each frame: sending hosts and switches."""
    epoch, dilation = trace.meta["epoch_ns"], trace.meta["dilation"]
    stamps = (payload.read(p.frame, headers.innermost(p.frame) + _IP_UDP) for p in ours)
    times = [
        epoch + passage.arrival * dilation - stamp.sent_ns
        for passage, stamp in zip(ours, stamps, strict=True)
        if stamp is not None
    ]
    return np.array(times, np.int64)


def slowness(times: NDArray[np.int64]) -> str:
    """How late the network delivered (ns in transit); "" when 99 of 100 frames were in time."""
    p99 = float(np.quantile(times, 0.99)) if len(times) else 0.0
    if p99 <= LAG_BUDGET_NS:
        return ""
    return f"network: p99 {p99 / 1e6:.0f} ms, budget {LAG_BUDGET_NS / 1e6:.0f} ms"


def unsaturated(ours: Sequence[Passage], most: float = _IDLE) -> str:
    """Whether the host's bottleneck waited for frames; "" when it had some but for a share `most`.

    The bottleneck is the CPU that waited least, of those that worked on half of the frames or
    more. Otherwise it does not matter how late a saturating sender or the driver is: when exactly
    a frame joins a queue that is never empty changes nothing.
    """
    stages: dict[int, list[Stage]] = defaultdict(list)
    for stage in (stage for passage in ours for stage in passage.stages if stage.end):
        stages[stage.cpu].append(stage)
    shares = [_waited(ran, ours[0].arrival) for ran in stages.values() if 2 * len(ran) >= len(ours)]
    share = min(shares, default=1.0)
    if share <= most:
        return ""
    return f"the host's busiest core waited for frames {100 * share:.1f} % of the time"


def _waited(ran: Sequence[Stage], start: int) -> float:
    """Share of the time from `start` on in which a CPU that ran these stages had none queued."""
    idle, free_at = 0, start
    for stage in sorted(ran, key=lambda stage: stage.start):
        idle += max(0, stage.enqueue - free_at)
        free_at = max(free_at, stage.end)
    return idle / max(1, free_at - start)


def lateness(stats: dict[str, Any]) -> str:
    """How far the host's driver exceeded its budget; "" when it did not."""
    late = stats["late"]
    if not late["late"]:
        return ""
    share, budget = 100 * late["over_budget"], late["budget_ns"] / 1000
    text = f"host: {share:.1f} % of the frames over {budget:.0f} us"
    if late["clamp_max_ns"] > late["budget_ns"]:
        text += f", arrivals moved by {late['clamp_max_ns'] / 1000:.0f} us"
    return text + (f", kernel lost {late['kernel_drops']}" if late["kernel_drops"] else "")


def timing(ours: list[Passage], stats: dict[str, Any]) -> dict[str, Any]:
    """Rate, latencies and CPU use of a measurement, in model time, from its frames' passages."""
    delivered = [p for p in ours if p.delivered]
    if not delivered:
        return {"pps": 0.0, "latencies": np.empty(0, np.int64)}
    start, end = ours[0].arrival, max(p.delivered for p in delivered)
    busy = {cpu: sum(kinds.values()) for cpu, kinds in enumerate(stats["busy_ns"])}
    return {
        "pps": rate([p.delivered for p in delivered]),
        "latencies": np.array([p.latency for p in delivered], np.int64),
        "loads": {cpu: 100.0 * ns / (end - start) for cpu, ns in busy.items() if ns},
        "cpu_ns": sum(busy.values()) / len(delivered),
    }


def passages_of(trace: Trace, flows: list[Flow]) -> list[Passage]:
    """Frames of these flows, by inner addresses and ports."""
    wanted = {(f.source.ip, f.target.ip, f.source_port, f.target_port) for f in flows}
    return [p for p in trace.passages if headers.ends(p.frame) in wanted]


def _discard(sockets: list[Any]) -> None:
    """Discard what an earlier run left in the receive buffers."""
    for sock in sockets:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(_LEFT_OVER):
                sock.recv(2048)
