"""Where log lines go: files that rotate as BMv2's, and standard output that stays bounded.

Both take whole pieces of text as well as records: a packet trace writes all lines of a frame at
once, which is many times as fast as a record for each.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from v1switch.io.outputs import create

if TYPE_CHECKING:
    _TextHandler = logging.StreamHandler[TextIO]
else:
    _TextHandler = logging.StreamHandler  # Python 3.10 cannot subscript it

SUFFIX = ".txt"  # BMv2 appends it to what --log-file names
DEVICES = ("/", "dev")  # what is below is written to as it is


class Sink(_TextHandler):
    """A handler that takes text, too."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; an error of the system is no reason to stop (a full disk)."""
        with contextlib.suppress(OSError, ValueError):
            self.put(self.format(record) + "\n")

    def write(self, text: str) -> None:
        """Write whole lines."""
        self.acquire()
        try:
            with contextlib.suppress(OSError, ValueError):
                self.put(text)
        finally:
            self.release()

    def put(self, text: str) -> None:
        """Write whole lines, with the handler's lock held."""
        self.stream.write(text)
        self.stream.flush()


class RotatingFile(Sink):
    """A log file PREFIX.txt that becomes PREFIX.1.txt, PREFIX.2.txt, … when it is full."""

    def __init__(self, prefix: Path, size: int, files: int) -> None:
        """Create the file; raises OSError.

        Args:
            prefix: the file without `.txt`; a device is taken as it is, and never full.
            size: bytes at which a new file begins.
            files: how many older ones are kept.
        """
        self._prefix, self._size, self._files = prefix, size, files
        self._device = prefix.parts[: len(DEVICES)] == DEVICES
        super().__init__(_opened(self._part(0)))
        self._written = 0

    def put(self, text: str) -> None:
        """Write, to a new file when the old one is full."""
        length = len(text.encode("utf-8", "replace"))
        if self._written and self._written + length > self._size and not self._device:
            self._rotate()
        self._written += length
        super().put(text)

    def _rotate(self) -> None:
        """Rename the files; one that cannot be renamed is written on."""
        self._written = 0
        try:
            if not self._files:
                self._part(0).unlink()
            for number in range(self._files - 1, -1, -1):
                old = self._part(number)
                if old.exists():
                    old.replace(self._part(number + 1))
            fresh = _opened(self._part(0))
        except OSError:
            return
        self.stream.close()
        self.stream = fresh
        before = f"what came before is in {self._part(1).name}" if self._files else "cut off here"
        kept = f"{self._files} older files of {self._size:,} bytes are kept"
        self.stream.write(f"(log: {before}; {kept}: --log-file-max-size, --log-file-max-files)\n")

    def _part(self, number: int) -> Path:
        if self._device:
            return self._prefix
        middle = f".{number}" if number else ""
        return self._prefix.with_name(f"{self._prefix.name}{middle}{SUFFIX}")


def _opened(path: Path) -> TextIO:
    return os.fdopen(create(path), "w", encoding="utf-8", errors="backslashreplace")


class BoundedOutput(Sink):
    """Standard output; where that is a file (`> s1.log`) its older half goes when it is full.

    Launchers redirect the switch's output and never look at its size, and a trace writes a
    megabyte in a second. What comes before the first trace stays: how the switch started.
    """

    def __init__(self, stream: TextIO, limit: int) -> None:
        """Write to a stream; at most `limit` bytes of ours are kept in a file."""
        super().__init__(stream)
        self._limit = limit
        self._start = self._end = 0
        self._began = False
        try:
            found = os.fstat(stream.fileno())
            self._is_file = stat.S_ISREG(found.st_mode)
            if self._is_file:
                self._start = self._end = found.st_size
        except (OSError, ValueError):  # no file behind it
            self._is_file = False

    def write(self, text: str) -> None:
        """Write lines of a trace."""
        if not self._began:
            self._began, self._start = True, self._end
        super().write(text)

    def put(self, text: str) -> None:
        """Write; in a file, cut off its older half when it is full."""
        if self._is_file:
            length = len(text.encode("utf-8", "replace"))
            if self._end + length > self._start + self._limit:
                self._cut()
            self._end += length
        super().put(text)

    def _cut(self) -> None:
        """Keep the newer half of what was written since the start."""
        number = self.stream.fileno()
        size = os.fstat(number).st_size
        kept = _tail(number, max(self._start, size - self._limit // 2), size)
        note = f"(log: {size - self._start - len(kept):,} bytes of older lines cut off here)\n"
        text = note.encode() + kept
        os.ftruncate(number, self._start)
        os.lseek(number, self._start, os.SEEK_SET)
        while text:
            text = text[os.write(number, text) :]
        self._end = os.fstat(number).st_size


def _tail(number: int, start: int, end: int) -> bytes:
    """The whole lines between two places of a file that may be open for writing only."""
    try:
        with Path(f"/proc/self/fd/{number}").open("rb") as file:
            data = os.pread(file.fileno(), end - start, start)
    except OSError:
        return b""
    return data[data.find(b"\n") + 1 :]
