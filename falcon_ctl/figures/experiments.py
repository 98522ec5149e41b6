"""The talk's seven experiments: what is run, and what the talk claims. Pure.

The talk gives ratios, not loads. Each load below follows from a rule that is stated with it, and
none was chosen to improve its figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from falcon_ctl.virtual.measure import Closed, Load, Stream

TALK = ("host", "overlay", "falcon")  # the systems that the talk compares
# A load average is over 10 jiffies (40 ms) in the kernel; half a millisecond reaches the same
# steady state in milliseconds of model time instead of half a second. The interrupts' moderation is
# adaptive in every test of the papers; it takes some 60 ms to settle at a steady rate.
_FAST = {"moderation": "adaptive", "falcon": {"load_interval_ns": 500_000}}
_SATURATING = 2e6  # packets/s of one flow: beyond what a core of any system takes
_SENDER = 900e3  # packets/s: what one sending core gives, twice the container's single-flow rate
_UDP_FLOWS = (8, 12, 16, 24)  # a flow for each RX queue and more: fewer are single flows in effect
_TCP_FLOWS = (2, 4, 8, 16)  # five streams of the host network fill the link of 100 Gbit/s


class Run(NamedTuple):
    """One system under one load; `label` distinguishes the loads of an experiment."""

    figure: int
    system: str
    proto: str
    label: str
    load: Load


@dataclass(frozen=True)
class Experiment:
    """A figure: its loads, and the systems that it always shows."""

    figure: int
    name: str
    title: str
    loads: Sequence[tuple[str, str, Load]]  # proto, label, load
    systems: Sequence[str] = TALK

    def runs(self, more: Sequence[str] = ()) -> list[Run]:
        """Every system of the figure, and `more` of them, under every load."""
        names = dict.fromkeys((*self.systems, *more))
        return [
            Run(self.figure, name, proto, label, load)
            for proto, label, load in self.loads
            for name in names
        ]


def _requests(think_us: float) -> Closed:
    """memcached: a server of four threads on the cores that take the NIC's interrupts.

    Nothing keeps an unpinned container off those cores. Ten clients of twenty connections.
    """
    knobs = {**_FAST, "threads": 4, "service_ns": 2000, "app_cpus": [1, 3, 5, 7]}
    return Closed(200, ms=20, warm_ms=10, asks=True, think_ns=1000 * think_us, knobs=knobs)


EXPERIMENTS = (
    Experiment(
        1,
        "single flow",
        "single flow: packet rate",
        [
            ("udp", "1", Stream((_SATURATING,), ms=10, knobs=_FAST)),
            ("tcp", "1", Closed(1, ms=20, window=1024, knobs=_FAST)),
        ],
    ),
    Experiment(
        2,
        "steady flow",
        "single flow: latency at 400,000 packets/s",
        [("udp", "1", Stream((400e3,), ms=40, warm_ms=100, knobs=_FAST))],
    ),
    Experiment(
        3,
        "many UDP flows",
        "many UDP flows: packet rate",
        [("udp", str(n), Stream((_SENDER,) * n, ms=8, warm_ms=8, knobs=_FAST)) for n in _UDP_FLOWS],
    ),
    Experiment(
        4,
        "many TCP flows",
        "many TCP flows: packet rate",
        [("tcp", str(n), Closed(n, ms=8, warm_ms=8, knobs=_FAST)) for n in _TCP_FLOWS],
        (*TALK, "falcon-host"),
    ),
    Experiment(
        5,
        "surge",
        "two of eight flows become four times as intense",
        [
            (
                "udp",
                "8",
                Stream((250e3,) * 8, ms=12, warm_ms=8, surge=4.0, surging=2, knobs=_FAST),
            ),
            ("tcp", "8", Closed(8, ms=12, warm_ms=8, window=64, surge=4, surging=2, knobs=_FAST)),
        ],
        (*TALK, "falcon-splitting"),
    ),
    Experiment(6, "memcached", "memcached, 10 clients", [("tcp", "10", _requests(100.0))]),
    Experiment(
        7,
        "overload",
        "the whole system overloaded",
        [("udp", "32", Stream((_SENDER,) * 32, ms=8, warm_ms=8, knobs=_FAST))],
        (*TALK, "falcon-always-on"),
    ),
)
BY_FIGURE = {experiment.figure: experiment for experiment in EXPERIMENTS}


@dataclass(frozen=True)
class Claim:
    """A claim of the talk: `metric` of `system` over that of `base`, as a ratio.

    With several loads the best of them counts ("up to"). `at_least`: more is as good.
    """

    figure: int
    system: str
    base: str
    proto: str
    metric: str
    ratio: float
    at_least: bool = False


CLAIMS = (
    Claim(1, "falcon", "overlay", "udp", "packet rate", 2.0, at_least=True),
    Claim(1, "falcon", "overlay", "tcp", "packet rate", 2.0, at_least=True),
    Claim(2, "falcon", "host", "udp", "median latency", 1.0),
    Claim(2, "falcon", "host", "udp", "p99 latency", 1.0),
    Claim(3, "falcon", "overlay", "udp", "packet rate", 1.55),
    Claim(4, "falcon-host", "host", "tcp", "packet rate", 1.56),
    Claim(4, "falcon", "overlay", "tcp", "packet rate", 1.45),
    Claim(5, "falcon", "falcon-splitting", "udp", "packet rate", 1.18),
    Claim(5, "falcon", "falcon-splitting", "tcp", "packet rate", 1.15),
    Claim(6, "falcon", "overlay", "tcp", "mean latency", 0.49),
    Claim(6, "falcon", "overlay", "tcp", "p99 latency", 0.47),
    Claim(7, "falcon", "overlay", "udp", "packet rate", 1.0, at_least=True),
)
WITHIN = 0.10  # ten percentage points of the base's value
