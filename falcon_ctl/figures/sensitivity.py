"""The effect of each cost of the profile on the talk's claims when it is off by some percent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from falcon_ctl.background import workers
from falcon_ctl.figures.evaluate import Results, Row, judge, run_all
from falcon_ctl.figures.experiments import CLAIMS, PROFILE, SYSTEMS, Claim, Experiment, Run
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.measure import Metrics
from rxpath.config import costs, profiles


class Change(NamedTuple):
    """One entry of the cost profile, all of its amounts times `factor`."""

    cost: str
    factor: float


@dataclass(frozen=True)
class Effect:
    """A claim's ratio with the profile's amounts (`row`), and with one cost lower and higher."""

    row: Row
    cost: str
    lowered: float
    raised: float

    @property
    def swing(self) -> float:
        """How far the ratio moves in all."""
        values = (self.row.measured, self.lowered, self.raised)
        return max(values) - min(values)


class Found(NamedTuple):
    """What the changes did, and the runs that say so: with the profile's amounts, and changed."""

    effects: list[Effect]
    before: Results
    after: dict[Change, Results]


def effects(
    experiments: Sequence[Experiment],
    seeds: int,
    percent: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Found:
    """Every claim of `experiments` with each cost `percent` lower and higher.

    All runs have the same seeds, so a difference is the cost's. `progress` is called with how many
    of how many changes are done.
    """
    before = run_all(experiments, seeds)
    rows = {claim: row for claim in CLAIMS if (row := judge(claim, before)) is not None}
    runs = [run for run in before if any(_is_of(run, *pair) for pair in rows.items())]
    share, names = percent / 100, costs_of(runs)
    changes = [Change(name, factor) for name in names for factor in (1 - share, 1 + share)]
    after: dict[Change, Results] = {}
    with workers(os.cpu_count()) as pool:
        again = pool.map(lambda change: _run_changed(runs, change, seeds), changes)
        for change, results in zip(changes, again, strict=True):
            after[change] = results
            progress(len(after), len(changes))
    rated = [
        Effect(row, name, *(_ratio(claim, after[Change(name, 1 + by)]) for by in (-share, share)))
        for claim, row in rows.items()
        for name in names
    ]
    return Found(rated, {run: before[run] for run in runs}, after)


def costs_of(runs: Iterable[Run]) -> list[str]:
    """The entries of the cost profile that any of `runs` can be charged with."""
    chains = {SYSTEMS[run.system].profile for run in runs}
    stages = [stage for chain in chains for stage in profiles.load()[chain].stages]
    used = {name for stage in stages for name in stage.costs}
    amounts = costs.load(PROFILE)
    return [name for name, cost in amounts.items() if name in used or cost.per == "host"]


def overrides(change: Change) -> dict[str, int]:
    """The changed amounts as `Knobs.cost_overrides` takes them, whole ns."""
    cost = costs.load(PROFILE)[change.cost]
    if cost.per == "host":
        return {f"{change.cost}.ns": round(cost.udp * change.factor)}
    amounts = {"udp": cost.udp, "tcp": cost.tcp, "ns_kib": cost.ns_kib}
    return {f"{change.cost}.{key}": round(ns * change.factor) for key, ns in amounts.items()}


def _is_of(run: Run, claim: Claim, row: Row) -> bool:
    """Whether the run is one of the claim's two, under the load that counts."""
    same = (run.figure, run.proto, run.label) == (claim.figure, claim.proto, row.load)
    return same and run.system in (claim.system, claim.base)


def _run_changed(runs: Sequence[Run], change: Change, seeds: int) -> Results:
    """The runs once more; their results stand under the unchanged runs."""
    knobs = {"cost_overrides": overrides(change)}
    return {run: [_measure(run, knobs, seed) for seed in range(1, seeds + 1)] for run in runs}


def _measure(run: Run, knobs: dict[str, Any], seed: int) -> Metrics:
    return peak.run(SYSTEMS[run.system], peak.with_knobs(run.load, knobs), seed)


def _ratio(claim: Claim, results: Results) -> float:
    row = judge(claim, results)
    if row is None:
        raise LookupError(claim)
    return row.measured
