"""Small experiments of the model whose every frame can be looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.systems.system import System
from falcon_ctl.traffic.order import Order, analyse
from falcon_ctl.virtual import measure
from falcon_ctl.virtual.measure import Closed, Metrics, Stream
from rxpath.drivers import virtual
from rxpath.drivers.closed import Peers
from rxpath.host import Model
from rxpath.model.state import layout as lay
from rxpath.tcp.connections import Connection

Table = NDArray[np.int64]
HASH = 0x5A17C0DE  # of a flow whose three stages FALCON puts on three CPUs
STEADY = 4000  # ns between frames: a load that every system can carry
SATURATING = 400  # and one that none can
PAYLOAD = 1448
_PROTOCOL = {"udp": lay.UDP, "tcp": lay.TCP}


@dataclass(frozen=True)
class Trial:
    """What became of the frames of one run.

    `trace`: [frames, virtual.COLUMNS] what was sent; `events`: [n, layout.EV_*] frames that were
    delivered or dropped, in order of time; `stages`: [n, MAX_STAGES, layout.REC_*] where each of
    them was, of which `hops` [n] are set; `stats`: the host's counters.
    """

    trace: Table
    events: Table
    stages: Table
    hops: Table
    stats: dict[str, Any]

    def delivered(self, flow: int | None = None) -> NDArray[np.bool_]:
        """[n] which events are frames (of `flow`) that the application got."""
        found: NDArray[np.bool_] = self.events[:, lay.EV_KIND] == lay.DELIVER
        return found if flow is None else found & (self.events[:, lay.EV_FLOW] == flow)

    def sent(self, flow: int) -> int:
        """Frames of `flow` that were sent."""
        return int(np.count_nonzero(self.trace[:, virtual.COLUMNS.index("flow")] == flow))

    def softirqs(self, flow: int | None = None, skip: int = 0) -> Table:
        """[m, layout.REC_*] stages of delivered frames, the application's left out.

        `skip`: so many of each frame's first stages are left out, too.
        """
        chosen = self.delivered(flow)
        stages, hops = self.stages[chosen], self.hops[chosen]
        numbers = np.arange(stages.shape[1])
        wanted = (numbers >= skip) & (numbers < hops[:, None] - 1)
        return stages[wanted]

    def depth(self, flow: int | None = None) -> list[int]:
        """Softirqs that a delivered frame went through; one number when it is the same for all."""
        return sorted({int(hops) - 1 for hops in self.hops[self.delivered(flow)]})

    def arrivals(self) -> Table:
        """[n] when the frame of each event came to the NIC."""
        times: Table = self.events[:, lay.EV_TIME] - self.events[:, lay.EV_LATENCY]
        return times

    def order(self, flow: int) -> Order:
        """RFC 4737's view of a flow; frames that came at one time count as one."""
        mine = self.trace[:, virtual.COLUMNS.index("flow")] == flow
        arrival = self.arrivals()[self.delivered(flow)]
        sequence = np.searchsorted(self.trace[mine, 0], arrival)
        return analyse(sequence.tolist(), self.sent(flow))

    def busy(self, *kinds: str) -> int:
        """Time, ns, that all CPUs together spent on these kinds of work (layout.BUSY_NAMES)."""
        return sum(cpu[kind] for cpu in self.stats["busy_ns"] for kind in kinds)


def cpus(stages: Table) -> list[int]:
    """The CPUs that ran `stages`."""
    return sorted({int(cpu) for cpu in stages[:, lay.REC_CPU]})


def counted(depths: Sequence[int]) -> str:
    """Numbers of softirqs for people."""
    return f"{', '.join(map(str, depths))} softirq{'s' * (list(depths) != [1])}"


def told(numbers: Sequence[int]) -> str:
    """Numbers of CPUs for people."""
    name = "CPU" if len(numbers) == 1 else "CPUs"
    if len(numbers) > 8:
        return f"{len(numbers)} {name}, {numbers[0]} to {numbers[-1]}"
    return f"{name} {', '.join(map(str, numbers))}"


def run(
    system: System,
    hashes: Sequence[int] = (HASH,),
    gap: int = STEADY,
    count: int = 4000,
    proto: str = "udp",
    knobs: Mapping[str, Any] = MappingProxyType({}),
) -> Trial:
    """`count` frames, a flow for each hash by turns, each to a socket of its own.

    `knobs`: what of the host's is not as in `system`.
    """
    flows = len(hashes)
    model = measure.build(system, knobs, flows, records=True)
    numbers = np.arange(count)
    tcp = proto == "tcp"
    frame = (measure.FULL if tcp else measure.SMALL) + measure.VXLAN_BYTES * system.tunnels(proto)
    trace = virtual.make_trace(
        numbers * gap,
        rss_hash=np.array(hashes)[numbers % flows],
        flow=numbers % flows,
        socket=numbers % flows,
        chain=measure.chain_of(model, system, proto),
        protocol=_PROTOCOL[proto],
        wire_len=frame,
        payload=PAYLOAD * tcp,
        seq=numbers // flows * PAYLOAD % 2**32 * tcp,
        tcp_flags=0x10 * tcp,
    )
    return follow(model, trace)


def follow(model: Model, trace: Table) -> Trial:
    """Run `trace` through `model`, which was made with records."""
    events, stages, hops = [], [], []
    for part in virtual.run(model, trace):
        slots = part[:, lay.EV_SLOT]
        events.append(part.copy())
        stages.append(model.state.record[slots])
        hops.append(model.state.hop[slots])
    whole = [np.concatenate(parts) for parts in (events, stages, hops)]
    return Trial(trace, whole[0], whole[1], whole[2], model.stats())


@cache
def rate(system: System, proto: str = "udp") -> float:
    """Packets/s of one flow that saturates the host."""
    load = Stream((2e6,), ms=5) if proto == "udp" else Closed(1, ms=10, window=1024)
    return measure.measure(system, load, seed=1).pps


@cache
def requests(system: System, renews: bool) -> Metrics:
    """One client that asks without a pause, over one connection or each time over a new one."""
    return measure.measure(system, Closed(1, ms=20, asks=True, renews=renews), seed=1)


def connect(system: System, window: int = 64) -> Peers:
    """One TCP stream over a connection that is to be set up first."""
    model = measure.build(system, {}, 1)
    stream = Connection(
        rss_hash=HASH,
        chain=measure.chain_of(model, system, "tcp"),
        window=window,
        wire_len=measure.FULL + measure.VXLAN_BYTES * system.tunnels("tcp"),
        setup=measure.handshake_of(model, system),
    )
    return Peers(model, [stream])
