"""The talk's figures, from the choice of figures to the results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from falcon_ctl import files
from falcon_ctl.figures import core_plots, evaluate, excerpts, plots, report, traced
from falcon_ctl.figures.experiments import PROFILE, Experiment, select_experiments
from falcon_ctl.html_report import write as html
from falcon_ctl.report import provenance
from falcon_ctl.report.progress import counted
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import SYSTEMS, select
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import trace_file
from falcon_ctl.virtual import kernels
from rxpath.config import costs
from topo.rundir import RunDir


@dataclass(frozen=True)
class Request:
    """What a call of `figures` asks for.

    Attributes:
        figures: numbers of figures, comma-separated, or "all".
        systems: names of systems to run beside each figure's own, comma-separated.
        seeds: runs of everything.
        policies: custom steering policies, FILE.py:NAME each.
        chains: custom chains of devices, FILE.toml:NAME each.
        costs: the cost profile: FILE.toml, or the name of a built-in one.
        json: where claims and values are written, if anywhere.
        results: where the run's folder is made.
        trace: where the timeline of all runs is written, if anywhere.
    """

    figures: str = "all"
    systems: str = ""
    seeds: int = 20
    policies: Sequence[str] = ()
    chains: Sequence[str] = ()
    costs: str = PROFILE
    json: Path | None = None
    results: Path = Path("results")
    trace: Path | None = None


def figures(console: Console, request: Request) -> None:
    """Run the figures, print the table, write JSON, CSV and pictures.

    Raises:
        UsageError: an unknown figure or system, or a place that cannot be written.
        ConfigError: a custom policy, chain or cost profile is wrong.
    """
    experiments = select_experiments(request.figures)
    customs = custom.load(request.policies, request.chains)
    more = [*(select(_names(request.systems)) if request.systems else []), *customs]
    systems = {one.name: replace(one, costs=request.costs) for one in (*SYSTEMS, *more)}
    costs.load(request.costs)
    if request.json is not None:
        files.verify_target(f"--json {request.json}", request.json)
    files.verify_folder(f"--results {request.results}", request.results)
    begun = provenance.begin(range(1, request.seeds + 1), _asked(request, systems))
    found = _run(console, experiments, request.seeds, [system.name for system in more], systems)
    origin = begun.ended()
    claimed = evaluate.claims(found)
    values = evaluate.measured(found)
    rows = [*claimed, *values]
    report.print_claims(console, claimed, request.seeds)
    if customs:
        report.print_beside(console, values, [system.name for system in customs])
    provenance.show(console, origin)

    def fill(folder: Path) -> None:
        (folder / "figures.json").write_text(text)
        report.write_csv(folder / "figures.csv", rows, origin)
        plots.draw_all(folder, found, origin)
        numbers = [experiment.figure for experiment in experiments]
        core_plots.draw_all(folder, numbers, origin, systems)
        (folder / "latencies.json").write_text(excerpts.latencies(found))
        if 1 in numbers:
            (folder / "frames.json").write_text(excerpts.frames(systems))

    text, json = report.as_json(rows, origin), request.json
    with files.Rescue(text, RunDir().path) as rescue:
        if json is not None:
            rescue.attempt(f"--json {json}", lambda: files.replace(json, text))
        where = f"--results {request.results}"
        folder = rescue.attempt(where, lambda: html.make(request.results, fill))
    console.print(
        f"report.html, figures.json, figures.csv and a picture for each figure are in {folder}/"
    )
    if request.trace is not None:
        drawn = traced.of_figures(console, found, systems)
        trace_file.write(console, request.trace, drawn, origin)


def _asked(request: Request, systems: Mapping[str, System]) -> dict[str, Any]:
    """What decides the figures, for the hash of the spec."""
    policies = {name: one.custom.source for name, one in systems.items() if one.custom}
    profile = {name: vars(cost) for name, cost in costs.load(request.costs).items()}
    chains = {name: one.profile for name, one in systems.items()}
    asked = (request.figures, request.systems, request.seeds)
    return {"asked": asked, "policies": policies, "costs": profile, "chains": chains}


def _run(
    console: Console,
    experiments: list[Experiment],
    seeds: int,
    more: list[str],
    systems: Mapping[str, System],
) -> evaluate.Results:
    kernels.load(console)
    total = seeds * sum(len(experiment.runs(more)) for experiment in experiments)
    with counted(console, "measurements") as progress:
        task = progress.add_task("", total=total)
        return evaluate.run_all(
            experiments, seeds, more, lambda done: progress.update(task, completed=done), systems
        )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
