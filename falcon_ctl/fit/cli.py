"""The command `fit`; no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import Shared
from falcon_ctl.terminal import console


def fit(
    amounts: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Amounts to fit, such as ip_rcv.ns (default: all that matter)."
        ),
    ] = "",
    costs: Annotated[
        str | None, typer.Option(metavar="FILE.toml", help="The cost profile to begin with.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Steps of the solver at most.")
    ] = 6,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write a profile with them to FILE.")
    ] = None,
    shared: Shared = False,
) -> None:
    """Fit the cost profile's amounts to the panels that may set them, by least squares.

    Takes minutes. Says how well each amount is determined. Exit status 1 when the profile's amounts
    are not those within their errors.

    Examples:
      falcon_ctl fit
      falcon_ctl fit --amounts ip_rcv.ns --write mine.toml
    """
    from falcon_ctl.fit import fitting

    files.set_sharing(shared)
    profile = costs or fitting.PROFILE
    holds = fitting.fit(console(), amounts, profile, rounds, write)
    raise typer.Exit(0 if holds else 1)
