"""The commands `figures` and `fit` of falcon_ctl: no network is needed for either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from falcon_ctl.errors import UsageError
from falcon_ctl.figures import core_plots, evaluate, plots, report, tornado
from falcon_ctl.figures.experiments import BY_FIGURE, EXPERIMENTS, Experiment
from falcon_ctl.figures.fit import fit
from falcon_ctl.figures.sensitivity import effects
from falcon_ctl.figures.setups import BY_NAME, Setup, own_setup, select
from falcon_ctl.report import document
from falcon_ctl.report import results as folders
from rxpath.policies import own


def figures(
    console: Console,
    chosen: str,
    systems: str,
    seeds: int,
    json: Path | None,
    results_dir: Path,
    policies: Sequence[str] = (),
) -> None:
    """Run the figures, print the table, write JSON, CSV and pictures.

    Raises:
        UsageError: an unknown figure or system, or a place that cannot be written.
        ConfigError: a policy of one's own is none.
    """
    experiments = _experiments(chosen)
    more = select(_names(systems)) if systems else []
    mine = own_setups(policies)
    more += mine
    if json is not None:
        document.verify_writable(json)
    folders.verify_writable(results_dir)
    found = _run(console, experiments, seeds, more)
    claimed = evaluate.claims(found)
    values = evaluate.measured(found)
    rows = [*claimed, *values]
    report.print_claims(console, claimed, seeds)
    if mine:
        report.print_beside(console, values, [setup.name for setup in mine])

    def fill(folder: Path) -> None:
        report.write_json(folder / "figures.json", rows)
        report.write_csv(folder / "figures.csv", rows)
        plots.draw_all(folder, found)
        core_plots.draw_all(folder, [experiment.figure for experiment in experiments])

    folder = folders.make(results_dir, fill)
    if json is not None:
        report.write_json(json, rows)
    console.print(f"figures.json, figures.csv and a picture for each figure are in {folder}/")


def _run(
    console: Console, experiments: list[Experiment], seeds: int, more: list[Setup]
) -> evaluate.Results:
    names = [setup.name for setup in more]
    setups = {**BY_NAME, **{setup.name: setup for setup in more}}
    total = seeds * sum(len(experiment.runs(names)) for experiment in experiments)
    with _progress(console, "measurements") as progress:
        task = progress.add_task("", total=total)
        return evaluate.run_all(
            experiments, seeds, names, lambda done: progress.update(task, completed=done), setups
        )


def _progress(console: Console, what: str) -> Progress:
    columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn(what))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def sensitivity(console: Console, chosen: str, percent: int, seeds: int, results_dir: Path) -> None:
    """Change every cost by `percent` both ways; print what counts most, write CSV and pictures.

    Raises:
        UsageError: an unknown figure, or a place that cannot be written.
    """
    experiments = _experiments(chosen)
    folders.verify_writable(results_dir)
    with _progress(console, "changed costs") as progress:
        task = progress.add_task("", total=None)
        found = effects(
            experiments,
            seeds,
            percent,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    report.print_effects(console, found, percent)

    def fill(folder: Path) -> None:
        tornado.write_csv(folder / "sensitivity.csv", found)
        tornado.draw_all(folder, found, percent, seeds)

    folder = folders.make(results_dir, fill)
    console.print(f"sensitivity.csv and a tornado plot for each figure are in {folder}/")


def own_setups(policies: Sequence[str]) -> list[Setup]:
    """The systems of policies FILE.py:NAME, each named by its function.

    Raises:
        UsageError: two have the same name, or one has a built-in system's.
        ConfigError: one is no policy.
    """
    found: dict[str, Setup] = {}
    for spec in policies:
        setup = own_setup(own.load(spec))
        if setup.name in found:
            raise UsageError("--policy", f"{setup.name} twice", "functions of different names")
        found[setup.name] = setup
    return list(found.values())


def _experiments(chosen: str) -> list[Experiment]:
    if chosen == "all":
        return list(EXPERIMENTS)
    known = {str(number): experiment for number, experiment in BY_FIGURE.items()}
    wanted = _names(chosen)
    if not wanted or any(name not in known for name in wanted):
        raise UsageError("--figures", chosen, f"some of {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(wanted)]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def print_fit(console: Console) -> bool:
    """Fit the cost profile's two amounts again; whether the profile has them."""
    found = fit()
    for one in found:
        state = "as in the profile" if one.holds else f"the profile has {one.present}"
        console.print(
            f"{one.target.proto}: host : container = {one.target.ratio} "
            f"with {one.target.amount} = {one.amount} ns (gives {one.ratio:.3f}), {state}\n"
            f"  {one.target.source}",
            soft_wrap=True,
        )
    return all(one.holds for one in found)
