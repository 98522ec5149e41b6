"""Commands whose packages are imported when they are used, and not for a list of them.

A shell starts the program for each word that it completes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperCommand

from falcon_ctl.help_text import paragraphs


class Lazy(TyperCommand):
    """A command of which the name and the first paragraph of its help are known, and no more.

    `load` imports its function. Whoever calls, completes or explains the command makes a context
    first, and that is the context of the `loaded` command.
    """

    def __init__(self, name: str, summary: str, load: Callable[[], Callable[..., None]]) -> None:
        super().__init__(name, help=summary)
        self._load = load

    @cached_property
    def loaded(self) -> Any:
        """The command itself."""
        function = self._load()
        app = typer.Typer(
            add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
        )
        app.command(self.name, help=paragraphs(function.__doc__ or ""))(function)
        return typer.main.get_command(app)

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """The context of the loaded command."""
        return self.loaded.make_context(*args, **settings)


def loaded(command: Any) -> Any:
    """A command with its options and its whole help, whether it is lazy or not."""
    return command.loaded if isinstance(command, Lazy) else command
