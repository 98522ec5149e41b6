"""The reference solution of a lab, as if a student had handed it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labs.judging import Checks
from labs.work.toml_file import dumps

ANSWERS = "answers.toml"


def reference(checks: Checks, given: dict[str, Any]) -> dict[str, bytes]:
    """Its files by name, for the numbers in `given`: what is handed out, with the gaps filled."""
    folder = checks.lab.folder
    files = files_of(folder / "student") | files_of(folder / "reference")
    if checks.answers is not None:
        files[ANSWERS] = dumps(checks.answers(given)).encode()
    return files


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name; none of a folder that is not there."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
