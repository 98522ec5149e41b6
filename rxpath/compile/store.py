"""Compiled code on disk: kept with the user that runs it, and checked before it is loaded.

Loading compiled code is running it, so a file counts only when nobody but this user and root can
have written it and when it holds what was written.  Whatever else lies in its place, unreadable,
someone else's or damaged, is left alone, and the code is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_DIGEST = hashlib.sha256().digest_size
_MOST = 2000  # files that are kept, some ten kilobytes each

log = logging.getLogger(__name__)


class CodeStore:
    """Compiled code under keys, in a folder of this user's own.

    The folder is below NUMBA_CACHE_DIR if that is set, else below the user's cache directory (XDG
    Base Directory Specification); where that cannot be used, below the one of /etc/passwd or the
    directory of temporary files.

    Args:
        name: of the folder.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._warned = False

    @cached_property
    def folders(self) -> list[Path]:
        """Where code is looked for. The last can be written, unless none can."""
        found = []
        for base in _bases():
            for name in (self._name, f"{self._name}-{os.geteuid()}"):
                if _is_own(base, base / name):
                    found.append(base / name)
                    if os.access(found[-1], os.R_OK | os.W_OK | os.X_OK):
                        return found
        return found

    def read(self, key: str) -> bytes | None:
        """The code under a key, or nothing if there is none that can be trusted."""
        for folder in self.folders:
            code = _read(folder / key)
            if code is not None:
                return code
        return None

    def write(self, key: str, code: bytes) -> None:
        """Keep code; its file appears complete or not at all. Without a place it is not kept."""
        try:
            self._write(key, code)
        except OSError as error:
            self._warn(f"compiled code cannot be kept, so each start compiles again: {error}")

    def _write(self, key: str, code: bytes) -> None:
        if not self.folders:
            raise PermissionError("no folder for it (set XDG_CACHE_HOME)")
        folder = self.folders[-1]
        if folder.parent == _temporary():
            self._warn(f"compiled code is kept in {folder}: no cache directory can be written")
        handle, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")  # exclusive, mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(key, code) + code)
            Path(draft).replace(folder / key)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        _prune(folder)

    def _warn(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning(what)


def _bases() -> Iterator[Path]:
    """Folders that may hold ours, the best first."""
    given, cache = (os.environ.get(name, "") for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"))
    if given:
        yield Path(given).absolute()
    if cache.startswith("/"):  # the specification: ignore a relative one
        yield Path(cache)
    elif os.environ.get("HOME", "").startswith("/"):
        yield Path(os.environ["HOME"], ".cache")
    with contextlib.suppress(KeyError):  # a user id without a user
        yield Path(pwd.getpwuid(os.geteuid()).pw_dir, ".cache")
    yield _temporary()


def _temporary() -> Path:
    return Path(os.environ.get("TMPDIR") or "/tmp").absolute()


def _is_own(base: Path, folder: Path) -> bool:
    """Whether a folder is this user's own and nobody else's to write; it is made if missing."""
    try:
        if _may_make_in(base):
            for path in (*reversed(base.parents), base, folder):
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        if found.st_mode & _WRITABLE_BY_OTHERS:
            folder.chmod(0o700)
    except OSError:
        return False
    return True


def _may_make_in(base: Path) -> bool:
    """Whether a folder may be made there: by root, as sudo keeps HOME, in nobody else's folder."""
    if os.geteuid() != 0:
        return True
    there = [path for path in (base, *base.parents) if path.exists()]
    # in a user namespace the owner of "/" is shown as another than 0
    return {path.stat().st_uid for path in there} <= {0, there[-1].stat().st_uid}


def _read(path: Path) -> bytes | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            trusted = stat.S_ISREG(found.st_mode) and found.st_uid in (os.geteuid(), 0)
            if not trusted or found.st_mode & _WRITABLE_BY_OTHERS:
                return None
            content = file.read()
            with contextlib.suppress(OSError):
                os.utime(file.fileno())  # it was used
    except OSError:
        return None
    code = content[_DIGEST:]
    return code if content[:_DIGEST] == _digest(path.name, code) else None


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(f"{key}\n".encode() + code).digest()


def _prune(folder: Path) -> None:
    """Remove the least recently used files."""
    used = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            used[path] = path.lstat().st_mtime
    for path in sorted(used, key=used.__getitem__)[:-_MOST]:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
