"""One run of the model: a system under a load, from a seed, and its metrics. Pure.

Each run warms up first; measuring begins after that. Rates and loads are those of the
measured time, latencies those of the frames (or requests) that were done in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from socket import IPPROTO_TCP, IPPROTO_UDP
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.errors import NotConserved, UsageError
from falcon_ctl.systems.system import VXLAN_BYTES, System, merge_knobs
from falcon_ctl.virtual import arrivals
from falcon_ctl.virtual.arrivals import MS, Arrivals
from falcon_ctl.virtual.loads import Closed, Load, Stream
from falcon_ctl.virtual.metrics import Metrics
from falcon_ctl.virtual.wire import FULL, IP, MTU, SMALL, SYN, UDP, Datagram, datagram, segment
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.drivers.closed import ClosedLoop
from rxpath.host import Model
from rxpath.results import Busy, Counters, counters, frames_until
from rxpath.tcp.connections import Connection, Step

__all__ = ["FULL", "MS", "Closed", "Load", "Metrics", "Stream", "measure"]

ACK = 0x10  # of the TCP header's flags
SOFTIRQ = ("hardirq", "softirq", "ksoftirqd", "napi_thread")  # of `rxpath.results.Busy`
_SLOTS = 40_000  # at least; unused memory is never touched
_ONE_FRAME = Datagram(np.array([FULL]), np.array([MTU]))
_NO_FRAGMENTS = "datagrams below the MTU: the system's stack does not reassemble"


def udp(system: System, load: Stream, seed: int) -> Metrics:
    """The open loop `senders`, measured."""
    model, trace = senders(system, load, seed)
    start, end = load.warm_ms * MS, (load.warm_ms + load.ms) * MS
    replay = virtual.Replay(model, trace)
    for _ in replay.run(start):
        pass
    before, found = counters(model), []
    for frames in frames_until(model, replay, end):
        done = frames.delivered & (frames.time >= start)
        found.append(frames.latency[done])
    after = counters(model)
    latencies = np.concatenate(found) if found else np.empty(0, np.int64)
    # A datagram's frames are read at once, one after the other; the first one came first.
    frames_each = _datagram(system, load).frames
    messages = len(latencies) // frames_each
    size = load.message or load.size - (FULL - MTU) - IP - UDP
    return Metrics(
        pps=len(latencies) * 1e9 / (end - start),
        sent=len(trace),
        delivered=after.delivered,
        drops=after.drops,
        queued=after.queued,
        reordered=after.reordered,
        latencies=latencies.reshape(messages, frames_each).max(axis=1),
        loads=_loads(after, end, before, start),
        softirq=_loads(after, end, before, start, SOFTIRQ),
        net_rx=(after.net_rx - before.net_rx) * 1e9 / (end - start),
        messages_per_s=messages * 1e9 / (end - start),
        gbit_per_s=messages * size * 8 / (end - start),
        rest_ns=load.send_ns + load.wire.there_ns + load.wire.back_ns,
        held=after.held,
        held_ns=after.held_ns,
    )


def senders(
    system: System, load: Stream, seed: int, proto: str = "udp", records: bool = False
) -> tuple[Model, Any]:
    """A host and a trace for it (`rxpath.drivers.virtual`).

    With `proto` "tcp" the frames are full segments of long transfers instead, which nothing
    acknowledges. `records`: the host records frames' stages.

    Raises:
        UsageError: the system does not reassemble the datagrams' fragments.
    """
    rng = np.random.default_rng([seed, 1])
    count = len(load.rates)
    is_tcp = proto == "tcp"
    datagram = _ONE_FRAME if is_tcp else _datagram(system, load)
    sent = arrivals.draw(load, datagram, rng)
    model = build(system, _knobs(load), count, records, len(sent.times), load.sockets)
    hashes = _hashes(rng, count, load.hashes)
    if datagram.frames > 1:
        hashes = hashes[np.arange(count) % load.pairs]  # no ports: the addresses' hash
        if system.profile == "bypass":
            raise UsageError("message", f"{load.message} bytes to {system.name}", _NO_FRAGMENTS)
    trace = virtual.make_trace(
        sent.times,
        rss_hash=hashes[sent.flows],
        flow=sent.flows,
        socket=sent.flows // load.clients,
        chain=chain_of(model, system, proto),
        **segments(system, np.arange(len(sent.times))) if is_tcp else _columns(datagram, sent),
    )
    return model, trace


def _datagram(system: System, load: Stream) -> Datagram:
    """What a client sends at a time."""
    if load.message:
        return datagram(system, load.message)
    lengths = np.array([load.size + VXLAN_BYTES * system.tunnels("udp")])
    return Datagram(lengths, np.array([load.size - FULL + MTU - IP]))


def _columns(datagram: Datagram, sent: Arrivals) -> dict[str, Any]:
    """Columns of a trace of datagrams, or of their fragments."""
    found = {"protocol": IPPROTO_UDP, "wire_len": datagram.lengths[sent.places]}
    if datagram.frames > 1:
        found["payload"] = datagram.payloads[sent.places]
        found["seq"] = sent.numbers
        found["fragments"] = datagram.frames
    return found


def segments(system: System, numbers: NDArray[np.int64]) -> dict[str, Any]:
    """Columns of a trace whose frames are full segments with these numbers in their streams."""
    full = segment(system, FULL)
    return {
        "protocol": IPPROTO_TCP,
        "wire_len": full.length,
        "payload": full.payload,
        "seq": numbers * full.payload % 2**32,
        "tcp_flags": ACK,
    }


def _knobs(load: Load) -> Mapping[str, Any]:
    """The host's knobs that the load asks for."""
    return {**load.knobs, "threads": load.threads} if load.threads else load.knobs


