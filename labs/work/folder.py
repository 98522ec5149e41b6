"""The work folder of a lab: the student's files, given.toml, and `.lab.json` with the progress."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from labs.catalogue import Lab
from labs.errors import CallError, LabsError, NotStarted
from labs.work.ids import student_id
from labs.work.toml_file import dumps
from rxpath.reading import read_text

ROOT = Path(__file__).parents[2]
WORK = ROOT / "my-labs"
STATE = ".lab.json"
GIVEN = "given.toml"
MOST_STATE = 64 * 1024


class State(BaseModel):
    """What is kept in `.lab.json`."""

    model_config = ConfigDict(extra="ignore")

    lab: str
    id: str
    passed: list[str] = []  # checks that passed when they ran last
    earned: int = 0  # points
    total: int = 0
    hints: dict[str, int] = {}  # check → hints that were shown
    checked: str = ""  # `Work.digest` when the checks ran last


class Work:
    """A lab that a student has started, in `folder`."""

    def __init__(self, lab: Lab, folder: Path, state: State) -> None:
        self.lab, self.folder, self.state = lab, folder, state

    @property
    def id(self) -> str:
        """The student's id."""
        return self.state.id

    def save(self) -> None:
        """Keep the state: whole, or as it was."""
        write_bytes(self.folder / STATE, (self.state.model_dump_json(indent=1) + "\n").encode())

    def digest(self) -> str:
        """Of the files that are handed in: another one when one of them changed."""
        total = hashlib.sha256()
        for name in self.lab.settings.files:
            path = self.folder / name
            content = path.read_bytes() if path.is_file() else b""
            total.update(f"{name}\n{len(content)}\n".encode() + content)
        return total.hexdigest()


def started(lab: Lab, work: Path, id: str, given: dict[str, Any]) -> Work:  # noqa: A002
    """Give a student the files of a lab, in a folder of their own below `work`.

    Raises:
        CallError: it is started already.
        LabsError: the folder cannot be made.
    """
    folder = work / lab.name
    if os.path.lexists(folder):
        what = "it is there already"
        raise CallError(str(folder), what, f"`python -m labs reset {lab.number}` to begin again")
    work.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{lab.name}-", dir=work))
    try:
        hidden = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(lab.student, draft, dirs_exist_ok=True, ignore=hidden)
        (draft / GIVEN).write_text(_given(lab, id, given), encoding="utf-8")
        made = Work(lab, draft, State(lab=lab.name, id=id))
        made.save()
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    made.folder = folder
    return made


def opened(lab: Lab, work: Path) -> Work:
    """The work folder of a lab. Raises `NotStarted`, `LabsError` for a state that is no state."""
    folder = work / lab.name
    path = folder / STATE
    try:
        state = State.model_validate_json(read_text(path, MOST_STATE))
        student_id(state.id)
    except FileNotFoundError:
        raise NotStarted(lab.name, folder) from None
    except (OSError, LabsError, ValidationError, UnicodeDecodeError) as error:
        raise LabsError(f"{path}: expected what `labs start` wrote: {_first(error)}") from error
    return Work(lab, folder, state)


def renewed(mine: Work, id: str, given: dict[str, Any]) -> tuple[Work, Path]:  # noqa: A002
    """Begin a lab again; also returns the folder that what the student had is moved to."""
    kept = _free(mine.folder)
    mine.folder.rename(kept)
    try:
        return started(mine.lab, mine.folder.parent, id, given), kept
    except BaseException:
        kept.rename(mine.folder)
        raise


def _free(folder: Path) -> Path:
    """A name for the backup of a folder: NN-name.1, or the next number."""
    number = 1
    while os.path.lexists(path := folder.with_name(f"{folder.name}.{number}")):
        number += 1
    return path


def _given(lab: Lab, id: str, given: dict[str, Any]) -> str:  # noqa: A002
    head = f"# {lab.settings.title}: the numbers of {id}. A change here changes nothing.\n"
    return head + dumps(given)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return str(error.errors()[0]["msg"])
    return getattr(error, "strerror", None) or str(error)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file: whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(draft, 0o644)  # noqa: PTH101
        os.replace(draft, path)  # noqa: PTH105
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
