"""Published results of other systems beside the model's. Pure.

The numbers are of other machines, other baselines and loads that their sources state in part or
not at all, and no amount of the cost profile is set by them.  A number that is missed says so, and
is no claim that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from falcon_ctl.claims import trial
from falcon_ctl.claims.claims import PUBLISHED, Claim, Finding, times
from falcon_ctl.systems.catalogue import ECON, HOST, ONCACHE, OVERLAY, REDIRECT_PEER
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import measure
from falcon_ctl.virtual.measure import Closed, Metrics, Stream
from falcon_ctl.virtual.wire import FULL

WITHIN = 0.10  # ten points of the base's value, as the figures have it


@dataclass(frozen=True)
class Number:
    """A published ratio, of `what` over `base`'s, from `source`.

    `measure`: the same quantity of any system in the model.
    """

    key: str
    subject: str
    system: System
    base: System
    what: str
    ratio: float
    measure: Callable[[System], float]
    source: str

    def claim(self) -> Claim:
        """As a row of the table; it holds when the model is within `WITHIN`."""
        says = f"{self.what}: {times(self.ratio)} that of the {self.base.title} ({self.source})"
        return Claim(self.key, self.subject, PUBLISHED, says, self.system, self.compare)

    def compare(self, system: System) -> Finding:
        """`system` over the base, beside the published ratio."""
        found = self.measure(system) / self.measure(self.base)
        points = 100 * (found - self.ratio)
        return Finding(f"{times(found)}, {points:+.0f} points", abs(found - self.ratio) <= WITHIN)


def _udp(system: System) -> float:
    return trial.rate(system)


def _tcp(system: System) -> float:
    return trial.rate(system, "tcp")


@cache
def _full_udp(system: System) -> float:
    """Packets/s of one flow of full frames that saturates the host."""
    return measure.measure(system, Stream((2e6,), ms=5, size=FULL - 50), seed=1).pps


def _latency(system: System) -> float:
    return trial.requests(system, False).mean_us


def _transactions(system: System) -> float:
    """Requests/s of one client that asks without a pause."""
    return measure.measure(system, Closed(1, ms=20, asks=True), seed=1).messages_per_s


@cache
def _clients(system: System) -> Metrics:
    """A thousand clients that ask without a pause, over a connection each."""
    return measure.measure(system, Closed(1000, ms=10, asks=True), seed=1)


def _many(system: System) -> float:
    return _clients(system).messages_per_s


def _median(system: System) -> float:
    return _clients(system).latency_us(0.5)


def _tail(system: System) -> float:
    return _clients(system).latency_us(0.999)


# The patches' own test, with neither a tunnel nor RPS: a thread for each of eight RX queues.
_HOST_THREADS = replace(
    HOST,
    name="host-napi-threads",
    title="host network with threaded NAPI",
    own_knobs=MappingProxyType({"napi_threads": {"eth0": list(range(0, 16, 2))}}),
)
_NAPI = "threaded NAPI"
_KTHREAD = "netdev, cover letter of threaded NAPI v11: 1000 flows of 1-byte requests"
_ECON = "munikarmanish/linux-fastpath, README: up to"
_ONCACHE = "NSDI'25, abstract"
_COMMIT = "Linux 9aa1206e8f48, over bpf_redirect"
_UDP, _TCP = "UDP packets/s of one flow", "TCP throughput of one flow"
NUMBERS = (
    Number("threads-rr", _NAPI, _HOST_THREADS, HOST, "TCP requests/s", 0.97, _many, _KTHREAD),
    Number("threads-median", _NAPI, _HOST_THREADS, HOST, "median latency", 1.10, _median, _KTHREAD),
    Number("threads-tail", _NAPI, _HOST_THREADS, HOST, "99.9th percentile", 0.15, _tail, _KTHREAD),
    Number("econ-throughput", "ECON", ECON, OVERLAY, _UDP, 2.21, _udp, _ECON),
    Number("econ-latency", "ECON", ECON, OVERLAY, "mean latency", 0.39, _latency, _ECON),
    Number("econ-host", "ECON", ECON, HOST, _UDP, 1.20, _udp, _ECON),
    Number("oncache-tcp", "ONCache", ONCACHE, OVERLAY, _TCP, 1.12, _tcp, _ONCACHE),
    Number("oncache-udp", "ONCache", ONCACHE, OVERLAY, "UDP throughput", 1.20, _full_udp, _ONCACHE),
    Number(
        "oncache-rr", "ONCache", ONCACHE, OVERLAY, "TCP requests/s", 1.36, _transactions, _ONCACHE
    ),
    Number(
        "redirect-peer-latency",
        "bpf_redirect_peer",
        REDIRECT_PEER,
        OVERLAY,
        "mean latency of a TCP request",
        0.37,
        _latency,
        _COMMIT,
    ),
)
CLAIMS = tuple(number.claim() for number in NUMBERS)
