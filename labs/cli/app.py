"""``python -m labs``: what students and teachers type.

Exit status: 0 success, for ``check`` when every check passed; 1 a check failed, or something that
the message names; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from labs import catalogue
from labs.cli import checking, options
from labs.cli.options import LabArgument, LabsFolder, WorkFolder
from labs.errors import LabsError
from rxpath import signals
from rxpath.texts import escaped
from topo.cli.runner import run_app

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help
    add_completion=False,
    help="The labs: start one, check it as you go, hand it in.",
)


def main(argv: list[str]) -> int:
    """Run a command; every reported error is one line on standard error."""
    with signals.ending("labs") as ending:
        status = _status(argv)
        if ending.number:
            status = 128 + signal.SIGINT
    return status


def _status(argv: list[str]) -> int:
    try:
        return run_app(app, "labs", argv)
    except LabsError as error:
        return _report(str(error), error.exit_status)
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _report(f"{where}{error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _report("interrupted", 128 + signal.SIGINT)


def _report(what: str, status: int) -> int:
    sys.stdout.flush()
    print(f"labs: {escaped(what)}", file=sys.stderr)
    return status


@app.command()
def start(
    lab: LabArgument,
    id: Annotated[  # noqa: A002  # the option's name
        str | None, typer.Option("--id", metavar="ID", help="who you are: your numbers follow")
    ] = None,
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Get the files of a lab, in a folder of your own."""
    from labs.cli import starting

    starting.start(catalogue.find(lab, labs), options.work(work), id)


@app.command()
def check(
    lab: LabArgument,
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Check your files: for each check what was seen, what was expected, and a hint."""
    raise typer.Exit(checking.check(catalogue.find(lab, labs), options.work(work)))
