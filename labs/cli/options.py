"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labs.work import WORK

LabArgument = Annotated[str, typer.Argument(metavar="LAB", help="its number or name, such as 5")]
WorkFolder = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        envvar="LABS_WORK",
        show_envvar=False,
        help="where your files are (default: my-labs)",
    ),
]
Submissions = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SUBMISSION…", help="archives, folders or files", show_default=False),
]
Class = Annotated[
    Path | None,
    typer.Option("--all", metavar="DIR", help="a folder or archive with the whole class"),
]
Jobs = Annotated[
    int, typer.Option("--jobs", min=0, max=64, help="submissions at once (0: one a CPU)")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="run what students wrote as yourself, unprotected")
]
LabsFolder = Annotated[
    Path,
    typer.Option(
        "--labs",
        metavar="DIR",
        envvar="LABS_DIR",
        show_envvar=False,
        show_default=False,
        help="where the labs are",
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        envvar="LABS_ID",
        show_envvar=False,
        help="who you are: your numbers follow from it",
    ),
]


def work(given: Path | None) -> Path:
    """The folder of the student's labs."""
    return (given or WORK).expanduser().absolute()
