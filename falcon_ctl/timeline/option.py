"""The option `--trace` of every command that runs something."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TraceTo = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Write the timeline, from switch table to socket: .perfetto-trace (for "
        "ui.perfetto.dev), .png, .svg or .json.",
    ),
]
