"""The command `sweep` of falcon_ctl: no network is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from falcon_ctl.errors import Interrupted, UsageError
from falcon_ctl.figures import kernels
from falcon_ctl.figures.setups import BY_NAME, Setup, own_setup
from falcon_ctl.sweeps import cluster, journal, plot, spec, table
from falcon_ctl.sweeps.points import Point, expand
from falcon_ctl.sweeps.run import Runner, run, threads
from falcon_ctl.sweeps.work import Row, Task, Text, code_digest
from rxpath.policies import own

RESULTS = Path("results") / "sweeps"


def sweep(
    console: Console,
    path: Path,
    out: Path | None,
    scheduler: str | None,
    policies: Sequence[str],
    workers: int | None,
    picture: str | None = None,
) -> None:
    """Run a spec's points, those that are not done yet, and write the table of all.

    Raises:
        UsageError: the spec is wrong, or the folder cannot be written.
        ConfigError: a policy of one's own is none, or fails.
        PartFailed: the cluster fails.
        Interrupted: by the user; what is done is kept.
    """
    file = spec.read(path)
    setups = _systems(file, policies)
    tasks = [_task(point, setups[point.system]) for point in expand(file, setups)]
    drawn = plot.parse(picture, tasks) if picture else None
    runner = cluster.dask(scheduler) if scheduler else threads(workers)
    folder = out or RESULTS / path.stem
    with journal.opened(folder) as done:
        before = sum(task.key in done.rows for task in tasks)
        if done.dropped:
            console.print(f"{done.dropped} torn lines of {folder / journal.NAME} are dropped")
        if before:
            console.print(f"{before} of {len(tasks)} points were done before")
        rows = _run(console, tasks, done, runner, folder)
        table.write(folder, file, tasks, rows)
        if drawn:
            plot.draw(folder / plot.NAME, drawn, tasks, rows)
    console.print(f"{len(tasks)} points are in {folder / table.CSV}")


def _systems(file: spec.File, policies: Sequence[str]) -> dict[str, Setup]:
    """The spec's systems and those of `policies`, by name; a spec's paths begin in its folder."""
    found: dict[str, Setup] = {}
    for place, name in enumerate(file.spec.systems):
        if ".py:" in name:
            setup = own_setup(own.load(str(file.path.parent / name)))
        elif name in BY_NAME:
            setup = BY_NAME[name]
        else:
            expected = f"FILE.py:NAME, or one of {', '.join(BY_NAME)}"
            raise file.error(("systems", place), name, expected)
        if setup.name in found:
            raise file.error(("systems", place), f"{setup.name} again", "functions' names once")
        found[setup.name] = setup
    for policy in policies:
        setup = own_setup(own.load(policy))
        if setup.name in found:
            raise UsageError("--policy", f"{setup.name} again", "functions' names once")
        found[setup.name] = setup
    return found


def _task(point: Point, setup: Setup) -> Task:
    policy = setup.own
    text = None if policy is None else Text(policy.path, policy.name, policy.source)
    return Task(point, text, code_digest())


def _run(
    console: Console, tasks: list[Task], done: journal.Journal, runner: Runner, folder: Path
) -> list[Row]:
    kernels.load(console)
    columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("points"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task("", total=len(tasks))
        try:
            return run(tasks, done, runner, lambda count: progress.update(bar, completed=count))
        except KeyboardInterrupt as error:
            kept = sum(task.key in done.rows for task in tasks)
            what = f"{kept} of {len(tasks)} points are kept in {folder}, run it again to go on"
            raise Interrupted(what) from error
