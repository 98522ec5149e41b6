"""The talk's seven experiments: what is run, and what the talk claims. Pure.

The talk gives ratios without loads. The papers give both (docs/decisions/figures.md says where):
each figure has the load of the panel that its claim is from (`falcon_ctl/papers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from falcon_ctl.errors import UsageError
from falcon_ctl.papers.data import PAPERS
from falcon_ctl.papers.layout import BUSY, ONE_FLOW, SERVER, SHARED
from falcon_ctl.papers.loads import (
    KIB,
    TESTBED,
    THINKING,
    caching,
    clients,
    steady,
    streams,
    stress,
    surge,
)
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import Tunnel, merge_knobs
from falcon_ctl.virtual.peak import Offered, with_knobs

PROFILE = PAPERS["eurosys21"].costs  # of the talk's machine
TALK = ("host-rps", "rps", "falcon-rps")  # host, container and FALCON: RPS is on in every test


# All systems, on the talk's machine.
SYSTEMS = {name: replace(system, costs=PROFILE) for name, system in BY_NAME.items()}


class Run(NamedTuple):
    """One system under one load; `label` distinguishes the loads of an experiment."""

    figure: int
    system: str
    proto: str
    label: str
    load: Offered


class PerNetwork(NamedTuple):
    """A load that a sender's own network limits."""

    host: Offered
    overlay: Offered

    def of(self, system: str) -> Offered:
        """The load of a system of the catalogue, or of a user's."""
        plain = system in BY_NAME and BY_NAME[system].tunnel is Tunnel.NONE
        return self.host if plain else self.overlay


@dataclass(frozen=True)
class Experiment:
    """A figure: its loads, and the systems that it always shows."""

    figure: int
    name: str
    title: str
    loads: Sequence[tuple[str, str, Offered | PerNetwork]]  # proto, label, load
    systems: Sequence[str] = TALK

    def runs(self, more: Sequence[str] = ()) -> list[Run]:
        """Every system of the figure, and `more` of them, under every load."""
        names = dict.fromkeys((*self.systems, *more))
        return [
            Run(self.figure, name, proto, label, load_of(load, name))
            for proto, label, load in self.loads
            for name in names
        ]


def load_of(load: Offered | PerNetwork, system: str) -> Offered:
    """The load that a system of an experiment has."""
    return load.of(system) if isinstance(load, PerNetwork) else load


def _on(layout: Mapping[str, Any], load: Offered) -> Offered:
    """The load on the testbed of the papers with this layout of its cores."""
    return with_knobs(load, merge_knobs(TESTBED, layout))


def _clients(count: int) -> PerNetwork:
    loads = clients(count, "5.4")
    return PerNetwork(_on(SHARED.knobs, loads["Host"]), _on(SHARED.knobs, loads["Con"]))


EXPERIMENTS = (
    Experiment(
        1,
        "single flow",
        "single flow at its maximum: message rate",
        [
            ("udp", "16 B", _on(ONE_FLOW, stress(16))),
            ("tcp", "4 KB", _on(ONE_FLOW, streams(4 * KIB))),
        ],
    ),
    Experiment(
        2,
        "steady flow",
        "single flow: latency at 400,000 packets/s",
        [("udp", "400 kpps", _on(ONE_FLOW, steady(400e3)))],
    ),
    Experiment(
        3,
        "many UDP flows",
        "UDP flows of 16 B with a client each: message rate",
        [("udp", f"{count} flows", _clients(count)) for count in (5, 10, 20)],
    ),
    Experiment(
        4,
        "many TCP flows",
        "TCP flows of 4 KB messages: message rate",
        [
            ("tcp", f"{count} flows", _on(SHARED.knobs, streams(4 * KIB, count)))
            for count in (5, 10, 20)
        ],
        (*TALK, "falcon-host-rps"),
    ),
    Experiment(
        5,
        "surge",
        "one of six flows becomes more intense, until one core is overloaded",
        [
            ("udp", "6 flows", _on(BUSY.knobs, surge("udp"))),
            ("tcp", "6 flows", _on(BUSY.knobs, surge("tcp"))),
        ],
        (*TALK, "falcon-published", "falcon-splitting"),
    ),
    Experiment(
        6,
        "memcached",
        "memcached, 10 clients",
        [("tcp", "10 clients", _on(SERVER, caching(10, THINKING["eurosys21"])))],
    ),
    Experiment(
        7,
        "overload",
        "the whole system overloaded: 40 containers on six cores",
        [("udp", "40 flows", _on(BUSY.knobs, clients(40, "5.4")["Con"]))],
        (*TALK, "falcon-always-on"),
    ),
)
BY_FIGURE = {experiment.figure: experiment for experiment in EXPERIMENTS}


@dataclass(frozen=True)
class Claim:
    """A claim of the talk: `metric` of `system` over that of `base`, as a ratio.

    The ratio is as the papers measured it (`panel`). With several loads the best of them counts
    ("up to"), or the one that is `label`. `at_least`: more is as good.
    """

    figure: int
    system: str
    base: str
    proto: str
    metric: str
    ratio: float
    panel: str
    at_least: bool = False
    label: str = ""


CLAIMS = (
    Claim(1, "falcon-rps", "rps", "udp", "message rate", 2.0, "EuroSys 10c", at_least=True),
    Claim(1, "falcon-rps", "rps", "tcp", "message rate", 1.35, "EuroSys 13d"),
    Claim(2, "falcon-rps", "host-rps", "udp", "median half rtt", 1.18, "EuroSys 12a"),
    Claim(2, "falcon-rps", "host-rps", "udp", "p99 half rtt", 1.31, "EuroSys 12a"),
    Claim(3, "falcon-rps", "rps", "udp", "message rate", 1.55, "EuroSys 13b"),
    Claim(
        4,
        "falcon-host-rps",
        "host-rps",
        "tcp",
        "message rate",
        1.56,
        "EuroSys 13d",
        label="5 flows",
    ),
    Claim(4, "falcon-rps", "rps", "tcp", "message rate", 1.45, "EuroSys 13d", label="5 flows"),
    Claim(5, "falcon-published", "falcon-splitting", "udp", "message rate", 1.18, "EuroSys 16"),
    Claim(5, "falcon-published", "falcon-splitting", "tcp", "message rate", 1.15, "EuroSys 16"),
    Claim(6, "falcon-rps", "rps", "tcp", "mean latency", 0.49, "EuroSys 18"),
    Claim(6, "falcon-rps", "rps", "tcp", "p99 latency", 0.47, "EuroSys 18"),
    Claim(7, "falcon-rps", "rps", "udp", "message rate", 1.0, "EuroSys 14a", at_least=True),
)
WITHIN = 0.10  # ten percentage points of the base's value


def select_experiments(chosen: str) -> list[Experiment]:
    """The experiments of figures' numbers, comma-separated, each once; all of "all".

    Raises:
        UsageError: there is no such figure.
    """
    if chosen == "all":
        return list(EXPERIMENTS)
    known = {str(number): experiment for number, experiment in BY_FIGURE.items()}
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    if not wanted or any(name not in known for name in wanted):
        raise UsageError("--figures", chosen, f"some of {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]