def tcp(system: System, load: Closed, seed: int) -> Metrics:
    """The closed loop `connected`, measured."""
    model, closed_loop = connected(system, load, seed)
    start = load.warm_ms * MS
    end = start + load.ms * MS
    closed_loop.run(start)
    before, earlier = counters(model), _Progress.of(closed_loop)
    surge(closed_loop, load)
    closed_loop.run(end)
    after, later = counters(model), _Progress.of(closed_loop)
    frames = after.delivered - before.delivered
    payload = later.payload - earlier.payload
    messages: float = frames
    if load.nagle:  # counted by their bytes
        messages = payload / load.message
    elif load.message or load.asks:
        messages = later.messages - earlier.messages
    return Metrics(
        pps=frames * 1e9 / (end - start),
        sent=closed_loop.sent - closed_loop.on_the_wire,
        delivered=after.delivered,
        drops=after.drops,
        queued=after.queued,
        reordered=after.reordered,
        latencies=closed_loop.latencies(start),
        loads=_loads(after, end, before, start),
        softirq=_loads(after, end, before, start, SOFTIRQ),
        net_rx=(after.net_rx - before.net_rx) * 1e9 / (end - start),
        retransmits=closed_loop.retransmits,
        setup_us=_mean_setup_us(closed_loop),
        messages_per_s=messages * 1e9 / (end - start),
        gbit_per_s=payload * 8 / (end - start),
        rest_ns=load.send_ns + (0 if load.asks else load.wire.back_ns),
        held=after.held,
        held_ns=after.held_ns,
    )


class _Progress(NamedTuple):
    """Messages and requests that were dealt with, and bytes that were read, since the start."""

    messages: int
    payload: int

    @classmethod
    def of(cls, closed_loop: ClosedLoop) -> _Progress:
        messages = closed_loop.messages().sum() + closed_loop.answered().sum()
        return cls(int(messages), closed_loop.payload_read())


def _mean_setup_us(closed_loop: ClosedLoop) -> float:
    count, spent = closed_loop.setups().sum(axis=0)
    return float(spent / count) / 1000 if count else float("nan")


def surge(closed_loop: ClosedLoop, load: Closed) -> None:
    """The surging connections' windows open."""
    for number in range(load.surging):
        closed_loop.open_window(number, load.window * load.surge)


def connected(
    system: System, load: Closed, seed: int, records: int = 0
) -> tuple[Model, ClosedLoop]:
    """A host and the TCP connections that are to drive it, before anything was sent.

    `records`: of how many frames the stages are kept.
    """
    rng = np.random.default_rng([seed, 2])
    count = load.flows
    # Twice, because a segment may be sent again while it waits.
    frames = 2 * count * load.window * load.surge
    model = build(system, _knobs(load), count, records > 0, frames)
    full = segment(system, SMALL + 64 if load.asks else load.size)
    chain, hashes = chain_of(model, system, "tcp"), _hashes(rng, count, load.hashes)
    kept = not load.renews and not system.connection_level
    handshake = () if kept else handshake_of(model, system)
    starts = rng.integers(0, MS, count)
    message = load.message
    if load.nagle:  # the nearest number of whole segments
        message = max(1, round(message / full.payload)) * full.payload
    connections = [
        Connection(
            rss_hash=int(hashes[number]),
            chain=chain,
            socket=number,
            window=1 if load.asks else load.window,
            most=load.window * (load.surge if number < load.surging else 1),
            wire_len=full.length,
            payload=64 if load.asks else full.payload,
            message=message,
            gap_ns=round(1e9 / load.rate * message / load.message) if load.rate else 0,
            joins=load.nagle,
            thinks=load.asks,
            setup=handshake,
            renews=load.renews,
            start_ns=int(starts[number]),
        )
        for number in range(count)
    ]
    thinking = rng.exponential(load.think_ns, 1 << 14)
    thinking = np.minimum(thinking, load.longest_think_ns).astype(np.int64)
    closed_loop = ClosedLoop(
        model, connections, load.wire, thinking, samples=1 << 20, records=records
    )
    return model, closed_loop


def build(
    system: System,
    knobs: Mapping[str, Any],
    flows: int,
    records: bool = False,
    frames: int = 0,
    sockets: int = 0,
) -> Model:
    """The receiving host of `system`, with some knobs changed and room for `frames` at a time.

    `sockets`: how many receive the flows; 0: one each.
    """
    return Model(
        Knobs.parse(merge_knobs(system.knobs, {"costs": system.costs}, knobs)),
        slots=max(_SLOTS, frames),
        sockets=sockets or flows,
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


def _hashes(rng: np.random.Generator, count: int, given: Sequence[int] = ()) -> NDArray[np.int64]:
    """What RSS makes of random ports: evenly distributed 32 bits (see rxpath.wire.toeplitz)."""
    return np.resize(given, count) if given else rng.integers(0, 1 << 32, count)


def _loads(
    host: Counters, end: int, before: Counters, start: int, kinds: Sequence[str] = Busy._fields
) -> dict[int, float]:
    """Percent of the time from `start` to `end` that each CPU was busy with `kinds` of work.

    For those CPUs that were busy with any.
    """
    busy = [
        sum(getattr(now, kind) - getattr(then, kind) for kind in kinds)
        for now, then in zip(host.busy, before.busy, strict=True)
    ]
    return {cpu: 100 * ns / (end - start) for cpu, ns in enumerate(busy) if ns}


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
