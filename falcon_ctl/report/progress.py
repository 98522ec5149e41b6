"""Shows progress: a live display on a terminal, a plain line per step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


class Steps:
    """Progress over `total` steps on `console`; a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Steps:  # noqa: PYI034  # Self needs Python 3.11
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Time since the first step."""
        return time.monotonic() - self._start

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """A step; what the block puts into the list is shown as its result."""
        self._progress.update(self._task, description=escape(name))
        results: list[str] = []
        start = time.monotonic()
        yield results
        self._done += 1
        self._progress.update(self._task, completed=self._done)
        self._say(name, "; ".join(results), time.monotonic() - start)

    def note(self, text: str) -> None:
        """A remark between steps."""
        self._console.print(f"         [yellow]{escape(text)}[/]", highlight=False)

    def _say(self, name: str, result: str, seconds: float) -> None:
        line = f"[dim]{seconds:5.1f} s[/]  {escape(name):<42} {escape(result)}"
        self._console.print(line.rstrip(), highlight=False, soft_wrap=not self._console.is_terminal)


def counted(console: Console, what: str) -> Progress:
    """A bar with how many of `what` are done, on a terminal only."""
    columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn(what))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
