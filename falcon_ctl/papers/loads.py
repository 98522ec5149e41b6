"""The loads of both papers in terms of the model's; what it cannot offer is `Missing`. Pure.

A load that the papers leave open has the rule that it was chosen by beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
# state in milliseconds of model time instead of half a second. A flow then moves 80 times as often,
# and FALCON's order guard is on: what few moves cost is not to count 80 times.
TESTBED = {"moderation": "adaptive", "falcon": {"load_interval_ns": 500_000}}
UNSTATED = Missing("the paper states neither size nor rate")
# A stream of writes of 16 B is limited by the client: 0.32 to 0.34 Gbit/s a flow with any system
# (mFlow Figs 4a, 8a and 10a), which are 2.5 million writes/s.
WRITES = 2.5e6
# EuroSys overloads, and latencies there are those of full queues. By how much is what core 0 says,
# which does 19.4 % for 500,000 packets/s of the overlay (Fig 5): the 29.2 % of the container and
# 61.9 % of FALCON (Fig 11) are 752,000 and 1,594,000, where 550,000 and 1,300,000 are received. The
# host's core 0 is full, as it is in the model with 2.2 times what is received.
OFFERED: Mapping[str, float] = {"Host": 2.2, "Con": 1.37, "Falcon": 1.23}
# mFlow's latencies, a tenth of those, are from before drops; of the highest rate, which 95 % arrive
# of. Not much nearer to it, the model's backlogs are full.
BEFORE_DROPS = 0.8
# Datagrams/s of 64 KB that three clients send at most: 37,000 to 42,000 come to either paper's host
# (EuroSys Figs 2a, 10b, 10c, mFlow Figs 4a, 8a), on two machines; mFlow says that clients limit it.
LARGEST = 41e3
# What one sockperf client sends, packets/s: the bar of one flow, which its sender limits.
CLIENT: Mapping[str, tuple[float, float]] = {"4.19": (352e3, 246e3), "5.4": (476e3, 250e3)}


def datagrams(message: int, *rates: float, ms: int = 20, warm_ms: int = 5) -> Stream:
    """UDP flows of these rates, datagrams/s, each of a client that sends at fixed intervals."""
    size = min(message, MOST_DATAGRAM)
    hashes = (APART,) if len(rates) == 1 else ()
    return Stream(rates, ms=ms, warm_ms=warm_ms, message=size, paced=True, hashes=hashes)


def together(message: int, rate: float, ms: int = 20, warm_ms: int = 5) -> Stream:
    """What both papers call one UDP flow: three clients to one socket, each at a third of `rate`.

    They are one for who receives, steered as `APART` says: one core polls them (EuroSys Fig 11).
    """
    load = datagrams(message, *(rate / 3,) * 3, ms=ms, warm_ms=warm_ms)
    return replace(load, clients=3, as_one=True, hashes=(APART,))


def steady(*rates: float) -> Stream:
    """UDP flows of 16 B at these rates; whatever adapts has 100 ms to do so."""
    if len(rates) == 1:
        return together(16, *rates, ms=100, warm_ms=100)
    return datagrams(16, *rates, ms=100, warm_ms=100)


def stress(message: int, gbit_per_s: float = 100.0, beyond: float = 0, flows: int = 1) -> Peak:
    """UDP flows, raised until drops begin; `beyond`: measured at so many times the highest rate.

    A single one is three clients', see `together`.
    """
    large = message >= 16 * KIB
    ms = 40 if large else 20
    load = datagrams(message, *(1.0,) * flows, ms=ms) if flows > 1 else together(message, 1.0, ms)
    low = min(100e3, 1e9 / 8 / message)  # 1 Gbit/s at most
    load = replace(load, wire=Wire(gbit_per_s=int(gbit_per_s)))
    found = Peak(load, low=low, gbit_per_s=float(gbit_per_s), beyond=beyond)
    return replace(found, high=LARGEST) if large else found


def overload() -> Mapping[str, Peak]:
    """EuroSys's UDP flow of 16 B beyond each system's maximum."""
    return {bar: stress(16, beyond=beyond) for bar, beyond in OFFERED.items()}


def clients(count: int, kernel: str) -> dict[str, Stream]:
    """UDP flows of 16 B with a client each, for the host network ("Host") and the overlay."""
    host, overlay = CLIENT[kernel]
    loads = {
        name: datagrams(16, *(rate,) * count, ms=10, warm_ms=10)
        for name, rate in (("Host", host), ("Con", overlay))
    }
    return {**loads, "Falcon": loads["Con"]}


def streams(message: int, count: int = 1, gbit_per_s: int = 100, nagle: bool = False) -> Closed:
    """TCP connections that send as fast as they may, in messages of this size.

    Whether Nagle's algorithm is on is not stated, and sockperf's modes differ in it. EuroSys's bars
    say off: the host takes 16 Gbit/s in messages of 4 KB (Fig 13d) and 28 of 64 KB (Fig 2a); with
    it the wire is the same for both, as it is in mFlow's bars (28.6 and 26.6, Fig 4a).
    """
    return Closed(
        count,
        ms=20 if count == 1 else 8,
        warm_ms=8,
        window=1024 if count == 1 else 256,
        message=message,
        nagle=nagle,
        rate=WRITES if message < KIB else 0,
        hashes=(APART,) if count == 1 else (),
        wire=Wire(gbit_per_s=gbit_per_s),
    )


def overloaded(message: int, nagle: bool = False) -> Closed:
    """One TCP connection that sends as fast as it may, and the latencies of its messages.

    How much a sender has on its way is not stated. mFlow's bars give 2.6 to 4.2 MB for all systems
    alike, as rate times round trip (Figs 4a and 9b); here it is what the NIC's ring holds, because
    the model's wire has no pause frames.
    """
    if message < KIB:
        return replace(streams(message, nagle=nagle), ms=100, warm_ms=100)
    return Closed(1, ms=40, warm_ms=40, window=1000, message=message, nagle=nagle, hashes=(APART,))


def paced(message: int, rate: float) -> Closed:
    """One TCP connection that writes messages at a fixed rate a second."""
    return Closed(1, ms=100, warm_ms=100, window=1024, message=message, rate=rate, hashes=(APART,))


# us between a connection's requests, by the rule of `caching`, in EuroSys's Fig 18 and mFlow's 13.
THINKING: Mapping[str, float] = {"eurosys21": 146.0, "ipdps23": 360.0}


def caching(count: int, think_us: float) -> Closed:
    """A memcached with this many clients: ten connections each, four threads on the server.

    The rate is not stated. A request takes a thread 2 us, and a client thinks so long between two
    of a connection that ten clients wait so many times longer for the container than one, as in
    the figure. A round trip of 20 us leaves no room for a NIC that waits: adaptive moderation is
    at its lowest level here [mlx5's first one, include/linux/dim.h].
    """
    return Closed(
        10,
        clients=count,
        threads=4,
        ms=30,
        warm_ms=20,
        asks=True,
        think_ns=1000 * think_us,
        knobs={"service_ns": 2000, "moderation": "fixed", "rx_usecs": 2, "rx_frames": 256},
    )


def surge(proto: str) -> Stream | Closed:
    """Six flows, of which one becomes more intense until it overloads a core.

    Flows and rates are not stated. UDP: 200,000 packets/s each, as in Fig 5, and four times as many
    of one, which are more than a core of the overlay takes there. TCP: windows of 16 segments, and
    eight times that of one.
    """
    if proto == "udp":
        rates = (200e3,) * 6
        return Stream(rates, ms=20, warm_ms=10, surge=4.0, surging=1, message=16, paced=True)
    return Closed(6, ms=20, warm_ms=10, window=16, surge=8, surging=1, message=4 * KIB)
