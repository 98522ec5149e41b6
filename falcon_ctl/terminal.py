"""Where tables and texts are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from falcon_ctl import files

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120  # where there is no terminal


def console(json: Path | None = None) -> Console:
    """A console as wide as the terminal, or wide enough for every table where there is none.

    It is standard error where JSON goes to standard output.
    """
    from rich.console import Console  # completion prints nothing

    aside = json is not None and files.is_stdout(json)
    found = Console(highlight=False, stderr=aside)
    return found if found.is_terminal else Console(highlight=False, stderr=aside, width=WIDTH)
