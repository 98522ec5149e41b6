"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labs.work import WORK

LabArgument = Annotated[str, typer.Argument(metavar="LAB", help="its number or name, such as 5")]
WorkFolder = Annotated[
    Path | None,
    typer.Option("--work", metavar="DIR", help="where your files are (default: my-labs)"),
]
LabsFolder = Annotated[
    Path, typer.Option("--labs", metavar="DIR", help="where the labs are", show_default=False)
]
Id = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="who you are: your numbers follow from it")
]


def work(given: Path | None) -> Path:
    """The folder of the student's labs."""
    return (given or WORK).expanduser().absolute()
