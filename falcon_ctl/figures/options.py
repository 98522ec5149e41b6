"""The options of `figures`, `sensitivity` and `order`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

JsonTo = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write claims and values to FILE.", readable=False),
]
AnyFigures = Annotated[
    str,
    typer.Option(
        "--figures",
        metavar="LIST",
        help="Figures, comma-separated: of 1 to 7, or with --paper such as eurosys21:10c.",
    ),
]
TalkFigures = Annotated[
    str, typer.Option("--figures", metavar="LIST", help="Figures, comma-separated, of 1 to 7.")
]
MoreSystems = Annotated[
    str, typer.Option(metavar="LIST", help="Systems to run in addition to the figure's own.")
]
SeedsOrDefault = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=1000, help="Runs of everything (default: 20, with --paper 3)."
    ),
]
Seeds = Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Runs of everything.")]
Percent = Annotated[
    int, typer.Option(metavar="P", min=1, max=99, help="How much each cost is changed.")
]
Costs = Annotated[
    str | None,
    typer.Option(metavar="FILE.toml", help="Your own cost profile, for all systems."),
]
Paper = Annotated[
    bool, typer.Option("--paper", help="Both papers' panels instead of the talk's figures.")
]
Layout = Annotated[
    str,
    typer.Option(
        metavar="NAME=N,...",
        help="With --paper: cores that are receiving, falcon, split, applications.",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(metavar="FILE.md", help="With --paper: write the page to FILE.md, too."),
]
