"""Errors in entry files."""

from __future__ import annotations

from pathlib import Path

from v1switch.errors import RequestError


class EntriesError(RequestError):
    """A line of an entry file is invalid.

    Attributes:
        path: the file.
        line: counts from 1; 0 for the file as a whole.
        what: the object ("table 'MyIngress.ipv4_lpm', field 'dst'").
        reason: what is wrong, and what is allowed.
    """

    def __init__(self, path: Path, line: int, what: str, reason: str) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {what}: {reason}" if what else f"{place}: {reason}")
        self.path = path
        self.line = line
        self.what = what
        self.reason = reason


class InvalidLine(Exception):
    """An error in a line, raised where file and line are not known."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason
