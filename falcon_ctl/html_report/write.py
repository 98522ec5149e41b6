"""Writes `report.html` into a results folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from falcon_ctl import files
from falcon_ctl.html_report import compare, folder, render
from falcon_ctl.html_report import page as pages
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.report import results

NAME = "report.html"


def write(where: Path) -> Documents:
    """Make the report of a results folder from the files there; returns what was read.

    Raises:
        UsageError: it is no results folder, or a file of it is not what was written there.
        OSError: the report cannot be written.
    """
    documents = folder.read(where)
    files.replace(where / NAME, render.html(pages.page(documents)))
    return documents


def of(where: Path) -> Path:
    """Write the report of a folder that was just made; returns the folder. Raises OSError."""
    write(where)
    return where


def made(parent: Path, fill: Callable[[Path], None]) -> Path:
    """As `report.results.make`, with the report of what `fill` has written."""
    return of(results.make(parent, fill))


def comparison(runs: list[Documents]) -> str:
    """The page that compares runs, as text. Raises UsageError: they cannot be compared."""
    return render.html(compare.page(runs))
