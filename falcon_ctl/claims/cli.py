"""The command `systems`; no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import Shared
from falcon_ctl.terminal import console


def systems(
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the table to FILE.", readable=False),
    ] = None,
    shared: Shared = False,
) -> None:
    """Check every tick and cross of the talk's systems under the virtual clock.

    Needs no network and takes some seconds. Exit status 1 when one does not hold.

    Examples:
      falcon_ctl systems --json systems.json
    """
    from falcon_ctl.claims import check

    files.set_sharing(shared)
    raise typer.Exit(0 if check.check_all(console(), json) else 1)
