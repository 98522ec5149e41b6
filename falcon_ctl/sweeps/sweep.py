"""Runs a sweep, from its file to its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from falcon_ctl import files
from falcon_ctl.errors import Interrupted, UsageError
from falcon_ctl.html_report import write as html
from falcon_ctl.report import provenance
from falcon_ctl.sweeps import cluster, excerpts, journal, plot, spec, table, traced
from falcon_ctl.sweeps.points import Point, expand
from falcon_ctl.sweeps.run import Runner, run, threads
from falcon_ctl.sweeps.work import Row, Task, Text, code_digest
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import trace_file
from falcon_ctl.virtual import kernels
from rxpath.policies import custom as custom_policies

RESULTS = Path("results") / "sweeps"


@dataclass(frozen=True)
class Request:
    """What a call of `sweep` asks for.

    Attributes:
        spec: the YAML file.
        out: folder of the results; None: one of the spec's name in `RESULTS`.
        policies: custom steering policies, FILE.py:NAME, as further systems.
        scheduler: address of a Dask scheduler; None: this computer.
        workers: points at a time on this computer; None: as many as cores.
        plot: X or X,Y: what is drawn over which axis, if anything.
        trace: where the timeline is written, if anywhere, of
        traced: which rows of the table, from 1 on; empty: of all points.
    """

    spec: Path
    out: Path | None = None
    policies: Sequence[str] = ()
    scheduler: str | None = None
    workers: int | None = None
    plot: str | None = None
    trace: Path | None = None
    traced: Sequence[int] = ()

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.out or RESULTS / self.spec.stem


def sweep(console: Console, request: Request) -> None:
    """Run a spec's points, those that are not done yet, and write the table of all.

    Raises:
        UsageError: the spec is wrong, the folder or the trace cannot be written.
        ConfigError: a custom policy is wrong, or fails.
        PartFailed: the cluster fails.
        Interrupted: by the user; finished points are kept.
    """
    file = spec.read(request.spec)
    systems = _systems(file, request.policies)
    tasks = [_task(point, systems[point.system]) for point in expand(file, systems)]
    drawn = plot.parse(request.plot, tasks) if request.plot else None
    if request.traced and request.trace is None:
        raise UsageError("--point", "without --trace", "--trace with it")
    shown: list[int] = []
    if request.trace is not None:
        shown = traced.verify(request.trace, request.traced, len(tasks))
    remote = request.scheduler
    runner = cluster.dask(remote) if remote else threads(request.workers)
    folder = request.folder
    with journal.opened(folder) as done:
        before = sum(task.key in done.rows for task in tasks)
        if done.dropped:
            console.print(f"{done.dropped} torn lines of {folder / journal.NAME} are dropped")
        if before:
            console.print(f"{before} of {len(tasks)} points were done before")
        begun = provenance.begin(sorted({task.point.seed for task in tasks}), file.text)
        rows = _run(console, tasks, done, runner, folder)
        origin = begun.ended()
        table.write(folder, file, tasks, rows, origin)
        if drawn:
            plot.draw(folder / plot.NAME, drawn, tasks, rows, origin)
        single = excerpts.frames([task.point for task in tasks], rows, systems)
        files.replace(folder / "frames.json", single)
        html.write(folder)
    provenance.show(console, origin)
    console.print(f"{len(tasks)} points are in {folder / table.CSV}, a page of them beside it")
    if request.trace is not None:
        found = traced.timeline(request.spec.name, [tasks[i].point for i in shown], systems)
        trace_file.write(console, request.trace, found, origin)


def _systems(file: spec.File, policies: Sequence[str]) -> dict[str, System]:
    """The spec's systems and those of `policies`, by name; a spec's paths begin in its folder."""
    found: dict[str, System] = {}
    for place, name in enumerate(file.spec.systems):
        if ".py:" in name:
            system = custom.of_policy(custom_policies.load(str(file.path.parent / name)))
        elif name in BY_NAME:
            system = BY_NAME[name]
        else:
            expected = f"FILE.py:NAME, or one of {', '.join(BY_NAME)}"
            raise file.error(("systems", place), name, expected)
        if system.name in found:
            raise file.error(("systems", place), f"{system.name} again", "functions' names once")
        found[system.name] = system
    for system in custom.load(policies):
        if system.name in found:
            raise UsageError("--policy", f"{system.name} again", "functions' names once")
        found[system.name] = system
    return found


def _task(point: Point, system: System) -> Task:
    policy = system.custom
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
