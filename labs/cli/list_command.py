"""`list`: the labs, how far the student has come, and what a lab needs."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from labs import catalogue
from labs.catalogue import Lab
from labs.cli import screen
from labs.errors import NotStarted
from labs.needs import WITHOUT, available
from labs.work import Work, opened

BAR = 10  # signs


def listed(folder: Path, work: Path) -> None:
    """Print the table, and below it what this machine lacks for extra parts."""
    labs = catalogue.listed(folder)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "lab", "minutes", "progress", "points", "needs"):
        table.add_column(column, justify="right" if column in ("", "minutes", "points") else "left")
    for lab in labs:
        table.add_row(str(lab.number), lab.settings.title, str(lab.settings.minutes),
                      *_progress(lab, work), " ".join(lab.settings.needs))  # fmt: skip
    screen.show(table)
    lacking = [need for need in WITHOUT if _needed(need, labs) and not available(need)]
    for need in lacking:
        numbers = ", ".join(str(lab.number) for lab in labs if need in lab.settings.needs)
        screen.say(f"without {need}, extra parts of {numbers} are left out: {WITHOUT[need]}", "dim")


def _needed(need: str, labs: list[Lab]) -> bool:
    return any(need in lab.settings.needs for lab in labs)


def _progress(lab: Lab, work: Path) -> tuple[str, str]:
    """A bar and the points."""
    try:
        mine = opened(lab, work)
    except NotStarted:
        return "", ""
    return bar(mine), f"{mine.state.earned}/{mine.state.total}" if mine.state.total else "started"


def bar(mine: Work) -> str:
    """The part of the points that the student has, as a bar."""
    full = BAR * mine.state.earned // mine.state.total if mine.state.total else 0
    return "█" * full + "░" * (BAR - full)
