"""Files that the switch writes under names that its user gave, or that can be guessed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def create(path: Path) -> int:
    """Open a file for writing, empty; it is made if missing, and others cannot write to it.

    Pipes and devices are written into, a pipe only if someone reads it. A symbolic link is not
    followed, except below /dev (/dev/stdout), as anybody can make one in a shared folder.

    Returns:
        its descriptor.

    Raises:
        OSError: it cannot be written, or belongs to another user.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    if path.parts[:2] != ("/", "dev"):
        flags |= os.O_NOFOLLOW
    try:
        handle = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "is a symbolic link", str(path)) from None
    try:
        found = os.fstat(handle)
        if found.st_uid not in (os.geteuid(), 0):
            raise PermissionError(errno.EPERM, "belongs to another user", str(path))
        if stat.S_ISREG(found.st_mode):
            os.ftruncate(handle, 0)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle
