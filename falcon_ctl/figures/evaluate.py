"""Runs experiments over seeds, on all cores, and compares the results with the talk's claims."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from falcon_ctl.background import workers
from falcon_ctl.figures.experiments import CLAIMS, SYSTEMS, WITHIN, Claim, Experiment, Run
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.measure import Metrics

METRICS: dict[str, Callable[[Metrics], float]] = {
    "message rate": lambda m: m.messages_per_s,
    "median latency": lambda m: m.latency_us(0.5),
    "p99 latency": lambda m: m.latency_us(0.99),
    "mean latency": lambda m: m.mean_us,
    "median half rtt": lambda m: m.half_rtt_us(0.5),  # sockperf's latency
    "p99 half rtt": lambda m: m.half_rtt_us(0.99),
    "reordered packets": lambda m: 100 * m.reordered_ratio,  # a rate is not worth much without
    "CPU time a packet": lambda m: m.cpu_ns,
}
_RATE = "message rate"
UNITS = {
    **dict.fromkeys(METRICS, "us"),
    "message rate": "messages/s",
    "reordered packets": "%",
    "CPU time a packet": "ns",
}


@dataclass(frozen=True)
class Row:
    """One line of the result, as `--json` writes it.

    `claim`: the talk's ratio, None where it has none; then `measured` is in the metric's unit.
    `low`, `high`: 5th and 95th percentile over the seeds. Beside a claim of a rate:
    `reordered_ratio` of the system (RFC 4737), and `cpu_ratio`, CPU time a packet over the base's.
    """

    figure: int
    system: str
    proto: str
    metric: str
    claim: float | None
    measured: float
    within: bool | None
    low: float
    high: float
    load: str = ""
    reordered_ratio: float | None = None
    cpu_ratio: float | None = None

    def document(self) -> dict[str, Any]:
        """As in the JSON report."""
        keys = ("figure", "system", "proto", "metric", "claim", "measured", "within")
        return {key: _plain(getattr(self, key)) for key in keys}


def _plain(value: Any) -> Any:
    """JSON has no NaN: the latency of requests that were never made is null."""
    return None if isinstance(value, float) and math.isnan(value) else value


Results = dict[Run, list[Metrics]]


def run_all(
    experiments: Sequence[Experiment],
    seeds: int,
    more: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
    systems: Mapping[str, System] = SYSTEMS,
) -> Results:
    """Every run of `experiments` with seeds 1 to `seeds`; the same results on any number of cores.

    The compiled kernels release the interpreter's lock, so threads suffice. `progress` is called
    with the number of finished measurements; `systems`: by name.
    """
    runs = [run for experiment in experiments for run in experiment.runs(more)]
    tasks = [(run, systems[run.system], seed) for run in runs for seed in range(1, seeds + 1)]
    found: Results = defaultdict(list)
    with workers(os.cpu_count()) as pool:
        results = pool.map(_measure, tasks)
        for done, ((run, *_), metrics) in enumerate(zip(tasks, results, strict=True), 1):
            found[run].append(metrics)
            progress(done)
    return dict(found)


def _measure(task: tuple[Run, System, int]) -> Metrics:
    run, system, seed = task
    return peak.run(system, run.load, seed)


def claims(results: Results) -> list[Row]:
    """The talk's claims that `results` cover, each with what was measured."""
    return [row for claim in CLAIMS if (row := judge(claim, results)) is not None]


def judge(claim: Claim, results: Results) -> Row | None:
    """The claim's ratio: for each load that it is about the mean over the seeds, the best of these.

    None when `results` have not both systems of the claim.
    """
    value = METRICS[claim.metric]
    ratios = {}
    for run, metrics in results.items():
        base = run._replace(system=claim.base)
        if (run.figure, run.system, run.proto) != (claim.figure, claim.system, claim.proto):
            continue
        if claim.label not in ("", run.label):
            continue
        pairs = zip(metrics, results.get(base, []), strict=True) if base in results else ()
        found = [value(ours) / value(theirs) for ours, theirs in pairs]
        if found:
            ratios[run.label] = np.array(found)
    if not ratios:
        return None
    best = max if claim.ratio >= 1 else min
    label = best(ratios, key=lambda name: float(ratios[name].mean()))
    measured = float(ratios[label].mean())
    off = measured - claim.ratio
    within = off >= 0 if claim.at_least else abs(off) <= WITHIN
    low, high = np.quantile(ratios[label], [0.05, 0.95])
    return Row(
        claim.figure,
        claim.system,
        claim.proto,
        f"{claim.metric} / {claim.base}'s",
        claim.ratio,
        round(measured, 3),
        bool(within),
        round(float(low), 3),
        round(float(high), 3),
        label,
        *(_beside(claim, label, results) if claim.metric == _RATE else ()),
    )


def _beside(claim: Claim, label: str, results: Results) -> tuple[float, float | None]:
    """Reordered ratio, and CPU time a packet over the base's (None without any), means."""
    found = {
        run.system: metrics
        for run, metrics in results.items()
        if (run.figure, run.proto, run.label) == (claim.figure, claim.proto, label)
    }
    pairs = list(zip(found[claim.system], found[claim.base], strict=True))
    order = round(float(np.mean([ours.reordered_ratio for ours, _ in pairs])), 6)
    if not all(theirs.cpu_ns for _, theirs in pairs):
        return order, None
    return order, round(float(np.mean([ours.cpu_ns / theirs.cpu_ns for ours, theirs in pairs])), 3)


def measured(results: Results) -> list[Row]:
    """What each system did in each run: rates, and latencies where there are any."""
    rows = []
    for run, metrics in results.items():
        for name, value in METRICS.items():
            values = np.array([value(m) for m in metrics])
            if np.isnan(values).any():
                continue
            low, high = np.quantile(values, [0.05, 0.95])
            metric = f"{name} ({UNITS[name]}), {run.label}"
            mean = round(float(values.mean()), 2)
            spread = round(float(low), 2), round(float(high), 2)
            row = Row(
                run.figure, run.system, run.proto, metric, None, mean, None, *spread, run.label
            )
            rows.append(row)
    return rows
