"""`tournament`: the options of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labs import catalogue
from labs.cli.options import Class, Jobs, LabsFolder, Submissions, Unsafe


def tournament(
    submissions: Submissions = None,
    everything: Class = None,
    lab: Annotated[str, typer.Option("--lab", metavar="LAB", help="which lab")] = "10",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="the leaderboard as a page")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="a table: a line a player")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=20, help="how often all rounds are drawn")
    ] = 3,
    secret: Annotated[
        str, typer.Option("--secret", metavar="TEXT", help="yours: the rounds follow from it")
    ] = "the same everywhere",
    jobs: Jobs = 0,
    unsafe: Unsafe = False,
    labs: LabsFolder = catalogue.LABS,
) -> None:
    """Let submissions play against each other over new rounds, and show who is best."""
    from labs.grading import command as grading
    from labs.grading.submissions import collect
    from labs.tournament import command

    played = catalogue.find(lab, labs)
    found = collect.latest_of_each(grading.submissions(submissions or [], everything), played.name)
    drawn = [f"tournament/{secret}/{number}" for number in range(1, seeds + 1)]
    command.run(found, played, drawn, html, csv, jobs=jobs, unsafe=unsafe)
