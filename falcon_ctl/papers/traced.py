"""The timeline of panels' runs, with the first seed; equal runs of several panels once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from falcon_ctl.papers.panel import FirstStage, StageShares
from falcon_ctl.papers.run import Asked, Job, Outcome, Results, jobs
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.timeline import of_runs
from falcon_ctl.timeline.of_runs import Shown
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.loads import Load
from falcon_ctl.virtual.metrics import Metrics


def shown(results: Results, asked: Asked, outcomes: Mapping[str, Outcome]) -> Iterator[Shown]:
    """The runs behind `results`; `outcomes`: of all of them by the runs' keys.

    What is computed of the cost profile without a run is left out.
    """
    seen = set()
    for place in results:
        for job in list(jobs(place, 1, asked)):
            load = None if job.key in seen else _load(job, outcomes[job.key])
            seen.add(job.key)
            if load is not None:
                panel, bar, x = place
                group = f"{panel.paper} {panel.name}, {x}: {bar.name} ({job.system.title})"
                yield Shown(job.system, load, job.seed, group)


def _load(job: Job, outcome: Outcome) -> Load | None:
    if isinstance(job.point, FirstStage):
        return None
    if isinstance(job.point, StageShares):
        load = job.point.load
        return replace(load, knobs=merge_knobs(job.knobs, load.knobs))
    assert isinstance(outcome, Metrics)
    return of_runs.measured_at(peak.with_knobs(job.point, job.knobs), outcome)
