"""Labs by number or name."""

from __future__ import annotations

from pathlib import Path

from labs.catalogue.lab import NAME, Lab, load
from labs.errors import CallError
from rxpath.texts import shown

LABS = Path(__file__).parents[1]


def listed(folder: Path = LABS) -> list[Lab]:
    """All labs of a folder, by number. Raises `BrokenLab`."""
    return [load(path) for path in _folders(folder)]


def find(wanted: str, folder: Path = LABS) -> Lab:
    """The lab of a number (5, 05), a name (stage-hashing), or both (05-stage-hashing)."""
    paths = _folders(folder)
    for path in paths:
        number, _, name = path.name.partition("-")
        if wanted in (path.name, name, number, number.lstrip("0")):
            return load(path)
    there = ", ".join(path.name for path in paths)
    raise CallError("LAB", f"there is no lab {shown(wanted)}", f"one of {there or 'none'}")


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CallError("--labs", f"{folder} is no folder", "a folder with labs")
    return sorted(
        path for path in folder.absolute().iterdir() if NAME.match(path.name) and path.is_dir()
    )
