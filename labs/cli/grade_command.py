"""`grade`: the options of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labs import catalogue
from labs.cli.options import Class, Jobs, LabsFolder, Submissions, Unsafe


def grade(
    submissions: Submissions = None,
    everything: Class = None,
    lab: Annotated[
        str | None,
        typer.Option("--lab", metavar="LAB", help="which lab (default: as submissions say)"),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="a table: a line a student")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="a page for the teacher")
    ] = None,
    gradescope: Annotated[
        Path | None,
        typer.Option("--gradescope", metavar="FILE|DIR", help="results.json, or one a student"),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="JUnit's XML for a CI system")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option("--roster", metavar="FILE", help="ids of the class, one a line")
    ] = None,
    due: Annotated[
        str | None, typer.Option("--due", metavar="TIME", help="such as 2027-01-15T23:59")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="TEXT", help="yours: hidden checks' numbers follow"),
    ] = None,
    jobs: Jobs = 0,
    times: Annotated[
        bool, typer.Option("--times/--no-times", help="write how long each took")
    ] = True,
    unsafe: Unsafe = False,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Grade submissions, each in a sandbox: points, first failing check, message, time."""
    from labs.grading import command
    from labs.grading.submissions import collect

    found = command.submissions(submissions or [], everything)
    graded = command.lab_of(found, lab, labs)
    until = command.due_of(due)
    ids = collect.roster(roster) if roster is not None else []
    targets = command.Targets(csv, html, gradescope, junit, times)
    status = command.run(
        collect.latest_of_each(found, graded.name),
        graded,
        ids,
        until,
        targets,
        secret=command.SECRET if secret is None else secret,
        jobs=jobs,
        unsafe=unsafe,
    )
    raise typer.Exit(status)
