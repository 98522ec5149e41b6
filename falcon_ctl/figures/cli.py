"""The commands `figures` and `fit` of falcon_ctl: no network is needed for either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from falcon_ctl.errors import UsageError
from falcon_ctl.figures import core_plots, evaluate, kernels, plots, report, tornado
from falcon_ctl.figures.experiments import BY_FIGURE, EXPERIMENTS, Experiment
from falcon_ctl.figures.fit import fit
from falcon_ctl.figures.sensitivity import effects
from falcon_ctl.figures.setups import CONTAINER, SETUPS, Setup, own_chain, own_setup, select
from falcon_ctl.report import document
from falcon_ctl.report import results as folders
from rxpath.config import costs
from rxpath.policies import own


class Own(NamedTuple):
    """What a user brings along.

    `policies`: FILE.py:NAME each; `chains`: FILE.toml:NAME each; `costs`: FILE.toml, or the name
    of a built-in cost profile.
    """

    policies: Sequence[str] = ()
    chains: Sequence[str] = ()
    costs: str = CONTAINER.costs


NOTHING = Own()


def figures(
    console: Console,
    chosen: str,
    systems: str,
    seeds: int,
    json: Path | None,
    results_dir: Path,
    mine: Own = NOTHING,
) -> None:
    """Run the figures, print the table, write JSON, CSV and pictures.

    Raises:
        UsageError: an unknown figure or system, or a place that cannot be written.
        ConfigError: a policy, chain or cost profile of one's own is none.
    """
    experiments = _experiments(chosen)
    own_ones = own_setups(mine.policies, mine.chains)
    more = [*(select(_names(systems)) if systems else []), *own_ones]
    setups = {setup.name: replace(setup, costs=mine.costs) for setup in (*SETUPS, *more)}
    costs.load(mine.costs)
    if json is not None:
        document.verify_writable(json)
    folders.verify_writable(results_dir)
    found = _run(console, experiments, seeds, [setup.name for setup in more], setups)
    claimed = evaluate.claims(found)
    values = evaluate.measured(found)
    rows = [*claimed, *values]
    report.print_claims(console, claimed, seeds)
    if own_ones:
        report.print_beside(console, values, [setup.name for setup in own_ones])

    def fill(folder: Path) -> None:
        report.write_json(folder / "figures.json", rows)
        report.write_csv(folder / "figures.csv", rows)
        plots.draw_all(folder, found)
        core_plots.draw_all(folder, [experiment.figure for experiment in experiments], setups)

    folder = folders.make(results_dir, fill)
    if json is not None:
        report.write_json(json, rows)
    console.print(f"figures.json, figures.csv and a picture for each figure are in {folder}/")


def _run(
    console: Console,
    experiments: list[Experiment],
    seeds: int,
    more: list[str],
    setups: Mapping[str, Setup],
) -> evaluate.Results:
    kernels.load(console)
    total = seeds * sum(len(experiment.runs(more)) for experiment in experiments)
    with _progress(console, "measurements") as progress:
        task = progress.add_task("", total=total)
        return evaluate.run_all(
            experiments, seeds, more, lambda done: progress.update(task, completed=done), setups
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
    kernels.load(console)
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


def own_setups(policies: Sequence[str], chains: Sequence[str] = ()) -> list[Setup]:
    """The systems of policies FILE.py:NAME and chains FILE.toml:NAME, each called NAME.

    Raises:
        UsageError: two have the same name, or one has a built-in system's.
        ConfigError: one is no policy, or no chain.
    """
    setups = [("--policy", own_setup(own.load(spec))) for spec in policies]
    setups += [("--chain", own_chain(spec)) for spec in chains]
    found: dict[str, Setup] = {}
    for option, setup in setups:
        if setup.name in found:
            raise UsageError(option, f"{setup.name} twice", "different names")
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
