"""Runs panels under the virtual clock, on all cores; the same run is done once for all panels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from falcon_ctl.background import workers
from falcon_ctl.papers.loads import TESTBED
from falcon_ctl.papers.metrics import METRICS, cpu_per_message
from falcon_ctl.papers.panel import Bar, FirstStage, Missing, Panel, Point, StageShares
from falcon_ctl.papers.stages import first_stage, stage_shares
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System, merge_knobs
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.measure import Closed, Load, Metrics, Stream
from falcon_ctl.virtual.peak import Peak

Shares = Mapping[str, float]
Outcome = Metrics | Shares


class Place(NamedTuple):
    """A bar of a panel at a place on its axis."""

    panel: Panel
    bar: Bar
    x: str


@dataclass(frozen=True)
class Asked:
    """What is changed for all runs.

    Attributes:
        costs: paper → cost profile.
        overrides: paper → amounts of the profile that are changed, as `cost_overrides`.
        layout: counts of cores, where the papers do not state a layout.
    """

    costs: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    layout: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One run: a system under a load whose knobs are whole, with a seed."""

    system: System
    point: Load | Peak | StageShares | FirstStage
    knobs: Mapping[str, Any]
    seed: int

    @property
    def key(self) -> str:
        """Equal for equal runs."""
        knobs = json.dumps(self.knobs, sort_keys=True)
        return f"{self.system.name} {self.system.costs} {self.point} {knobs} {self.seed}"

    def run(self) -> Outcome:
        """Do it. Raises as `rxpath.drivers` and `measure` do."""
        point = self.point
        if isinstance(point, FirstStage):
            return first_stage(self.system, point, self.knobs)
        if isinstance(point, StageShares):
            load = replace(point.load, knobs=merge_knobs(self.knobs, point.load.knobs))
            return stage_shares(self.system, load, self.seed)
        return peak.run(self.system, peak.with_knobs(point, self.knobs), self.seed)


@dataclass(frozen=True)
class Modelled:
    """What the model says at a place; arrays over the seeds, in plain units (`data.UNITS`).

    `reordered` and `cpu_ns`: RFC 4737's ratio, CPU time a message; None where no frames were run.
    `why`: why there is nothing; then the arrays are empty.
    """

    values: tuple[float, ...] = ()
    reordered: float | None = None
    cpu_ns: float | None = None
    why: str = ""

    @property
    def mean(self) -> float:
        """Over the seeds; NaN without any."""
        return float(np.mean(self.values)) if self.values else float("nan")


Results = dict[Place, Modelled]


def places(panels: Sequence[Panel]) -> list[Place]:
    """All bars of `panels` at all places."""
    return [Place(panel, bar, x) for panel in panels for x in panel.points for bar in panel.bars]


def run_all(
    panels: Sequence[Panel],
    seeds: int,
    asked: Asked,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    threads: int | None = None,
    known: dict[str, Outcome] | None = None,
) -> Results:
    """Run all places with seeds 1 to `seeds`; the same results on any number of cores.

    `progress` is told how many of how many runs are done. `known`: outcomes of earlier calls by the
    runs' keys, which are not run again; those of this call are added.
    """
    wanted = places(panels)
    runs = {place: list(jobs(place, seeds, asked)) for place in wanted}
    found: dict[str, Outcome] = {} if known is None else known
    once = {job.key: job for ones in runs.values() for job in ones if job.key not in found}
    with workers(threads or os.cpu_count()) as pool:
        outcomes = pool.map(Job.run, once.values())
        for done, (key, outcome) in enumerate(zip(once, outcomes, strict=True), 1):
            found[key] = outcome
            progress(done, len(once))
    return {place: _modelled(place, runs[place], found) for place in wanted}


def lacking(place: Place) -> str:
    """Why the model cannot run a place; "" when it can."""
    point = place.panel.point(place.bar, place.x)
    if isinstance(point, Missing):
        return point.why
    if place.bar.system not in BY_NAME:
        return f"the catalogue has no system {place.bar.system}"
    return ""


def jobs(place: Place, seeds: int, asked: Asked) -> Iterator[Job]:
    """The runs of a place, one a seed; none where the model lacks something."""
    if lacking(place):
        return
    panel, bar, x = place
    system = BY_NAME[bar.system]
    if panel.paper in asked.costs:
        system = replace(system, costs=asked.costs[panel.paper])
    layout = panel.layout.changed(asked.layout).knobs if panel.layout else {}
    point: Point = panel.point(bar, x)
    if isinstance(point, Missing):
        raise LookupError(point.why)
    changed = {"cost_overrides": _that_matter(asked.overrides.get(panel.paper, {}), point)}
    merged = merge_knobs(TESTBED, layout, panel.knobs, bar.knobs, changed)
    count = seeds if _is_drawn(point) else 1
    for seed in range(1, count + 1):
        yield Job(system, point, merged, seed)


def _is_drawn(point: Point) -> bool:
    """Whether a seed decides anything but when the load begins.

    That is: flows' hashes, times between packets or requests, and the times from flow to flow.
    """
    if isinstance(point, Missing | FirstStage):
        return False
    load = point if isinstance(point, Stream | Closed) else point.load
    if isinstance(load, Stream):
        flows, paced = len(load.rates), load.paced
    else:
        flows, paced = load.flows, not load.asks
    return flows > 1 or not (load.hashes and paced)


def _that_matter(overrides: Mapping[str, int], point: Point) -> dict[str, int]:
    """Without the amounts of the protocol that a load does not use: they are equal runs."""
    if isinstance(point, Closed):
        return {key: ns for key, ns in overrides.items() if not key.endswith(".udp")}
    if isinstance(point, Stream | Peak):
        return {key: ns for key, ns in overrides.items() if not key.endswith(".tcp")}
    return dict(overrides)


def _modelled(place: Place, runs: Sequence[Job], found: Mapping[str, Outcome]) -> Modelled:
    if not runs:
        return Modelled(why=lacking(place))
    outcomes = [found[job.key] for job in runs]
    values = tuple(_value(place, outcome) for outcome in outcomes)
    if np.isnan(values).any():
        return Modelled(why="the run has no such value")
    measured = [outcome for outcome in outcomes if isinstance(outcome, Metrics)]
    if not measured:
        return Modelled(values)
    return Modelled(
        values,
        float(np.mean([one.reordered_ratio for one in measured])),
        float(np.mean([cpu_per_message(one) for one in measured])),
    )


def _value(place: Place, outcome: Outcome) -> float:
    panel, _, x = place
    if not isinstance(outcome, Metrics):
        return outcome[x if panel.metric == "share" else panel.metric]
    return METRICS[panel.metric](outcome, panel, x)
