"""Run a typer application so that a wrong call prints one line instead of a box of five."""

import sys
from collections.abc import Sequence
from typing import Any

import typer

from topo.errors import escaped

WRONG_CALL = 2  # exit status
# typer bundles or depends on click; of click's errors it exports only this subclass.
UsageError: Any = typer.BadParameter.__mro__[1]


def run_app(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> int:
    """Run `app` as the program `name` and return its exit status.

    `argv` defaults to the arguments of this process. Raises KeyboardInterrupt when the user
    interrupted it.
    """
    try:
        return int(app(argv, prog_name=name, standalone_mode=False) or 0)
    except UsageError as error:
        where = error.ctx.command_path if error.ctx else name
        text = error.format_message()
        if "\n" not in text:
            text = text and f"{where}: {text} (see {where} --help)"
        if text:  # without a command the help has been printed already and the text is empty
            print("\n".join(map(escaped, text.split("\n"))), file=sys.stderr)
        return WRONG_CALL
    except typer.Abort:
        raise KeyboardInterrupt from None
