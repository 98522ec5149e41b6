"""Escapes and shortens untrusted text, such as a key of a user's file, for messages of one line."""

from __future__ import annotations

LONGEST = 300  # characters of a message


def escaped(text: str, longest: int = 1000) -> str:
    """The text with control characters escaped, so that a terminal only shows it, and shortened.

    Everything that is not printable is escaped: also the marks that turn the direction of writing
    and half of a surrogate pair, which cannot be encoded.
    """
    start = text[:longest]
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in start)
    return shown if len(text) <= longest else f"{shown}…"


def shown(value: object) -> str:
    """A value of a user's file as in `repr`, on one line and shortened."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep; Python's limit for decimal digits
        text = f"a value ({type(value).__name__})"
    return escaped(text, LONGEST)
