"""The loads of both papers in terms of the model's; what it cannot offer is `Missing`. Pure.

A load that the papers leave open has the rule that it was chosen by beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from falcon_ctl.papers.layout import APART
from falcon_ctl.papers.panel import Missing
from falcon_ctl.virtual.measure import Closed, Stream
from falcon_ctl.virtual.peak import Peak
from falcon_ctl.virtual.wire import MOST_DATAGRAM
from rxpath.tcp.connections import Wire

KIB = 1024
SIZES = {"16B": 16, "1KB": KIB, "4KB": 4 * KIB, "64KB": 64 * KIB}

# Interrupt moderation is adaptive in EuroSys's testbed, and by default in mlx5's driver. A load
# average is over 10 jiffies (40 ms) in the kernel; half a millisecond reaches the same steady
# state in milliseconds of model time instead of half a second.
TESTBED = {"moderation": "adaptive", "falcon": {"load_interval_ns": 500_000}}
UNSTATED = Missing("the paper states neither size nor rate")
SENDER = Missing("a TCP sender that its own writes of 16 B limit")
# What one sockperf client sends, packets/s: the bar of one flow, which its sender limits.
CLIENT: Mapping[str, tuple[float, float]] = {"4.19": (352e3, 246e3), "5.4": (476e3, 250e3)}


def datagrams(message: int, *rates: float, ms: int = 20, warm_ms: int = 5) -> Stream:
    """UDP flows of these rates, datagrams/s; a single one as `APART` steers it.

    sockperf's clients send at fixed intervals.
    """
    hashes = (APART,) if len(rates) == 1 else ()
    size = min(message, MOST_DATAGRAM)
    return Stream(rates, ms=ms, warm_ms=warm_ms, message=size, paced=True, hashes=hashes)


def steady(*rates: float) -> Stream:
    """UDP flows of 16 B at these rates; whatever adapts has 100 ms to do so."""
    return datagrams(16, *rates, ms=100, warm_ms=100)


def stress(message: int, gbit_per_s: float = 100.0, full: bool = False, flows: int = 1) -> Peak:
    """UDP flows, raised until drops begin; `full`: measured there, with full queues.

    Three clients of one flow each are one for the receiver: one core polls them (EuroSys Fig 11).
    """
    load = datagrams(message, *(1.0,) * flows, ms=20 if message < 16 * KIB else 40)
    low = min(100e3, 1e9 / 8 / message)  # 1 Gbit/s at most
    return Peak(load, low=low, gbit_per_s=float(gbit_per_s), full=full)


def clients(count: int, kernel: str) -> dict[str, Stream]:
    """UDP flows of 16 B with a client each, for the host network ("Host") and the overlay."""
    host, overlay = CLIENT[kernel]
    loads = {
        name: datagrams(16, *(rate,) * count, ms=10, warm_ms=10)
        for name, rate in (("Host", host), ("Con", overlay))
    }
    return {**loads, "Falcon": loads["Con"]}


def streams(message: int, count: int = 1, gbit_per_s: int = 100) -> Closed | Missing:
    """TCP connections that send as fast as they may, in messages of this size.

    sockperf's throughput mode leaves Nagle's algorithm on. It is the client that limits a stream
    of 16 B messages.
    """
    if message < KIB:
        return SENDER
    return Closed(
        count,
        ms=20 if count == 1 else 8,
        warm_ms=8,
        window=1024 if count == 1 else 256,
        message=message,
        nagle=True,
        hashes=(APART,) if count == 1 else (),
        wire=Wire(gbit_per_s=gbit_per_s),
    )


def overloaded(message: int) -> Closed:
    """One TCP connection whose window is always full: each write is sent, and its latency taken.

    How much a sender has on its way is not stated: the window decides the latency, and not the
    ratio of two systems.
    """
    return Closed(1, ms=40, warm_ms=20, window=256, message=message, hashes=(APART,))


def paced(message: int, rate: float) -> Closed:
    """One TCP connection that writes messages at a fixed rate a second."""
    return Closed(1, ms=100, warm_ms=100, window=1024, message=message, rate=rate, hashes=(APART,))


def caching(count: int) -> Closed:
    """A memcached with this many clients: ten connections each, four threads on the server.

    The rate is not stated. A client thinks 100 us between requests, and a request takes a thread
    2 us: with ten clients the four threads are then between a third and half busy.
    """
    return Closed(
        10,
        clients=count,
        threads=4,
        ms=20,
        warm_ms=10,
        asks=True,
        think_ns=100_000.0,
        knobs={"service_ns": 2000},
    )


def surge(proto: str) -> Stream | Closed:
    """Six flows, for each of which a receiving core is enough by far; one becomes more intense.

    Flows and rates are not stated, only that one core is overloaded. UDP: 100,000 packets/s each,
    and 500,000 of one, where one core of the overlay is full (Fig 5). TCP: windows of 16 segments,
    and eight times that of one.
    """
    if proto == "udp":
        rates = (100e3,) * 6
        return Stream(rates, ms=20, warm_ms=10, surge=5.0, surging=1, message=16, paced=True)
    return Closed(6, ms=20, warm_ms=10, window=16, surge=8, surging=1, message=4 * KIB, nagle=True)
