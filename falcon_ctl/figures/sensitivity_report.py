"""Which costs decide each figure: as a table, CSV and tornado plots."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from falcon_ctl import files
from falcon_ctl.figures import report, sensitivity_excerpts, tornado, traced
from falcon_ctl.figures.experiments import SYSTEMS, select_experiments
from falcon_ctl.figures.sensitivity import Change, Found, effects, overrides
from falcon_ctl.html_report import write as html
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.report.progress import counted
from falcon_ctl.timeline import trace_file
from falcon_ctl.timeline.of_runs import Shown
from falcon_ctl.virtual import kernels
from topo.rundir import RunDir


def sensitivity(
    console: Console,
    chosen: str,
    percent: int,
    seeds: int,
    results_dir: Path,
    trace: Path | None = None,
) -> None:
    """Change every cost by `percent` both ways; print the largest effects, write CSV and pictures.

    A timeline has the runs with the profile's amounts, and those of each figure with the cost that
    moves it most, lower and higher.

    Raises:
        UsageError: an unknown figure, or a place that cannot be written.
    """
    experiments = select_experiments(chosen)
    files.verify_folder(f"--results {results_dir}", results_dir)
    kernels.load(console)
    begun = provenance.begin(range(1, seeds + 1), {"figures": chosen, "percent": percent})
    with counted(console, "changed costs") as progress:
        task = progress.add_task("", total=None)
        changed = effects(
            experiments,
            seeds,
            percent,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    single = sensitivity_excerpts.frames(experiments, changed.effects, percent)
    origin, found = begun.ended(), changed.effects
    report.print_effects(console, found, percent)
    provenance.show(console, origin)

    def fill(folder: Path) -> None:
        (folder / "provenance.json").write_text(as_json(origin.document()))
        (folder / "sensitivity.csv").write_text(text)
        (folder / "frames.json").write_text(single)
        tornado.draw_all(folder, found, percent, origin)

    where = f"--results {results_dir}"
    text = tornado.as_csv(found, origin)
    with files.Rescue(text, RunDir().path) as rescue:
        folder = rescue.attempt(where, lambda: html.make(results_dir, fill))
    what = "report.html, sensitivity.csv and a tornado plot for each figure"
    console.print(f"{what} are in {folder}/")
    if trace is not None:
        title = f"costs changed by {percent} %"
        drawn = traced.recorded(console, title, _shown(changed, percent))
        trace_file.write(console, trace, drawn, origin)


def _shown(changed: Found, percent: int) -> list[Shown]:
    """The runs of the timeline."""
    runs = list(traced.shown(changed.before, SYSTEMS))
    for number in sorted({run.figure for run in changed.before}):
        of_it = [one for one in changed.effects if one.row.figure == number]
        most = max(of_it, key=lambda one: one.swing).cost
        for by in (-percent, percent):
            change = Change(most, 1 + by / 100)
            results = {
                run: metrics
                for run, metrics in changed.after[change].items()
                if run.figure == number
            }
            knobs = {"cost_overrides": overrides(change)}
            runs += traced.shown(results, SYSTEMS, f"{most} {by:+d} %", knobs)
    return runs
