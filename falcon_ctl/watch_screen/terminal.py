"""Capabilities of the terminal, from the environment and the standard streams."""

from __future__ import annotations

import os
import sys

_NO_SCREEN = ("", "dumb", "unknown")  # values of TERM


def is_terminal() -> bool:
    """Whether there is a terminal to draw on and to read keys from. Textual draws on stderr."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    usable = os.environ.get("TERM", "") not in _NO_SCREEN
    return usable and all(stream is not None and stream.isatty() for stream in streams)


def is_utf8() -> bool:
    """Whether the standard output takes all signs."""
    return "utf" in (sys.stdout.encoding or "utf-8").lower()  # a StringIO has none and takes all
