"""Options that several commands have: one name, one meaning, one help text each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="Run directory of the network (default: $FALCON_RUN_DIR, else the user's own).",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="FILE.py:NAME",
        help="Your own steering policy as a further system (repeatable).",
    ),
]
Chains = Annotated[
    list[str] | None,
    typer.Option(
        "--chain",
        metavar="FILE.toml:NAME",
        help="Your own chain of devices as a further system (repeatable).",
    ),
]
Results = Annotated[
    Path, typer.Option("--results", metavar="DIR", help="Where the run's folder is made.")
]
RESULTS = Path("results")
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write what is printed as JSON to FILE, too.", readable=False
    ),
]
Shared = Annotated[
    bool, typer.Option("--shared", help="Let other users of this computer read the results.")
]
Seed = Annotated[
    int,
    typer.Option("--seed", metavar="N", min=0, help="Decides ports, arrivals and contents."),
]
TraceTo = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Write the run as a timeline, from switch table to socket: .perfetto-trace (for "
        "ui.perfetto.dev), .png, .svg or .json.",
    ),
]
