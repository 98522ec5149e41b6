"""Archives as a dict of files, in memory: nothing is ever written where a member's name says.

A submission is a few small text files.  Whatever else lies in an archive (links, devices, names
that lead outside, a bomb) is left out and named, and the rest is graded.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

DEEPEST = 3  # archives inside of archives
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_OTHERS = (".rar", ".7z", ".gz", ".xz", ".bz2", ".zst")
_LITTER = ("__MACOSX", "__pycache__", ".git", ".venv", ".ipynb_checkpoints")
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, UnicodeDecodeError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How many files, and how many bytes of them together, are read."""

    files: int
    size: int


ONE = Limits(500, 20_000_000)  # of one student
CLASS = Limits(20_000, 500_000_000)  # of an archive of a whole class


@dataclass
class Files:
    """Files by their path, what was left out and why, and the time of the latest file."""

    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    latest: datetime | None = None

    def __len__(self) -> int:
        return len(self.files)


class _Full(Exception):
    """The limits are reached."""


def is_archive(name: str) -> bool:
    """Whether a file is an archive by its name; also of a kind that is not read, which is named."""
    return name.lower().endswith(ARCHIVES + _OTHERS)


def read_folder(folder: Path, limits: Limits = ONE) -> Files:
    """All files below a folder; links are left out, archives unpacked."""
    reader = _Reader(limits)
    reader.guard(lambda: reader.folder(folder, folder))
    return reader.found


def read_file(path: Path, limits: Limits = ONE) -> Files:
    """The files of an archive, or the one file that is none. Never follows a link inside."""
    reader = _Reader(limits)
    reader.guard(lambda: reader.path(path, path.name, top=is_archive(path.name)))
    return reader.found


def members(path: Path, limits: Limits = CLASS) -> Files:
    """The files of an archive; archives among them stay as they are."""
    reader = _Reader(limits, nested=False)
    reader.guard(lambda: reader.path(path, path.name, top=True))
    return reader.found


def unpacked(name: str, files: Mapping[str, bytes], limits: Limits = ONE) -> Files:
    """Files that were read already under a name, with the archives among them unpacked."""
    reader = _Reader(limits)

    def each() -> None:
        for path, data in files.items():
            content = reader.bytes_of(io.BytesIO(data), path)
            reader.add(path, content, None, 0, top=path == name)

    reader.guard(each)
    return reader.found


