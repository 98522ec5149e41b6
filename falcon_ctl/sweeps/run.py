"""Runs the unfinished points of a sweep, here or elsewhere, and stores each result at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed

from falcon_ctl import background
from falcon_ctl.errors import PartFailed
from falcon_ctl.sweeps.journal import Journal
from falcon_ctl.sweeps.work import Row, Task, work
from rxpath.errors import ConfigError, PolicyError

Runner = Callable[[Sequence[Task]], Iterator[tuple[Task, Row]]]
"""Yields each task with its row, in whatever order they are done."""


def run(
    tasks: Sequence[Task],
    journal: Journal,
    runner: Runner,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """The rows of all tasks, in their order; `progress` gets the number of finished ones."""
    keys = [task.key for task in tasks]
    missing = [task for task, key in zip(tasks, keys, strict=True) if key not in journal.rows]
    done = len(tasks) - len(missing)
    progress(done)
    for task, row in runner(missing) if missing else ():
        journal.add(task.key, row)
        done += 1
        progress(done)
    return [journal.rows[key] for key in keys]


def threads(workers: int | None = None) -> Runner:
    """On this machine: the compiled kernels release the interpreter's lock, so threads suffice."""
    count = workers or len(os.sched_getaffinity(0))

    def runner(tasks: Sequence[Task]) -> Iterator[tuple[Task, Row]]:
        with background.workers(count) as pool:
            futures = {pool.submit(work, task): task for task in tasks}
            for future in as_completed(futures):
                with_task = futures.pop(future)
                yield with_task, named(with_task, future.result)

    return runner


def named(task: Task, result: Callable[[], Row]) -> Row:
    """The result of a task; an error of its host names the point.

    Raises:
        PartFailed: the host of this point cannot be run.
    """
    try:
        return result()
    except PolicyError:
        raise
    except ConfigError as error:
        values = task.point.columns().items()
        where = ", ".join(f"{key} {value}" for key, value in values if value is not None)
        raise PartFailed(f"point {where}", str(error)) from error
