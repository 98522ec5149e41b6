"""Docstrings as help texts: paragraphs flow, whatever the width of the terminal is."""

from __future__ import annotations

import inspect

import typer

EXAMPLES = "Examples:"


def flow(app: typer.Typer) -> None:
    """Give every command of `app` the paragraphs of its docstring as its help."""
    for command in app.registered_commands:
        if command.callback is not None and command.callback.__doc__:
            command.help = paragraphs(command.callback.__doc__)


def paragraphs(docstring: str) -> str:
    """The paragraphs of a docstring, each in one line; those of examples keep their lines."""
    found = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(one if one.startswith(EXAMPLES) else " ".join(one.split()) for one in found)
