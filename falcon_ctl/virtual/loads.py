"""Loads under the virtual clock: who sends what, how often, and who reads it. Pure, validated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.virtual.wire import FULL, MOST_DATAGRAM, SMALL
from rxpath.tcp.connections import MOST_MESSAGE, Wire

SEND_NS = 2_000
"""From a client's sendto to its link, ns: an estimate, as `Wire`'s times are, for all systems."""


@dataclass(frozen=True)
class Stream:
    """An open-loop UDP load: one rate, messages/s, for each flow, from `surge_ms` on `surge` times.

    Raises UsageError when it is no load.

    Attributes:
        rates: of the flows; a flow is a client.
        ms: measured, after `warm_ms`.
        surge: how many times the rate from `surge_ms` of the measured time on, of the flows
            that are `surging`, the first ones.
        size: bytes of a frame without its tunnel, when `message` does not say more.
        message: bytes that a client sends at a time. A datagram above the MTU goes as IP fragments.
        clients: how many flows one socket receives: flow i comes to socket i // clients.
        as_one: the clients are one flow for whoever receives: one hash, one order, one socket.
        threads: how many threads read the sockets, socket s by thread s % threads; 0: each its own.
        paced: a client sends at fixed intervals, as sockperf does, and not by a Poisson process.
        pairs: how many pairs of addresses the flows are between, flow i of pair i % pairs. A
            fragment has no ports: NIC and kernel know the flows of a pair by one hash.
        hashes: the flows' RSS hashes, flow i's is hashes[i % n]; drawn at random without any.
        send_ns: from the client's call to its link, and
        wire: what else lies around the receiving host: parts of a round trip, see `Metrics`.
        knobs: of the host, beside the system's.
    """

    rates: Sequence[float]
    ms: int
    warm_ms: int = 2
    surge: float = 1.0
    surging: int = 0
    surge_ms: int = 0
    size: int = SMALL
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    message: int = 0
    clients: int = 1
    as_one: bool = False
    threads: int = 0
    paced: bool = False
    pairs: int = 1
    hashes: Sequence[int] = ()
    send_ns: int = SEND_NS
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        """Check it."""
        flows = len(self.rates)
        if not flows or not all(0 < rate < math.inf for rate in self.rates):
            raise UsageError("rates", str(list(self.rates)[:3]), "messages/s of each flow, above 0")
        _check_times(self.ms, self.warm_ms, self.send_ns)
        _within("surging", self.surging, 0, flows)
        _within("message", self.message, 0, MOST_DATAGRAM)
        if self.message and self.size != SMALL:
            raise UsageError("size", f"{self.size} beside message", "one of the two")
        _within("clients", self.clients, 1, flows)
        if self.as_one and self.clients < flows:
            raise UsageError("clients", str(self.clients), f"{flows}, of clients that are one flow")
        if flows % self.clients:
            raise UsageError("clients", str(self.clients), f"a divisor of the {flows} flows")
        _within("threads", self.threads, 0, self.sockets)
        _within("pairs", self.pairs, 1, flows)

    @property
    def sockets(self) -> int:
        """How many sockets receive the flows."""
        return len(self.rates) // self.clients


@dataclass(frozen=True)
class Closed:
    """A closed-loop TCP load: `connections` streams, or clients that send requests and think.

    Raises UsageError when it is no load.

    Attributes:
        connections: of each client.
        ms: measured, after `warm_ms`.
        window: segments of each stream's window.
        asks: they ask, wait for the answer and think.
        renews: each request is asked over a new connection; else connections are there from the
            start, but for Slim's.
        think_ns: mean of exponentially distributed thinking, cut at `longest_think_ns`.
        surge: how many times the window from the measurement's start on, of the streams that are
            `surging`, the first ones.
        size: bytes of a stream's full frame without its tunnel (`falcon_ctl.virtual.wire.segment`).
        message: bytes that a stream's application writes at a time, see `Connection`; 0: no ends.
        nagle: a write waits to fill a segment (RFC 896), so a busy stream is of full segments
            without PSH, and its messages are counted by their bytes; without it, each write is
            sent. A latency is that of the whole segments that are nearest to a message, from when
            they were filled.
        rate: messages/s that each stream's application writes; 0: what the window allows.
        clients: each has as many connections, on a client's machine of its own or not.
        threads: how many threads read the sockets, socket s by thread s % threads; 0: each its own.
        hashes, send_ns: see `Stream`.
        wire: between the machines.
        knobs: of the host, beside the system's.
    """

    connections: int
    ms: int
    warm_ms: int = 5
    window: int = 256
    asks: bool = False
    renews: bool = False
    think_ns: float = 0.0
    longest_think_ns: float = math.inf
    surge: int = 1
    surging: int = 0
    size: int = FULL
    wire: Wire = field(default_factory=Wire)
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    message: int = 0
    nagle: bool = False
    rate: float = 0.0
    clients: int = 1
    threads: int = 0
    hashes: Sequence[int] = ()
    send_ns: int = SEND_NS

    def __post_init__(self) -> None:
        """Check it."""
        _check_times(self.ms, self.warm_ms, self.send_ns)
        _within("connections", self.connections, 1, MOST_FLOWS)
        _within("clients", self.clients, 1, MOST_FLOWS)
        _within("flows", self.flows, 1, MOST_FLOWS)
        _within("surging", self.surging, 0, self.flows)
        _within("message", self.message, 0, MOST_MESSAGE)
        _within("threads", self.threads, 0, self.flows)
        if self.message and self.asks:
            raise UsageError("message", str(self.message), "0, for clients that ask")
        if not 0 <= self.rate <= 1e9:
            raise UsageError("rate", str(self.rate), "messages/s from 0 to 1e9")
        if self.rate and not self.message:
            raise UsageError("rate", str(self.rate), "0, without messages")
        if self.nagle and not self.message:
            raise UsageError("nagle", "given", "a message beside it")

    @property
    def flows(self) -> int:
        """How many connections there are."""
        return self.connections * self.clients


Load = Stream | Closed
MOST_FLOWS = 65_536


def _check_times(ms: int, warm_ms: int, send_ns: int) -> None:
    _within("ms", ms, 1, 10**6)
    _within("warm_ms", warm_ms, 0, 10**6)
    _within("send_ns", send_ns, 0, 10**9)


def _within(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(key, str(value), f"{low} to {high}")
