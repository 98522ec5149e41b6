"""How a typer application is called so that a wrong call gets one line, not a box of five."""

import sys
from collections.abc import Sequence
from typing import Any

import typer

WRONG_CALL = 2
# typer carries a click of its own, or needs one; of its errors it exports this one's subclass.
UsageError: Any = typer.BadParameter.__mro__[1]


def call(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> int:
    """Run `app` as the program `name` with `argv` (default: the process's); its exit status.

    Raises KeyboardInterrupt when the user ended it.
    """
    try:
        return int(app(argv, prog_name=name, standalone_mode=False) or 0)
    except UsageError as error:
        where = error.ctx.command_path if error.ctx else name
        text = error.format_message()
        if "\n" not in text:
            text = text and f"{where}: {text} (see {where} --help)"
        if text:  # else the help was shown already, as without a command
            print(text, file=sys.stderr)
        return WRONG_CALL
    except typer.Abort:
        raise KeyboardInterrupt from None
