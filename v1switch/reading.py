"""Reads users' files: regular files only, up to a size limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file, or of a pipe until it is closed.

    Raises:
        OSError: it cannot be read, is neither, or holds more than `most` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise OSError(None, "it is no file", str(path))
        os.set_blocking(handle, True)
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(None, f"it is longer than {most} bytes", str(path))
    return data
