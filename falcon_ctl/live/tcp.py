"""TCP through the emulated hosts: real connections, and Scapy-made segments for GRO."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.attribution import Losses
from falcon_ctl.checks.measurement import Measurement, rate
from falcon_ctl.live import udp, virtual_replay
from falcon_ctl.live.accounting import Account
from falcon_ctl.live.environment import Environment
from falcon_ctl.live.path_capture import Path, PathCapture
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.system import System
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.flows import Flow, tcp_segments
from falcon_ctl.traffic.load import Stream
from falcon_ctl.traffic.sender import send_frames
from falcon_ctl.traffic.tcp import Connection, Transfer

_RECORD = 20_000
_PLACING = 400.0  # frames/s
_LOOK = 0.1  # s between two looks at a connection that transfers
_DATA = 256  # bytes of a frame with data, at least
_IDLE = 0.05  # of a saturated core: by how much the measured rate may be too low
_QUIET, _QUIET_DEADLINE = 0.2, 5.0


@dataclass(frozen=True)
class Outcome:
    """A run's results; `transfer` is None for segments without a connection."""

    measurement: Measurement
    trace: Trace
    transfer: Transfer | None
    stats: dict[str, Any]


def stream(
    testbed: Testbed, system: System, flow: Flow, load: Stream, seed: int, **knobs: Any
) -> Outcome:
    """One TCP connection that sends as fast as its window lets it.

    What the model does not charge to the receiving host it charges to nobody: acknowledgements
    pass the sender's machine at once. `knobs`: of the hosts, beside the system's.

    Raises:
        PartFailed: a part died meanwhile.
    """
    source = testbed.container(flow.source.name).machine
    testbed.use(system, load.dilation, undilated={source}, **knobs)
    transfers: list[Transfer] = []

    def drive() -> None:
        transfers.append(_transfer(testbed, flow, load, seed))

    with testbed.watch.blaming():
        run = _Run.of(testbed, flow, drive)
    # A frame that waits in a queue is not late: what counts is that one always does.
    measurement = replace(
        run.measurement(system, load.name, saturates=True),
        late=run.path.flaw,
        predicted=virtual_replay.predicted_stream_pps(system, load, run.trace, run.ours),
        **sustained(run.ours, load.ramp),
    )
    return Outcome(measurement, run.trace, transfers[0], run.stats)


def segment_trains(
    testbed: Testbed, system: System, flow: Flow, trains: int, length: int, dilation: int
) -> Outcome:
    """`trains` of `length` back-to-back segments of full size, as a NIC under load sees them."""
    testbed.use(system, dilation=dilation)
    frames = tcp_segments(flow, trains * length, 1400)
    offsets = schedule.burst(length, 20_000, 30_000_000, trains)
    sock = testbed.sender(flow.source.name)

    def drive() -> None:
        send_frames(sock, frames, offsets, testbed.watch.stop)

    with testbed.watch.blaming():
        run = _Run.of(testbed, flow, drive)
    return Outcome(run.measurement(system, "trains", saturates=False), run.trace, None, run.stats)


def placed(testbed: Testbed, system: System, flows: Sequence[Flow], dilation: int) -> Trace:
    """One segment of each flow, to see where its stages run."""
    testbed.use(system, dilation=dilation)
    host = testbed.hosts[testbed.container(flows[0].target.name).machine]
    offsets = schedule.constant(_PLACING, len(flows) / _PLACING)
    with testbed.watch.blaming():
        host.reset()
        with host.recording(_RECORD) as traces:
            start = time.monotonic()
            for flow, offset in zip(flows, offsets.tolist(), strict=True):
                testbed.watch.pause(max(0.0, start + offset / 1e9 - time.monotonic()))
                testbed.sender(flow.source.name).send(tcp_segments(flow, 1, 1400)[0])
            _wait(testbed, lambda: host.stats()["delivered"])
    return traces[0]


@dataclass(frozen=True)
class _Run:
    """What was seen of one flow's run."""

    flow: Flow
    trace: Trace
    ours: list[Passage]
    path: Path
    losses: Losses
    stats: dict[str, Any]
    looks: tuple[Environment, Environment]

    @classmethod
    def of(cls, testbed: Testbed, flow: Flow, drive: Callable[[], None]) -> _Run:
        """Look on while `drive` sends the flow's frames."""
        host, flows = testbed.hosts[testbed.container(flow.target.name).machine], [flow]
        account = Account(testbed, flows)
        before = Environment.of(testbed)
        host.reset()
        with host.recording(_RECORD) as traces, ExitStack() as stack:
            capture = PathCapture.start(testbed, stack, flows)
            drive()
            _wait(testbed, lambda: capture.frames)
            stats = udp.settled(testbed, host)
            account.stop(stats)
        after = Environment.of(testbed)
        testbed.watch.check()
        (trace,) = traces
        ours = udp.passages_of(trace, flows)
        path = capture.path(flows, host.name, ours)
        sent, delivered = len(path.wire.segments), len(path.target.segments)
        losses = account.losses(sent, delivered, trace, ours)
        return cls(flow, trace, ours, path, losses, stats, (before, after))

    def measurement(self, system: System, load: str, saturates: bool) -> Measurement:
        """All of it as numbers."""
        own, path = self.losses.own, self.path
        return Measurement(
            system=system.name,
            proto="tcp",
            flows=1,
            load=load,
            sent=len(path.wire.segments),
            delivered=len(path.target.segments),
            drops=own,
            foreign=self.losses.foreign,
            reordered=path.reordered,
            swaps=path.swaps,
            late="; ".join(filter(None, (path.flaw, udp.lateness(self.stats)))),
            disturbed=udp.disturbed(own, self.trace, self.ours, self.looks, saturates),
            **udp.timing(self.ours, self.stats),
        )


def sustained(ours: Sequence[Passage], ramp: int) -> dict[str, Any]:
    """Rate and latencies behind the first `ramp` segments with data; whether a core was busy."""
    data = [p for p in ours if p.wire_len > _DATA and p.delivered]
    behind = sorted(data, key=lambda p: p.delivered)[ramp:]
    if not behind:
        return {"pps": 0.0, "starved": f"{len(data)} segments with data, expected over {ramp}"}
    return {
        "pps": rate([p.delivered for p in behind]),
        "latencies": np.array([p.latency for p in behind], np.int64),
        "starved": udp.unsaturated(behind, _IDLE),
    }


def _wait(testbed: Testbed, frames: Callable[[], int]) -> None:
    """Wait until a count of frames stands still: the last acknowledgements are in flight."""
    end, seen = time.monotonic() + _QUIET_DEADLINE, -1
    while (now := frames()) != seen and time.monotonic() < end:
        seen = now
        testbed.watch.pause(_QUIET)


def _transfer(testbed: Testbed, flow: Flow, load: Stream, seed: int) -> Transfer:
    """A connection in a thread of its own. Raises when a part dies meanwhile."""
    results: list[Transfer] = []
    source, target = (flow.source.ip, flow.source_port), (flow.target.ip, flow.target_port)
    ends = testbed.stream(flow.source.name), testbed.stream(flow.target.name)
    connection = Connection(*ends, source, target, load.window)

    def transfer() -> None:
        results.append(connection.transfer(load.size, seed, load.timeout))

    thread = threading.Thread(target=transfer, daemon=True)
    thread.start()
    end = time.monotonic() + 2 * load.timeout
    while thread.is_alive() and time.monotonic() < end:
        testbed.watch.pause(_LOOK)  # a dead part ends it; the thread ends by its own timeout
    return results[0] if results else Transfer(load.size, 0, False, 2 * load.timeout, "did not end")
