"""Small experiments of the model whose every frame can be inspected. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from socket import IPPROTO_UDP
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.systems.system import VXLAN_BYTES, System
from falcon_ctl.traffic.order import Order, analyse
from falcon_ctl.virtual import measure
from falcon_ctl.virtual.measure import Closed, Metrics, Stream
from falcon_ctl.virtual.wire import FULL, SMALL, segment
from rxpath import results
from rxpath.drivers import virtual
from rxpath.drivers.closed import ClosedLoop
from rxpath.results import Counters, Frames, Stages
from rxpath.tcp.connections import Connection

HASH = 0x5A17C0DE  # of a flow whose three stages FALCON puts on three CPUs
STEADY = 4000  # ns between frames: a load that every system can carry
SATURATING = 400  # and one that none can


@dataclass(frozen=True)
class Trial:
    """What became of the frames of one run.

    `sent`: when the frames of each flow came to the NIC, model ns; `frames`: those that were
    delivered or dropped; `counters`: the host's.
    """

    sent: Sequence[NDArray[np.int64]]
    frames: Frames
    counters: Counters

    def delivered(self, flow: int | None = None) -> Frames:
        """Frames (of `flow`) that the application got."""
        chosen = self.frames.delivered
        return self.frames.where(chosen if flow is None else chosen & (self.frames.flow == flow))

    def softirqs(self, flow: int | None = None, skip: int = 0) -> Stages:
        """Stages of delivered frames, the application's left out; [m].

        `skip`: how many of each frame's first stages are left out, too.
        """
        frames = self.delivered(flow)
        numbers = np.arange(frames.stages.cpu.shape[1])
        return frames.stages.where((numbers >= skip) & (numbers < frames.hops[:, None] - 1))

    def depth(self, flow: int | None = None) -> list[int]:
        """Softirqs that a delivered frame went through; one number when it is the same for all."""
        return sorted({int(hops) - 1 for hops in self.delivered(flow).hops})

    def order(self, flow: int) -> Order:
        """Reordering of a flow by RFC 4737; frames that arrived at one time count as one."""
        sent = self.sent[flow]
        sequence = np.searchsorted(sent, self.delivered(flow).arrival)
        return analyse(sequence.tolist(), len(sent))


def cpus(stages: Stages) -> list[int]:
    """The CPUs that ran `stages`."""
    return sorted({int(cpu) for cpu in stages.cpu})


def counted(depths: Sequence[int]) -> str:
    """Numbers of softirqs for people."""
    return f"{', '.join(map(str, depths))} softirq{'s' * (list(depths) != [1])}"


def listed(numbers: Sequence[int]) -> str:
    """Numbers of CPUs for people."""
    name = "CPU" if len(numbers) == 1 else "CPUs"
    if len(numbers) > 8:
        return f"{len(numbers)} {name}, {numbers[0]} to {numbers[-1]}"
    return f"{name} {', '.join(map(str, numbers))}"


@dataclass(frozen=True)
class Rounds:
    """`count` frames, a flow for each of `hashes` by turns, `gap` ns apart on average.

    `burst`: how many of them come at a time.
    `knobs`: those of the host that differ from the system's.
    """

    hashes: Sequence[int] = (HASH,)
    gap: int = STEADY
    count: int = 4000
    proto: str = "udp"
    burst: int = 1
    knobs: Mapping[str, Any] = field(default_factory=dict)


def run(system: System, rounds: Rounds = Rounds()) -> Trial:  # it is frozen
    """Send `rounds` to `system`, each flow to a socket of its own."""
    flows, tcp = len(rounds.hashes), rounds.proto == "tcp"
    model = measure.build(system, rounds.knobs, flows, records=True)
    numbers = np.arange(rounds.count)
    if tcp:
        columns = measure.segments(system, numbers // flows)
    else:
        wire_len = SMALL + VXLAN_BYTES * system.tunnels("udp")
        columns = {"protocol": IPPROTO_UDP, "wire_len": wire_len}
    times = numbers // rounds.burst * rounds.burst * rounds.gap
    trace = virtual.make_trace(
        times,
        rss_hash=np.array(rounds.hashes)[numbers % flows],
        flow=numbers % flows,
        socket=numbers % flows,
        chain=measure.chain_of(model, system, rounds.proto),
        **columns,
    )
    sent = [times[flow::flows] for flow in range(flows)]
    return Trial(sent, results.run(model, trace), results.counters(model))


def differing(ours: Frames, theirs: Frames) -> int:
    """How many frames left two hosts otherwise: another frame, time, CPU, socket or fate."""
    if len(ours.time) != len(theirs.time):
        return max(len(ours.time), len(theirs.time))
    differs = [a != b for a, b in zip(ours[:-2], theirs[:-2], strict=True)]
    return int(np.count_nonzero(np.any(differs, axis=0)))


@cache
def saturated(system: System, proto: str = "udp") -> Metrics:
    """One flow that saturates the host."""
    load = Stream((2e6,), ms=5) if proto == "udp" else Closed(1, ms=10, window=1024)
    return measure.measure(system, load, seed=1)


def rate(system: System, proto: str = "udp") -> float:
    """Packets/s of one flow that saturates the host."""
    return saturated(system, proto).pps


def note(system: System, proto: str = "udp") -> str:
    """What `rate` is not to be read without."""
    return beside(saturated(system, proto))


def beside(*found: Metrics) -> str:
    """What rates are not to be read without, for people: CPU time and order, over all runs."""
    cpu = float(np.mean([one.cpu_ns for one in found]))
    order = 100 * float(np.mean([one.reordered_ratio for one in found]))
    return f"{cpu:,.0f} ns of CPU a packet, {order:.3g} % reordered"


@cache
def requests(system: System, renews: bool) -> Metrics:
    """One client that asks without a pause, over one connection or each time over a new one."""
    return measure.measure(system, Closed(1, ms=20, asks=True, renews=renews), seed=1)


def connect(system: System, window: int = 64) -> ClosedLoop:
    """One TCP stream over a connection that is to be set up first."""
    model = measure.build(system, {}, 1)
    full = segment(system, FULL)
    stream = Connection(
        rss_hash=HASH,
        chain=measure.chain_of(model, system, "tcp"),
        window=window,
        wire_len=full.length,
        payload=full.payload,
        setup=measure.handshake_of(model, system),
    )
    return ClosedLoop(model, [stream])
