"""Repeats a live run under the virtual clock: its recorded frames, and its load as planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from falcon_ctl.capture import headers, segment
from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.clocks import Replayed
from falcon_ctl.checks.measurement import rate
from falcon_ctl.systems.system import System, merge_knobs
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.load import Load, Stream
from falcon_ctl.traffic.tcp import MESSAGE
from falcon_ctl.virtual.live_host import LiveHost, Wire
from rxpath import results

_RX_MISSED = "rx_missed"  # frames that the ring or the host had no room for: without an event


def can_replay(system: System) -> bool:
    """Whether a recording has all of the host's state; policies with state of their own do not."""
    return system.policy not in ("mflow", "rss++") and system.custom is None


def _host(system: System, trace: Trace) -> LiveHost:
    """The host as it was when the recording began."""
    meta = trace.meta
    return LiveHost(system, meta["knobs"], len(meta["containers"]), meta["memory"])


def replayed(system: System, trace: Trace) -> Replayed:
    """Replay the trace's frames at their times under the virtual clock; count what differs."""
    ours = [p for p in trace.passages if p.stages or p.drop_reason in results.DROP_REASONS]
    if not ours:
        return Replayed(0, 0)
    numbers: dict[object, int] = {}
    flows = [numbers.setdefault(_flow(p), len(numbers)) for p in ours]
    tcp = [segment.read(p.frame, trace.meta["dilation"]) for p in ours]
    found = _host(system, trace).frames(
        [p.arrival for p in ours],
        flows,
        tunnel=[headers.is_vxlan(p.frame) for p in ours],
        protocol=[p.proto for p in ours],
        rss_hash=[p.rss_hash for p in ours],
        socket=[p.container for p in ours],
        wire_len=[p.wire_len for p in ours],
        **{name: [getattr(one, name) for one in tcp] for name in segment.Segment._fields},
    )
    live = Counter(
        (flow, p.container, p.drop_reason, p.delivered)
        for flow, p in zip(flows, ours, strict=True)
        if p.drop_reason != _RX_MISSED
    )
    there = Counter(_events(found))
    return Replayed(len(ours), max((live - there).total(), (there - live).total()))


def _flow(passage: Passage) -> object:
    """What tells a flow from others; a frame without ports is known by where it goes."""
    return headers.ends(passage.frame) or (passage.container, passage.proto)


def _events(found: results.Frames) -> list[tuple[int, int, str, int]]:
    """Flow, container, why it was lost, when it was delivered, as `Passage` has them."""
    times = np.where(found.delivered, found.time, 0).tolist()
    reasons = [
        "" if ok else reason for ok, reason in zip(found.delivered, found.reason, strict=True)
    ]
    rows = zip(found.flow.tolist(), found.socket.tolist(), reasons, times, strict=True)
    return list(rows)


def predicted_pps(system: System, load: Load, trace: Trace) -> float:
    """The rate of a UDP load as it was planned; 0 when a flow of it never arrived.

    `trace` is what came of it.
    """
    if not trace.passages:
        return 0.0
    return _planned(_host(system, trace), load, trace, trace.passages[0].arrival)


def capacity_pps(system: System, load: Load, trace: Trace) -> float:
    """As `predicted_pps`, of a new host of any system; `trace` has frames of the load's flows."""
    meta = trace.meta
    layers = {"costs": system.costs}, system.knobs, system.live_knobs, load.knobs
    knobs = merge_knobs(meta["knobs"], *layers)
    return _planned(LiveHost(system, knobs, len(meta["containers"])), load, trace, 0)


def _planned(host: LiveHost, load: Load, trace: Trace, start: int) -> float:
    """The rate of a load that begins at model time `start`."""
    first: dict[int, Passage] = {}
    for passage in trace.passages:
        ends = headers.ends(passage.frame)
        if ends is not None:
            first.setdefault(ends.source_port, passage)
    flows = [first.get(flow.source_port) for flow in load.flows]
    offsets, numbers = schedule.merge(load.schedules)
    if not len(offsets) or None in flows:
        return 0.0

    def column(name: str) -> Any:
        return np.array([getattr(one, name) for one in flows])[numbers]

    times = start + offsets // load.dilation
    found = host.frames(
        times,
        numbers,
        tunnel=np.full(len(times), host.system.tunnels("udp")),
        protocol=column("proto"),
        rss_hash=column("rss_hash"),
        socket=column("container"),
        wire_len=column("wire_len"),
    )
    return rate(found.time[found.delivered])


def predicted_stream_pps(
    system: System, load: Stream, trace: Trace, ours: Sequence[Passage]
) -> float:
    """The rate of a TCP connection, as long as `load`; 0 when it sent no full segment."""
    if not ours:
        return 0.0
    largest = max(ours, key=lambda passage: passage.wire_len)
    payload = segment.read(largest.frame, 1).payload
    if payload < 1:
        return 0.0
    wire = Wire(largest.rss_hash, largest.container, largest.wire_len)
    frames = load.ramp, load.size // payload
    start = trace.passages[0].arrival
    return _host(system, trace).stream_pps(wire, load.window, MESSAGE, payload, frames, start)
