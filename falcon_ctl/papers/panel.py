"""What a panel of a paper's figure is: systems, loads, what is measured, and against what. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from falcon_ctl.papers.layout import Layout
from falcon_ctl.virtual.measure import Stream
from falcon_ctl.virtual.peak import Offered, with_knobs

ALL_CORES = "all cores"  # as a place on the axis: the sum over a panel's cores


class Role(Enum):
    """How a ratio counts."""

    PREDICTED = "predicted"
    FITTED = "fitted"  # cost amounts are fitted to it
    INPUT = "input"  # the load is taken from it
    REPEATED = "repeated"  # the same measurement as in another panel
    OPEN = "open"  # what decides it is not in the model, or not in the paper: the note says what


@dataclass(frozen=True)
class Missing:
    """A load that the model cannot offer, and why."""

    why: str


@dataclass(frozen=True)
class StageShares:
    """The time of each softirq stage, percent of all stages' time, under a load."""

    load: Stream


@dataclass(frozen=True)
class FirstStage:
    """The first stage's cost of a message by function, percent of the stage's, by the amounts."""

    proto: str
    frames: int


Point = Offered | Missing | StageShares | FirstStage
Points = Mapping[str, Point | Mapping[str, Point]]


@dataclass(frozen=True)
class Bar:
    """A system as a paper names it.

    Attributes:
        name: the paper's.
        system: the catalogue's.
        over: the paper's name of its baseline; "" for a baseline.
        knobs: that differ from the catalogue's.
    """

    name: str
    system: str
    over: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Panel:
    """One panel, or the part of it with one metric.

    Attributes:
        paper, figure, panel: as in the data.
        title: for people: the load in a few words.
        kind: which score it counts for: rate, latency or cpu.
        metric: of `metrics.METRICS`.
        bars: the systems, baselines first.
        points: place on the axis → load; or for each bar its own: bar → load.
        data: metrics of the data whose values add up to `metric`; its own name without any.
        knobs: of the host, for all bars.
        layout: of the cores, where the paper does not state one; else it is among `knobs`.
        whole: what the data's values are shown as a percentage of: a metric of the data, or "sum",
            those of all places together; "": nothing.
        cores: how many cores the percents of a CPU metric are averaged over.
        roles: "BAR PLACE", place on the axis, bar or "*" → role; else predicted.
        note: what differs from the paper's set-up, or what had to be assumed.
    """

    paper: str
    figure: str
    panel: str
    title: str
    kind: str
    metric: str
    bars: Sequence[Bar]
    points: Points = field(hash=False)
    data: Sequence[str] = ()
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    layout: Layout | None = None
    whole: str = ""
    cores: int = 1
    roles: Mapping[str, Role] = field(default_factory=dict, hash=False)
    note: str = ""

    @property
    def name(self) -> str:
        """The figure's number and the panel's letter."""
        letter, _, _ = self.panel.partition(" ")
        is_letter = len(letter) < 2 and not letter.isdigit()
        return f"{self.figure}{self.panel}" if is_letter else f"{self.figure} {self.panel}"

    def point(self, bar: Bar, x: str) -> Point:
        """The load of a bar."""
        found = self.points[x]
        return found[bar.name] if isinstance(found, Mapping) else found

    def role(self, bar: Bar, x: str) -> Role:
        """How the ratio of a bar counts."""
        keys = (f"{bar.name} {x}", x, bar.name, "*")
        known = (self.roles[key] for key in keys if key in self.roles)
        return next(known, Role.PREDICTED)

    def baseline(self, bar: Bar) -> Bar | None:
        """The bar that `bar` is compared with."""
        return next((one for one in self.bars if one.name == bar.over), None)


def on_cores(
    point: Point | Mapping[str, Point], knobs: Mapping[str, Any]
) -> Point | Mapping[str, Point]:
    """A load, or that of each bar, whose host has these knobs, whatever the panel's are."""
    if isinstance(point, Mapping):
        return {bar: _on_cores(one, knobs) for bar, one in point.items()}
    return _on_cores(point, knobs)


def _on_cores(point: Point, knobs: Mapping[str, Any]) -> Point:
    return with_knobs(point, knobs) if isinstance(point, Offered) else point
