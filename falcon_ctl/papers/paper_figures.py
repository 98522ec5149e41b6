"""Every panel of both papers beside the model, from the choice of panels to the results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from falcon_ctl import files
from falcon_ctl.html_report import write as html
from falcon_ctl.papers import catalogue, compare, data, export, fidelity, layout, plots, traced
from falcon_ctl.papers.assumptions import ASSUMPTIONS, Assumption
from falcon_ctl.papers.compare import Ratio
from falcon_ctl.papers.fidelity import Trials
from falcon_ctl.papers.panel import Panel, Role
from falcon_ctl.papers.run import Asked, Outcome, Results, run_all
from falcon_ctl.report import provenance
from falcon_ctl.report.progress import counted
from falcon_ctl.timeline import of_runs, trace_file
from falcon_ctl.virtual import kernels
from rxpath.config import costs
from topo.rundir import RunDir

PROFILES = {name: paper.costs for name, paper in data.PAPERS.items()}
COMMAND = "python -m falcon_ctl figures --paper --page docs/fidelity.md"


@dataclass(frozen=True)
class Request:
    """What a call of `figures --paper` asks for.

    Attributes:
        figures: papers, figures or panels, comma-separated, or "all".
        seeds: runs of everything.
        costs: a cost profile for both papers: FILE.toml, or the name of a built-in one; "": theirs.
        layout: counts of cores, as `layout.parse` takes them; "": the project's.
        json: where everything is written as JSON, if anywhere.
        page: where the page is written besides, if anywhere.
        results: where the run's folder is made.
        trace: where the timeline of the panels' runs is written, if anywhere.
    """

    figures: str = "all"
    seeds: int = 3
    costs: str = ""
    layout: str = ""
    json: Path | None = None
    page: Path | None = None
    results: Path = field(default_factory=lambda: Path("results"))
    trace: Path | None = None

    @property
    def profiles(self) -> Mapping[str, str]:
        """Paper → cost profile."""
        return dict.fromkeys(PROFILES, self.costs) if self.costs else PROFILES


def paper_figures(console: Console, request: Request) -> None:
    """Run the panels, print the score, write JSON, CSV, pictures and the page.

    Raises:
        UsageError: an unknown figure or layout, wrong data, or a place that cannot be written.
        ConfigError: a cost profile is wrong.
    """
    panels = catalogue.select(request.figures)
    asked = Asked(costs=request.profiles, layout=layout.parse("--layout", request.layout))
    for profile in request.profiles.values():
        costs.load(profile)
    compare.verify(panels)
    targets = {"--json": request.json, "--page": request.page}
    for option, path in targets.items():
        if path is not None:
            files.verify_target(f"{option} {path}", path)
    files.verify_folder(f"--results {request.results}", request.results)
    spec = (request.figures, request.seeds, dict(request.profiles), request.layout)
    begun = provenance.begin(range(1, request.seeds + 1), spec)
    outcomes: dict[str, Outcome] = {}
    found, effects, trials = _run(console, panels, request.seeds, asked, outcomes)
    origin = begun.ended()
    levels, ratios = compare.levels(found), compare.ratios(found)
    _print(console, ratios)
    provenance.show(console, origin)
    page = fidelity.page(ratios, effects, request.seeds, request.profiles, COMMAND, trials)

    def fill(folder: Path) -> None:
        (folder / "papers.json").write_text(text)
        (folder / "bars.csv").write_text(export.levels_csv(levels, origin))
        (folder / "ratios.csv").write_text(export.ratios_csv(ratios, origin))
        (folder / "fidelity.md").write_text(page)
        plots.draw_all(folder, levels, origin)

    text = export.document(levels, ratios, origin)
    contents = {"--json": text, "--page": page}
    with files.Rescue(text, RunDir().path) as rescue:
        for option, path in targets.items():
            if path is not None:
                content = contents[option]
                rescue.attempt(f"{option} {path}", lambda: files.replace(path, content))  # noqa: B023
        where = f"--results {request.results}"
        folder = rescue.attempt(where, lambda: html.make(request.results, fill))
    what = "report.html, papers.json, bars.csv, ratios.csv, fidelity.md and pictures"
    console.print(f"{what} are in {folder}/")
    if request.trace is not None:
        with counted(console, "runs recorded") as progress:
            runs = list(traced.shown(found, asked, outcomes))
            task = progress.add_task("", total=len(runs))
            drawn = of_runs.timeline(
                "the papers' panels", runs, lambda done: progress.update(task, completed=done)
            )
        trace_file.write(console, request.trace, drawn, origin)


def _run(
    console: Console,
    panels: Sequence[Panel],
    seeds: int,
    asked: Asked,
    outcomes: dict[str, Outcome],
) -> tuple[Results, dict[str, Sequence[Ratio]], Trials]:
    """All panels; with other core layouts those whose layout no paper states; the assumptions'.

    `outcomes` gets those of the panels' runs.
    """
    kernels.load(console)
    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress:
        found = _with_bar(progress, "runs", panels, seeds, asked, outcomes)
        varied = [panel for panel in panels if panel.layout is not None]
        others = {} if asked.layout or not varied else layout.ALTERNATIVES
        effects: dict[str, Sequence[Ratio]] = {
            name: compare.ratios(
                _with_bar(progress, name, varied, 1, Asked(costs=asked.costs, layout=counts))
            )
            for name, counts in others.items()
        }
        trials = (
            [] if asked.layout else [_tried(progress, one, panels, asked) for one in ASSUMPTIONS]
        )
    return found, effects, [(one, ratios) for one, ratios in trials if ratios]


def _tried(
    progress: Progress, one: Assumption, panels: Sequence[Panel], asked: Asked
) -> tuple[Assumption, Sequence[Ratio]]:
    """The ratios that an assumption is about, with it."""
    overrides = {paper: one.overrides(profile) for paper, profile in asked.costs.items()}
    changed = Asked(costs=asked.costs, overrides=overrides, layout=one.layout)
    return one, compare.ratios(_with_bar(progress, one.experiment, one.of(panels), 1, changed))


def _with_bar(
    progress: Progress,
    what: str,
    panels: Sequence[Panel],
    seeds: int,
    asked: Asked,
    outcomes: dict[str, Outcome] | None = None,
) -> Results:
    task = progress.add_task("", total=None, what=what)
    return run_all(
        panels,
        seeds,
        asked,
        lambda done, total: progress.update(task, completed=done, total=total),
        known=outcomes,
    )


def _print(console: Console, ratios: Sequence[Ratio]) -> None:
    """The score, and how much is not modelled."""
    table = Table(title="The papers' ratios, system over baseline", box=box.SIMPLE_HEAD)
    table.add_column("ratios", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for name in ("number", "within 10 %", "within 20 %", "median error"):
        table.add_column(name, justify="right", no_wrap=True)
    for role in Role:
        for one in compare.scores(ratios, role):
            shares = (f"{one.near:.0%}", f"{one.wide:.0%}", f"{one.median:.1%}")
            table.add_row(role.value, one.kind, str(one.count), *shares)
    console.print(table)
    lacking = sum(bool(ratio.why) for ratio in ratios)
    if lacking:
        console.print(f"{lacking} of {len(ratios)} ratios are not modelled: fidelity.md says why")
