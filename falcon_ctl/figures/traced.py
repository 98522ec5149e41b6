"""The timelines of figures' runs, with the first seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from falcon_ctl.figures.evaluate import Results
from falcon_ctl.report.progress import counted
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import of_runs
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.timeline.of_runs import Shown
from falcon_ctl.virtual import peak

_SEED = 1  # of the first measurement


def of_figures(console: Console, results: Results, systems: Mapping[str, System]) -> Timeline:
    """All runs of `results`."""
    numbers = sorted({run.figure for run in results})
    many = "s" if len(numbers) > 1 else ""
    title = f"the talk's figure{many} {', '.join(map(str, numbers))}"
    return recorded(console, title, list(shown(results, systems)))


def shown(
    results: Results,
    systems: Mapping[str, System],
    changed: str = "",
    knobs: Mapping[str, Any] | None = None,
) -> Iterator[Shown]:
    """The runs of `results`; their loads had these `knobs` below their own, as `changed` says."""
    for run, metrics in results.items():
        system = systems[run.system]
        load = of_runs.measured_at(peak.with_knobs(run.load, knobs or {}), metrics[0])
        with_what = f", {changed}" if changed else ""
        group = f"figure {run.figure}, {run.proto.upper()} {run.label}: {system.title}{with_what}"
        yield Shown(system, load, _SEED, group)


def recorded(console: Console, title: str, runs: list[Shown]) -> Timeline:
    """The timeline of `runs`, with progress on a terminal."""
    with counted(console, "runs recorded") as progress:
        task = progress.add_task("", total=len(runs))
        return of_runs.timeline(title, runs, lambda done: progress.update(task, completed=done))
