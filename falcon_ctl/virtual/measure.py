"""One run of the model: a system under a load, from a seed, and its metrics. Pure.

Each run warms up first; measuring begins after that. Rates and loads are those of the
measured time, latencies those of the frames (or requests) that were done in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from socket import IPPROTO_TCP, IPPROTO_UDP
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.errors import NotConserved
from falcon_ctl.systems.system import VXLAN_BYTES, System, merge_knobs
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.drivers.closed import ClosedLoop
from rxpath.host import Model
from rxpath.results import Counters, counters, follow
from rxpath.tcp.connections import Connection, Step, Wire

MS = 1_000_000  # ns
ACK = 0x10  # of the TCP header's flags
SMALL, FULL, SYN = 64, 1514, 74  # bytes of a frame without a tunnel
TCP_HEADERS = 66  # bytes of Ethernet, IPv4, and TCP with the timestamp option
_SLOTS = 40_000  # at least; unused memory is never touched


@dataclass(frozen=True)
class Metrics:
    """The results of a run.

    `pps`: packets/s that the applications read (segments, for TCP); `latencies`: ns; `loads`:
    percent of each CPU that did anything; `retransmits`: TCP segments that were sent again;
    `setup_us`: mean time that setting a connection up took, NaN without any; `held`: skbs that the
    order guard held at a new CPU, for `held_ns` all together.
    """

    pps: float
    sent: int
    delivered: int
    drops: Mapping[str, int]
    queued: int
    reordered: int
    latencies: NDArray[np.int64]
    loads: Mapping[int, float]
    retransmits: int = 0
    setup_us: float = float("nan")
    held: int = 0
    held_ns: int = 0

    @property
    def lost(self) -> int:
        """Frames dropped, for any reason."""
        return sum(self.drops.values())

    @property
    def is_conserved(self) -> bool:
        """Sent = delivered + drops by reason + still queued."""
        return self.sent == self.delivered + self.lost + self.queued

    @property
    def reordered_ratio(self) -> float:
        """Share of the delivered frames that a later one overtook (RFC 4737, section 4.1)."""
        return self.reordered / self.delivered if self.delivered else float("nan")

    @property
    def cpu_ns(self) -> float:
        """Time that all CPUs together spent for each packet that was read, NaN without any."""
        return sum(self.loads.values()) / 100 * 1e9 / self.pps if self.pps else float("nan")

    def latency_us(self, quantile: float) -> float:
        """A quantile of the latencies, µs; NaN without any."""
        if not len(self.latencies):
            return float("nan")
        return float(np.quantile(self.latencies, quantile)) / 1000

    @property
    def mean_us(self) -> float:
        """Mean latency, µs; NaN without any."""
        return float(self.latencies.mean()) / 1000 if len(self.latencies) else float("nan")


@dataclass(frozen=True)
class Stream:
    """An open-loop UDP load: one rate, packets/s, for each flow, from `surge_ms` on `surge` times.

    `surging`: how many of the flows, the first ones, surge; `size`: bytes of a frame without
    its tunnel.
    """

    rates: Sequence[float]
    ms: int
    warm_ms: int = 2
    surge: float = 1.0
    surging: int = 0
    surge_ms: int = 0
    size: int = SMALL
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)


def udp(system: System, load: Stream, seed: int) -> Metrics:
    """The open loop `senders`, measured."""
    model, trace = senders(system, load, seed)
    return _open_loop(model, trace, load.warm_ms * MS, (load.warm_ms + load.ms) * MS)


def senders(
    system: System, load: Stream, seed: int, proto: str = "udp", records: bool = False
) -> tuple[Model, Any]:
    """A host and a trace for it (`rxpath.drivers.virtual`): Poisson arrivals of small datagrams.

    With `proto` "tcp" they are full segments of long transfers instead, which nothing
    acknowledges. Each flow has a socket and a thread of its own. `records`: the host records
    frames' stages.
    """
    rng = np.random.default_rng([seed, 1])
    count = len(load.rates)
    times, flows = _arrivals(load, rng)
    model = build(system, load.knobs, count, records, len(times))
    is_tcp = proto == "tcp"
    trace = virtual.make_trace(
        times,
        rss_hash=_hashes(rng, count)[flows],
        flow=flows,
        socket=flows,
        chain=chain_of(model, system, proto),
        protocol=IPPROTO_TCP if is_tcp else IPPROTO_UDP,
        wire_len=(FULL if is_tcp else load.size) + VXLAN_BYTES * system.tunnels(proto),
        **segments(np.arange(len(times))) if is_tcp else {},
    )
    return model, trace


def segments(numbers: NDArray[np.int64]) -> dict[str, Any]:
    """Columns of a trace whose frames are full segments with these numbers in their streams."""
    return {
        "payload": FULL - TCP_HEADERS,
        "seq": numbers * (FULL - TCP_HEADERS) % 2**32,
        "tcp_flags": ACK,
    }


def _open_loop(model: Model, trace: Any, start: int, end: int) -> Metrics:
    """Run `trace` and measure from `start` to `end`; what arrives later is not driven."""
    latencies = []
    for frames in follow(model, trace, end):
        within = (frames.time >= start) & (frames.time < end)
        latencies.append(frames.latency[frames.delivered & within])
    found = np.concatenate(latencies) if latencies else np.empty(0, np.int64)
    host = counters(model)
    return Metrics(
        pps=len(found) * 1e9 / (end - start),
        sent=len(trace),
        delivered=host.delivered,
        drops=host.drops,
        queued=host.queued,
        reordered=host.reordered,
        latencies=found,
        loads=_loads(host, host.clock_ns),
        held=host.held,
        held_ns=host.held_ns,
    )


@dataclass(frozen=True)
class Closed:
    """A closed-loop TCP load: `connections` streams, or clients that send requests and think.

    `think_ns`: mean of exponentially distributed thinking. `renews`: each request is asked over a
    new connection; else connections are there from the start, but for Slim's. `surging`: how many
    of the streams, the first ones, have a window `surge` times as large once the measurement
    begins; `size`: bytes of a stream's frame without its tunnel.
    """

    connections: int
    ms: int
    warm_ms: int = 5
    window: int = 256
    asks: bool = False
    renews: bool = False
    think_ns: float = 0.0
    surge: int = 1
    surging: int = 0
    size: int = FULL
    wire: Wire = field(default_factory=Wire)
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)


def tcp(system: System, load: Closed, seed: int) -> Metrics:
    """The closed loop `connected`, measured; latencies are those of requests, if there are any."""
    model, closed_loop = connected(system, load, seed)
    start = load.warm_ms * MS
    end = start + load.ms * MS
    closed_loop.run(start)
    before = counters(model)
    surge(closed_loop, load)
    closed_loop.run(end)
    after = counters(model)
    return Metrics(
        pps=(after.delivered - before.delivered) * 1e9 / (end - start),
        sent=closed_loop.sent - closed_loop.on_the_wire,
        delivered=after.delivered,
        drops=after.drops,
        queued=after.queued,
        reordered=after.reordered,
        latencies=closed_loop.latencies(start),
        loads=_loads(after, end, before, start),
        retransmits=closed_loop.retransmits,
        setup_us=_mean_setup_us(closed_loop),
        held=after.held,
        held_ns=after.held_ns,
    )


def _mean_setup_us(closed_loop: ClosedLoop) -> float:
    count, spent = closed_loop.setups().sum(axis=0)
    return float(spent / count) / 1000 if count else float("nan")


def surge(closed_loop: ClosedLoop, load: Closed) -> None:
    """The surging connections' windows open."""
    for number in range(load.surging):
        closed_loop.open_window(number, load.window * load.surge)


