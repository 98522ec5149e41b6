"""Docstrings as help texts: paragraphs flow, whatever the width of the terminal is."""

from __future__ import annotations

import inspect

EXAMPLES = "Examples:"


def paragraphs(docstring: str) -> str:
    """The paragraphs of a docstring, each in one line; those of examples keep their lines."""
    found = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(one if one.startswith(EXAMPLES) else " ".join(one.split()) for one in found)
