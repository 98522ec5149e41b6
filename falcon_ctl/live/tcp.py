"""TCP through the emulated hosts: real connections, and Scapy-made segments for GRO."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from falcon_ctl.capture.trace import Trace
from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.live import udp
from falcon_ctl.live.accounting import Account
from falcon_ctl.live.lab import Lab
from falcon_ctl.live.path_capture import PathCapture
from falcon_ctl.live.surroundings import Surroundings
from falcon_ctl.systems.system import System
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.flows import Flow, tcp_segments
from falcon_ctl.traffic.sender import send_frames
from falcon_ctl.traffic.tcp import Connection, Transfer

_RECORD = 20_000
_TIMEOUT = 15.0
_LOOK = 0.1  # s between two looks at connections that transfer
_QUIET, _QUIET_DEADLINE = 0.2, 5.0


@dataclass(frozen=True)
class Outcome:
    """A run's results; `transfers` is empty for segments without a connection."""

    measurement: Measurement
    trace: Trace
    transfers: Sequence[Transfer]
    stats: dict[str, Any]


def connections(
    lab: Lab, system: System, flows: list[Flow], size: int, dilation: int, seed: int
) -> Outcome:
    """One TCP connection per flow at the same time, each with `size` bytes of its own.

    Raises:
        PartFailed: a part died meanwhile.
    """
    lab.use(system, dilation=dilation)
    transfers: list[Transfer] = []

    def drive() -> None:
        transfers.extend(_transfer_all(lab, flows, size, seed))

    with lab.watch.blaming():
        return _measured(lab, system, "streams", flows, drive, transfers)


def segment_trains(
    lab: Lab, system: System, flow: Flow, trains: int, length: int, dilation: int
) -> Outcome:
    """`trains` of `length` back-to-back segments of full size, as a NIC under load sees them."""
    lab.use(system, dilation=dilation)
    frames = tcp_segments(flow, trains * length, 1400)
    offsets = schedule.burst(length, 20_000, 30_000_000, trains)
    sock = lab.sender(flow.source.name)

    def drive() -> None:
        send_frames(sock, frames, offsets, lab.watch.stop)

    with lab.watch.blaming():
        return _measured(lab, system, "trains", [flow], drive, [])


def _measured(
    lab: Lab, system: System, load: str, flows: list[Flow], drive: Any, transfers: list[Transfer]
) -> Outcome:
    host = lab.hosts[lab.container(flows[0].target.name).machine]
    account = Account(lab, flows)
    before = Surroundings.of(lab)
    host.reset()
    with host.recording(_RECORD) as traces, ExitStack() as stack:
        capture = PathCapture.start(lab, stack, flows)
        drive()
        _wait_quiet(lab, capture)
        stats = udp.settled(lab, host)
        account.stop(stats)
    after = Surroundings.of(lab)
    lab.watch.check()
    (trace,) = traces
    ours = udp.passages_of(trace, flows)
    path = capture.path(flows, host.name, ours)
    sent, delivered = len(path.wire.segments), len(path.target.segments)
    losses = account.losses(sent, delivered, trace, ours)
    measurement = Measurement(
        system=system.name,
        proto="tcp",
        flows=len(flows),
        load=load,
        sent=sent,
        delivered=delivered,
        drops=losses.own,
        foreign=losses.foreign,
        reordered=path.reordered,
        swaps=path.swaps,
        late="; ".join(filter(None, (path.flaw, udp.lateness(stats)))),
        disturbed=udp.disturbed(losses.own, trace, ours, (before, after), False),
        **udp.timing(ours, stats),
    )
    return Outcome(measurement, trace, list(transfers), stats)


def _wait_quiet(lab: Lab, capture: PathCapture) -> None:
    """Wait until neither end sees frames any more: the last acknowledgements are in flight."""
    end, seen = time.monotonic() + _QUIET_DEADLINE, -1
    while (now := capture.frames) != seen and time.monotonic() < end:
        seen = now
        lab.watch.pause(_QUIET)


def _transfer_all(lab: Lab, flows: list[Flow], size: int, seed: int) -> list[Transfer]:
    """All connections at once, a thread each. Raises when a part dies meanwhile."""
    results: list[Transfer | None] = [None] * len(flows)

    def transfer(index: int, flow: Flow) -> None:
        client, server = lab_sockets[index]
        source, target = (flow.source.ip, flow.source_port), (flow.target.ip, flow.target_port)
        connection = Connection(client, server, source, target)
        results[index] = connection.transfer(size, seed + index, _TIMEOUT)

    lab_sockets = [(lab.stream(f.source.name), lab.stream(f.target.name)) for f in flows]
    threads = [
        threading.Thread(target=transfer, args=(i, f), daemon=True) for i, f in enumerate(flows)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 2 * _TIMEOUT
    while any(thread.is_alive() for thread in threads) and time.monotonic() < end:
        lab.watch.pause(_LOOK)  # a dead part ends it; the threads end by their own timeouts
    missing = Transfer(size, 0, False, 2 * _TIMEOUT, "did not end")
    return [result or missing for result in results]
