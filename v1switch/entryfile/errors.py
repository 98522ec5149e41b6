"""What is wrong with a file of entries."""

from __future__ import annotations

from pathlib import Path

from v1switch.errors import RequestError


class EntriesError(RequestError):
    """An entry of a file cannot be written.

    Attributes:
        path: the file.
        line: from 1; 0 for the file as a whole.
        what: the object that it is about ("table 'MyIngress.ipv4_lpm', field 'dst'").
        reason: what is wrong, and what is allowed.
    """

    def __init__(self, path: Path, line: int, what: str, reason: str) -> None:
        """Keep the place, the object and the reason."""
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {what}: {reason}" if what else f"{place}: {reason}")
        self.path = path
        self.line = line
        self.what = what
        self.reason = reason


class Wrong(Exception):
    """What is wrong with a line, from where neither file nor line are known."""

    def __init__(self, what: str, reason: str) -> None:
        """Keep the object and the reason."""
        super().__init__(what, reason)
        self.what = what
        self.reason = reason
