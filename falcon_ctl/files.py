"""Files of results: whole or unchanged, private unless shared, and kept elsewhere if need be.

A draft has a random name in the target's folder and is made by this process alone, so whatever lies
there under a name that can be guessed is neither followed nor changed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from falcon_ctl.errors import NotWritten, UsageError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

T = TypeVar("T")
_STREAMS = {"/dev/stdout": 1, "/dev/fd/1": 1, "/dev/stderr": 2, "/dev/fd/2": 2}


def is_stdout(path: Path) -> bool:
    """Whether a target of results is this process's standard output."""
    return _STREAMS.get(str(path)) == 1


def set_sharing(shared: bool) -> None:
    """Let others read the files that this process makes, or nobody: results are private."""
    os.umask(0o022 if shared else 0o077)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing. Raises OSError."""
    for each in (*reversed(path.absolute().parents), path):
        with contextlib.suppress(FileExistsError):
            each.mkdir()
            give(each)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def give(folder: Path) -> None:
    """Under sudo: give a folder that was just made, with its files, to the owner of the one above.

    Its owner may change names meanwhile, so everything goes by descriptors and no link is followed.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        owner = _owner_for(folder.absolute().parent)
        if owner is not None:
            for name in os.listdir(handle):  # noqa: PTH208  # of a descriptor
                os.chown(name, *owner, dir_fd=handle, follow_symlinks=False)
            os.fchown(handle, *owner)
    finally:
        os.close(handle)


def give_file(handle: int, folder: Path) -> None:
    """Under sudo: give a file that was just made in a folder to the folder's owner."""
    owner = _owner_for(folder)
    if owner is not None:
        os.fchown(handle, *owner)


def _owner_for(folder: Path) -> tuple[int, int] | None:
    """Who gets what root makes in a folder: its owner, unless that is root."""
    found = folder.stat()
    if os.geteuid() != 0 or found.st_uid == 0 or found.st_mode & stat.S_ISVTX:
        return None
    return found.st_uid, found.st_gid


def verify_folder(where: str, folder: Path) -> None:
    """Check before a run that a folder can be made and written after it.

    Raises:
        UsageError: it cannot; `where` names the option.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    _try_to_write(where, there, "a folder of yours")


def verify_target(where: str, path: Path) -> None:
    """Check before a run that a file can be written after it.

    Raises:
        UsageError: it cannot; `where` names the option.
    """
    expected = "a file in a folder of yours"
    if str(path) in _STREAMS:
        return
    if path.is_dir():
        raise UsageError(where, "is a folder", expected)
    special = _is_special(path)
    if special or os.path.lexists(path):
        owner = (path.stat() if special else path.lstat()).st_uid
        if owner not in (os.geteuid(), 0):
            raise UsageError(where, f"belongs to uid {owner}", expected)
    if not special:
        _try_to_write(where, path.absolute().parent, expected)


def _try_to_write(where: str, folder: Path, expected: str) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".test-"):
            pass
    except OSError as error:
        raise UsageError(where, f"{folder}: {error.strerror}", expected) from error


def replace(path: Path, content: bytes | str) -> None:
    """Write a file that has its name when it is complete; pipes and devices are written to.

    Raises:
        OSError: it cannot be written; then what was there is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    if str(path) in _STREAMS:
        with os.fdopen(os.dup(_STREAMS[str(path)]), "wb") as file:
            sys.stdout.flush()
            file.write(data)
    elif _is_special(path):
        _write_into(path, data)
    else:
        draft = _temporary_file(path.absolute().parent, ".draft-", data)
        try:
            os.replace(draft, path)  # noqa: PTH105  # Path.replace returns a path
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _is_special(path: Path) -> bool:
    """Whether it is (a link to) a pipe or a device, which can only be written into."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_into(path: Path, data: bytes) -> None:
    """Write into what exists; a pipe without a reader raises instead of waiting."""
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "wb") as file:
        if os.fstat(handle).st_uid not in (os.geteuid(), 0):
            raise PermissionError(1, "belongs to another user", str(path))
        os.set_blocking(handle, True)
        file.write(data)


def _temporary_file(folder: Path, prefix: str, data: bytes, suffix: str = "") -> Path:
    """A new file with a random name, with the permissions that new files have."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            mask = os.umask(0o077)
            os.umask(mask)
            os.fchmod(handle, 0o666 & ~mask)
            give_file(handle, folder)
            file.write(data)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


class Rescue:
    """Context manager: a result that cannot be written is printed, and kept in another folder.

    Args:
        text: the result.
        folder: where it is kept, made if missing.
    """

    def __init__(self, text: str, folder: Path) -> None:
        self._text, self._folder = text, folder
        self._failed: list[str] = []

    def attempt(self, where: str, work: Callable[[], T]) -> T | None:
        """The result of `work`, None when it could not write; `where` names the option."""
        try:
            return work()
        except OSError as error:
            self._failed.append(f"{where}: {error.strerror or error}")
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Print and keep the result if an attempt failed. Raises NotWritten."""
        if not self._failed or error is not None:
            return
        with contextlib.suppress(OSError):
            print(self._text, flush=True)
        raise NotWritten(self._failed[0], self._kept())

    def _kept(self) -> str:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.lstat().st_uid != os.geteuid():
                return ""
            return str(_temporary_file(self._folder, "result-", self._text.encode(), ".json"))
        except OSError:
            return ""
