"""Writes `report.html` into a results folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from falcon_ctl import files
from falcon_ctl.errors import UsageError
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
    with _of_runs(where):
        text = render.html(pages.page(documents))
    files.replace(where / NAME, text)
    return documents


@contextmanager
def _of_runs(*folders: Path) -> Iterator[None]:
    """What is missing or of another kind somewhere inside of a document is the user's to know."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        names = ", ".join(map(str, folders))
        what = f"a file of it was changed ({type(error).__name__}: {error})"
        raise UsageError(names, what, "the files as falcon_ctl wrote them") from error


def of(where: Path) -> Path:
    """Write the report of a folder that was just made; returns the folder. Raises OSError."""
    write(where)
    return where


def make(parent: Path, fill: Callable[[Path], None]) -> Path:
    """Make a results folder as `report.results.make` does, with the report of what `fill` wrote."""
    return of(results.make(parent, fill))


def comparison(folders: Sequence[Path]) -> tuple[str, list[Documents]]:
    """The page that compares runs, as text, and what was read.

    Raises:
        UsageError: a folder is none of results, or they cannot be compared.
    """
    runs = [folder.read(one) for one in folders]
    with _of_runs(*folders):
        return render.html(compare.page(runs)), runs
