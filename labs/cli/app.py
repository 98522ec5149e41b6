"""``python -m labs``: what students and teachers type.

Exit status: 0 success, for ``check`` when every check passed; 1 a check failed, or something that
the message names; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from falcon_ctl.errors import CtlError
from labs import catalogue
from labs.cli import check_command, grade_command, options, tournament_command
from labs.cli.options import Id, LabArgument, LabsFolder, WorkFolder
from labs.errors import CallError, LabsError
from labs.pages import parsing
from labs.work import opened
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

parsing.APPS["labs"] = app


def main(argv: list[str]) -> int:
    """Run a command; every reported error is one line on standard error."""
    if hasattr(signal, "SIGHUP"):  # the terminal is gone: end what runs
        signal.signal(signal.SIGHUP, _leave)
    with signals.ending("labs") as ending:
        try:
            status = _status(argv)
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        if ending.number:  # typer takes KeyboardInterrupt for itself
            status = _report("interrupted", 128 + signal.SIGINT)
    return status


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _status(argv: list[str]) -> int:
    try:
        return run_app(app, "labs", argv)
    except (LabsError, CtlError) as error:  # falcon_ctl's: of files, and of what its pages lack
        return _report(str(error), error.exit_status)
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _report(f"{where}{error.strerror or error}", 1)


def _report(what: str, status: int) -> int:
    sys.stdout.flush()
    print(f"labs: {escaped(what)}", file=sys.stderr)
    return status


@app.command("list")
def list_labs(work: WorkFolder = None, labs: LabsFolder = catalogue.LABS) -> None:
    """List the labs, and how far you have come."""
    from labs.cli import list_command

    list_command.listed(labs, options.work(work))


@app.command()
def start(
    lab: LabArgument,
    id: Id = None,  # noqa: A002  # the option's name
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Get the files of a lab, in a folder of your own."""
    from labs.cli import start_command

    start_command.start(catalogue.find(lab, labs), options.work(work), id)


@app.command(hidden=True)
def go(
    lab: LabArgument,
    id: Id = None,  # noqa: A002  # the option's name
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Start a lab, or check it when it is started: what `make lab` does."""
    from labs.cli import start_command

    found, folder = catalogue.find(lab, labs), options.work(work)
    if not (folder / found.name).exists():
        start_command.start(found, folder, id)
        print()
    else:
        start_command.verify_id(opened(found, folder), id)
    check_command.check(found, folder)


@app.command()
def check(
    lab: LabArgument,
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Check your files: for each check what was seen, what was expected, and a hint."""
    raise typer.Exit(check_command.check(catalogue.find(lab, labs), options.work(work)))


@app.command()
def watch(
    lab: LabArgument,
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Check at every save: what passes now, and the first check that fails."""
    from labs.cli import watch_command

    watch_command.watch(catalogue.find(lab, labs), options.work(work))


@app.command()
def hint(
    lab: LabArgument,
    check: Annotated[
        str | None, typer.Argument(metavar="CHECK", help="which check", show_default="the next")
    ] = None,
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Show one more hint about the next check that fails."""
    from labs.cli import hint_command

    hint_command.hint(opened(catalogue.find(lab, labs), options.work(work)), check)


@app.command()
def reset(
    lab: LabArgument,
    id: Id = None,  # noqa: A002  # the option's name
    work: WorkFolder = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Begin a lab again; what you had is kept in a folder beside it."""
    from labs.cli import submit_command

    submit_command.reset(opened(catalogue.find(lab, labs), options.work(work)), id)


@app.command()
def submit(
    lab: LabArgument,
    work: WorkFolder = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="where the file goes (default: the work folder's parent)"),
    ] = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Make the one file that you give to your teacher."""
    from labs.cli import submit_command

    folder = options.work(work)
    submit_command.submit(opened(catalogue.find(lab, labs), folder), results or folder)


app.command("grade")(grade_command.grade)
app.command("tournament")(tournament_command.tournament)


@app.command()
def pictures(lab: LabArgument, labs: LabsFolder = catalogue.LABS) -> None:
    """For authors: draw the pictures of a handout again."""
    from labs.cli import authoring_commands

    authoring_commands.pictures(catalogue.find(lab, labs))


@app.command()
def verify(
    lab: Annotated[
        list[str] | None, typer.Argument(metavar="LAB", help="which", show_default="all")
    ] = None,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """For authors: the reference passes, wrong solutions fail as they should, commands run."""
    from labs.cli import authoring_commands

    found = [catalogue.find(one, labs) for one in lab] if lab else catalogue.listed(labs)
    if not found:
        raise CallError("--labs", f"there is no lab in {labs}", "folders such as 05-stage-hashing")
    raise typer.Exit(authoring_commands.verify(found))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="such as queue-lengths")],
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """For authors: make a lab from a template; it verifies at once."""
    from labs.cli import authoring_commands

    authoring_commands.new(name, labs)
