"""Reads users' files: regular files only, up to a size limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_text(path: Path, most: int) -> str:
    """The text of a regular file.

    Raises:
        OSError: it cannot be read, is no regular file, or holds more than `most` bytes.
        UnicodeDecodeError: it is not UTF-8.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(None, "it is no regular file", str(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(None, f"it is longer than {most} bytes", str(path))
    return data.decode()