def connected(system: System, load: Closed, seed: int) -> tuple[Model, ClosedLoop]:
    """A host and the TCP connections that are to drive it, before anything was sent."""
    rng = np.random.default_rng([seed, 2])
    count = load.connections
    # Twice, because a segment may be sent again while it waits.
    model = build(system, load.knobs, count, frames=2 * count * load.window * load.surge)
    frame = (SMALL + 64 if load.asks else load.size) + VXLAN_BYTES * system.tunnels("tcp")
    chain, hashes = chain_of(model, system, "tcp"), _hashes(rng, count)
    kept = not load.renews and not system.connection_level
    handshake = () if kept else handshake_of(model, system)
    starts = rng.integers(0, MS, count)
    connections = [
        Connection(
            rss_hash=int(hashes[number]),
            chain=chain,
            socket=number,
            window=1 if load.asks else load.window,
            most=load.window * (load.surge if number < load.surging else 1),
            wire_len=frame,
            payload=64 if load.asks else load.size - TCP_HEADERS,
            thinks=load.asks,
            setup=handshake,
            renews=load.renews,
            start_ns=int(starts[number]),
        )
        for number in range(count)
    ]
    thinking = rng.exponential(load.think_ns, 1 << 14).astype(np.int64)
    return model, ClosedLoop(model, connections, load.wire, thinking, samples=1 << 20)


