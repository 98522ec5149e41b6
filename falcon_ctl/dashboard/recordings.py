"""The folder of recordings: listed, written line by line, read."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from falcon_ctl import files
from falcon_ctl.dashboard import recording
from falcon_ctl.dashboard.clock import now_ms
from falcon_ctl.dashboard.messages import Message
from falcon_ctl.dashboard.recording import Recording
from falcon_ctl.errors import UsageError

SUFFIX = ".jsonl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.jsonl")
_MOST = 1 << 30  # bytes of a recording that is read


class Folder:
    """Recordings in a folder, which is made when the first one begins.

    Args:
        path: the folder.
        made_by: this testbed's name and version, for their first lines.
        extra: a recording outside of it that is offered, too.
    """

    def __init__(self, path: Path, made_by: str, extra: Path | None = None) -> None:
        self.path, self.made_by, self.extra = path, made_by, extra

    def names(self) -> list[dict[str, Any]]:
        """Name and size of each, the newest first."""
        found = [self.extra] if self.extra else []
        if self.path.is_dir():
            own = (one for one in self.path.iterdir() if _NAME.fullmatch(one.name))
            found += sorted((one for one in own if one.is_file()), reverse=True)
        return [{"name": one.name, "bytes": one.stat().st_size} for one in found if one.exists()]

    def file(self, name: str) -> Path:
        """The file of a recording. Raises UsageError when there is none of that name."""
        if self.extra is not None and name == self.extra.name:
            return self.extra
        path = self.path / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise UsageError("recording", name[:100], f"a file NAME{SUFFIX} in {self.path}")
        return path

    def read(self, name: str) -> Recording:
        """A recording. Raises UsageError when it is none, and OSError."""
        return read(self.file(name))

    def begin(self, start: Sequence[Message]) -> Writer:
        """Begin a new one with the messages that are the state at its start. Raises OSError."""
        files.make_folder(self.path)
        now = time.strftime("%Y-%m-%dT%H-%M-%S")
        for number in itertools.count(1):
            path = self.path / (f"{now}{SUFFIX}" if number == 1 else f"{now}-{number}{SUFFIX}")
            try:
                return Writer(path, self.made_by, start)
            except FileExistsError:
                continue
        raise AssertionError("numbers do not end")


def read(path: Path) -> Recording:
    """A recording from a file. Raises UsageError when it is none, and OSError."""
    size = path.stat().st_size
    if size > _MOST:
        raise UsageError(str(path), f"{size >> 20} MiB", f"at most {_MOST >> 20} MiB")
    return recording.parse(path.name, path.read_bytes())


class Writer:
    """A recording that is being written. Each line is with the kernel once it was written."""

    def __init__(self, path: Path, made_by: str, start: Sequence[Message]) -> None:
        self.path = path
        self.began = now_ms()
        self.bytes = 0
        self._start = time.monotonic()
        self._file = path.open("x", encoding="utf-8", newline="\n")
        files.give_file(self._file.fileno(), path.parent)
        self._write(recording.header(self.began, made_by))
        for message in start:
            self._write(recording.line(0.0, message))

    def write(self, message: Message) -> None:
        """Add a message. Raises OSError."""
        self._write(recording.line(time.monotonic() - self._start, message))

    def close(self) -> None:
        """End it. Raises OSError."""
        self._file.close()

    def _write(self, text: str) -> None:
        self.bytes += self._file.write(f"{text}\n")
        self._file.flush()
