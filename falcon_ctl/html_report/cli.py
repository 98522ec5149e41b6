"""The command `report`: a results folder's page again, or several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import RESULTS, Results, Shared
from rxpath.texts import escaped


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Results folders, as results/<time>.")
    ],
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Make the report of a results folder again; compare the runs of several folders.

    A folder's report is DIR/report.html, made from the JSON files there. With two folders or more
    (up to 8, of one command) a page with all of them side by side goes to results/<time>/.

    Examples:
      falcon_ctl report results/2026-01-31T10-00-00
      falcon_ctl report results/before results/after
    """
    from rich.console import Console

    from falcon_ctl.html_report import write
    from falcon_ctl.report import results

    files.set_sharing(shared)
    console = Console(highlight=False, soft_wrap=True)
    if len(folders) == 1:
        documents = write.write(folders[0])
        _warn(documents.name, documents.missing)
        console.print(f"{folders[0] / write.NAME}", markup=False)
        return
    text, runs = write.comparison(folders)
    for one in runs:
        _warn(one.name, one.missing)
    files.verify_folder(f"--results {results_dir}", results_dir)
    made = results.make(results_dir, lambda draft: files.replace(draft / write.NAME, text))
    console.print(f"{made / write.NAME}", markup=False)


def _warn(name: str, missing: Sequence[str]) -> None:
    """Say in a line what a folder lacks, of an older version or of a run that had none of it."""
    if missing:
        what = f"without {', '.join(missing)}; the report leaves these out"
        typer.echo(f"falcon_ctl: {escaped(name)}: {what}", err=True)