class _Reader:
    def __init__(self, limits: Limits, nested: bool = True) -> None:
        self.found = Files()
        self._nested = nested
        self._limits = limits
        self._left = limits.size
        self._seen = 0

    def guard(self, work: Callable[[], object]) -> None:
        """Run the work; what is beyond the limits is left out, and said."""
        try:
            work()
        except _Full as full:
            self.found.problems.append(str(full))

    def folder(self, root: Path, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            name = path.relative_to(root).as_posix()
            if path.name in _LITTER:
                continue
            if path.is_symlink():
                self.found.problems.append(f"{_shown(name)}: a symbolic link, left out")
            elif path.is_dir():
                self.folder(root, path)
            else:
                self.path(path, name)

    def path(self, path: Path, name: str, *, top: bool = False) -> None:
        """A file of the file system."""
        try:
            if not path.is_file():
                self.found.problems.append(f"{_shown(name)}: no regular file, left out")
                return
            changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
            with path.open("rb") as file:
                data = self.bytes_of(file, name)
        except OSError as error:
            self.found.problems.append(f"{_shown(name)}: {error.strerror or error}")
            return
        self.add(name, data, changed, 0, top=top)
        if self.found.latest is None:  # as of what `labs submit` makes: equal bytes every time
            self.found.latest = changed

    def add(
        self, name: str, data: bytes, changed: datetime | None, depth: int, *, top: bool = False
    ) -> None:
        """A file with its content; an archive's members come in its place, at the `top` or not."""
        if is_archive(name) and (self._nested or top):
            if depth < DEEPEST:
                self._archive("" if top else f"{name}/", name, data, depth + 1)
            else:
                what = f"archives in archives, more than {DEEPEST} deep; left out"
                self.found.problems.append(f"{_shown(name)}: {what}")
            return
        self.found.files[name] = data
        if changed is not None:
            self.found.latest = max(filter(None, (self.found.latest, changed)))

    def _archive(self, prefix: str, name: str, data: bytes, depth: int) -> None:
        if not data:
            self.found.problems.append(f"{_shown(name)}: an empty file, expected an archive")
            return
        try:
            if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                self._zip(prefix, data, depth)
            elif name.lower().endswith(ARCHIVES[1:]) or data[257:262] == b"ustar":
                self._tar(prefix, data, depth)
            else:
                self.found.problems.append(
                    f"{_shown(name)}: not an archive that is read here; "
                    "expected .zip, .tar, .tar.gz, .tar.xz or .tar.bz2"
                )
        except _BROKEN as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.found.problems.append(f"{_shown(name)}: a broken archive ({_shown(what)})")

    def _zip(self, prefix: str, data: bytes, depth: int) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                path = self._path(prefix, member.filename)
                if member.is_dir() or path is None:
                    continue
                if member.external_attr >> 28 == 0o12:
                    self.found.problems.append(f"{_shown(path)}: a symbolic link, left out")
                elif member.flag_bits & 1:
                    self.found.problems.append(f"{_shown(path)}: encrypted, left out")
                else:
                    with archive.open(member) as file:
                        content = self.bytes_of(file, path)
                    self.add(path, content, _zip_time(member), depth)

    def _tar(self, prefix: str, data: bytes, depth: int) -> None:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            for member in archive:
                path = self._path(prefix, member.name)
                if member.isdir() or path is None:
                    continue
                if not member.isreg():
                    kind = "a link" if member.issym() or member.islnk() else "no regular file"
                    self.found.problems.append(f"{_shown(path)}: {kind}, left out")
                    continue
                file = archive.extractfile(member)
                if file is not None:
                    changed = datetime.fromtimestamp(max(0, min(member.mtime, 2**32))).astimezone()
                    self.add(path, self.bytes_of(file, path), changed, depth)

    def _path(self, prefix: str, name: str) -> str | None:
        """The member's path, None when it is litter or leads outside."""
        text = name.replace("\\", "/").replace("\0", "")
        parts = PurePosixPath(text).parts
        if not parts or any(part in _LITTER or part == ".DS_Store" for part in parts):
            return None
        if text.startswith("/") or ".." in parts or ":" in parts[0]:
            self.found.problems.append(f"{_shown(name)}: a path that leads outside, left out")
            return None
        return prefix + "/".join(parts)

    def bytes_of(self, file: IO[bytes], name: str) -> bytes:
        """A file's content, counted against the limits."""
        self._seen += 1
        if self._seen > self._limits.files:
            raise _Full(f"more than {self._limits.files:,} files; the rest is left out")
        data = file.read(self._left + 1)
        if len(data) > self._left:
            raise _Full(
                f"{_shown(name)}: more than {self._limits.size // 1_000_000} MB unpacked; "
                "the rest is left out"
            )
        self._left -= len(data)
        return data


def _zip_time(member: zipfile.ZipInfo) -> datetime | None:
    if member.date_time[0] <= 1980:  # none
        return None
    try:
        return datetime(*member.date_time).astimezone()
    except ValueError:
        return None


def _shown(text: str) -> str:
    """A name of the student's, on one line and not longer than anybody reads."""
    clean = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
    return clean if len(clean) <= 120 else f"{clean[:120]}…"


def top_level(files: dict[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The entries of an archive's first level: a file alone, or a folder's files without it."""
    names: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        first, slash, rest = path.partition("/")
        names.setdefault(first, {})[rest if slash else first] = data
    yield from sorted(names.items())
