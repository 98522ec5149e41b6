"""The finished points: an append-only file that survives any end of the process.

Each line is a checksum, a task's key and its row. A line that a killed process left half-written
has a wrong checksum: it is dropped, and its point is run again.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from falcon_ctl import files
from falcon_ctl.errors import UsageError
from falcon_ctl.sweeps.work import Row

NAME = "journal"


class Journal:
    """Finished rows, old and new; made by `opened`."""

    def __init__(self, descriptor: int, rows: dict[str, Row], dropped: int) -> None:
        self._descriptor = descriptor
        self.rows = rows
        self.dropped = dropped  # lines that were torn or damaged

    def add(self, key: str, row: Row) -> None:
        """Append a finished task."""
        self.rows[key] = row
        line = _line(key, row)
        written = os.write(self._descriptor, line)
        if written < len(line):  # a full disk: the rest raises
            os.write(self._descriptor, line[written:])


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, which is made if necessary.

    Raises:
        UsageError: it cannot be written, or another sweep is writing it.
    """
    try:
        files.make_folder(folder)
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(folder / NAME, flags, 0o666)
        if not os.fstat(descriptor).st_size:
            files.give_file(descriptor, folder)
    except OSError as error:
        raise UsageError(f"--out {folder}", str(error.strerror), "a folder") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"--out {folder}", f"{NAME} is no file", "a folder of its own")
        _lock(descriptor, folder)
        text = (folder / NAME).read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        os.ftruncate(descriptor, len(whole))
        rows, dropped = parse(whole)
        yield Journal(descriptor, rows, dropped + (len(text) > len(whole)))
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        what = "another sweep is writing there"
        raise UsageError(f"--out {folder}", what, "a folder of its own") from error


def parse(text: bytes) -> tuple[dict[str, Row], int]:
    """Rows by key, and the number of torn or damaged lines."""
    rows, dropped = {}, 0
    for line in text.splitlines():
        checksum, _, body = line.partition(b" ")
        found = _row(body) if checksum == _checksum(body) else None
        if found is None:
            dropped += 1
        else:
            rows[found[0]] = found[1]
    return rows, dropped


def _row(body: bytes) -> tuple[str, Row] | None:
    """A key and its row, unless the line was not written by `Journal.add`."""
    try:
        key, row = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return None
    return (key, row) if isinstance(key, str) and isinstance(row, dict) else None


def _line(key: str, row: Row) -> bytes:
    body = json.dumps([key, row], allow_nan=False).encode()
    return _checksum(body) + b" " + body + b"\n"


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)