def build(
    system: System, knobs: Mapping[str, Any], flows: int, records: bool = False, frames: int = 0
) -> Model:
    """The receiving host of `system`, with some knobs changed and room for `frames` at a time."""
    return Model(
        Knobs.parse(merge_knobs(system.knobs, {"costs": system.costs}, knobs)),
        slots=max(_SLOTS, frames),
        sockets=flows,
        flows=flows,
        records=records,
        policy=system.custom,
    )


def chain_of(model: Model, system: System, proto: str) -> int:
    """The chain of the data of `proto`."""
    return model.chain("tunnel" if system.tunnels(proto) else "plain")


def handshake_of(model: Model, system: System) -> tuple[Step, ...]:
    """What the server gets of a handshake before the data, whose first segment is TCP's third.

    Slim and FreeFlow: SYN and ACK over the overlay; accept() then tells the client the address of
    the host's socket, to which it connects once more (danyangz/Slim, socket.c).
    """
    direct = Step(chain_of(model, system, "tcp"), SYN + VXLAN_BYTES * system.tunnels("tcp"))
    if not system.connection_level:
        return (direct,)
    over = Step(model.chain("tunnel"), SYN + VXLAN_BYTES)
    return over, over, direct


def _hashes(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """What RSS makes of random ports: evenly distributed 32 bits (see rxpath.wire.toeplitz)."""
    return rng.integers(0, 1 << 32, count)


def _arrivals(
    load: Stream, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times (ns, sorted) and flows of all frames."""
    total, times, flows = (load.warm_ms + load.ms) * MS, [], []
    surge_at = (load.warm_ms + load.surge_ms) * MS
    for flow, rate in enumerate(load.rates):
        found = _poisson(rate, 0, total, rng)
        if flow < load.surging and load.surge > 1:
            more = _poisson(rate * (load.surge - 1), surge_at, total, rng)
            found = np.concatenate([found, more])
        times.append(found)
        flows.append(np.full(len(found), flow))
    merged = np.concatenate(times)
    order = np.argsort(merged, kind="stable")
    return merged[order], np.concatenate(flows)[order]


def _poisson(rate: float, start: int, end: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Given their number, a Poisson process's arrivals are uniform."""
    return rng.integers(start, end, rng.poisson(rate * (end - start) / 1e9))


def _loads(
    host: Counters, end: int, before: Counters | None = None, start: int = 0
) -> dict[int, float]:
    """Percent of the time from `start` to `end` that each CPU was busy, for those that were."""
    busy = [sum(cpu) for cpu in host.busy]
    if before is not None:
        earlier = [sum(cpu) for cpu in before.busy]
        busy = [now - then for now, then in zip(busy, earlier, strict=True)]
    return {cpu: 100 * ns / (end - start) for cpu, ns in enumerate(busy) if ns}


Load = Stream | Closed


def measure(system: System, load: Load, seed: int) -> Metrics:
    """Run `system` under `load`.

    Raises:
        NotConserved: frames are missing, or too many; the model is wrong and so is the result.
        PolicyError: a custom policy fails.
    """
    if system.custom is None:
        return _measure(system, load, seed)
    return system.custom.run(lambda policy: _measure(replace(system, custom=policy), load, seed))


def _measure(system: System, load: Load, seed: int) -> Metrics:
    found = udp(system, load, seed) if isinstance(load, Stream) else tcp(system, load, seed)
    if not found.is_conserved:
        raise NotConserved(system.name, seed, found.sent, found.delivered, found.lost, found.queued)
    return found
