"""The errors of labs, which carry their fields and the exit status."""

from __future__ import annotations

from pathlib import Path


class LabsError(Exception):
    """Root of labs' errors; `str()` is the one line that the user sees."""

    exit_status = 1


class CallError(LabsError):
    """The call is wrong: `where`, `what` was given and what is `expected`."""

    exit_status = 2

    def __init__(self, where: str, what: str, expected: str) -> None:
        self.where, self.what, self.expected = where, what, expected
        super().__init__(f"{where}: {what}; expected {expected}")


class BrokenLab(LabsError):
    """A lab itself is wrong, not the student: a file of it (`path`), and `what`."""

    def __init__(self, path: Path | str, what: str) -> None:
        self.path, self.what = path, what
        super().__init__(f"{path}: {what}; this is a mistake in the lab, not yours")


class NotStarted(LabsError):
    """The student has no work folder for this lab."""

    exit_status = 2

    def __init__(self, lab: str, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        how = f"python -m labs start {int(lab[:2])} --id ID"
        super().__init__(f"{folder}: {lab} is not started; `{how}` starts it")
