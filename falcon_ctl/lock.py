"""One run at a time on one network: a lock file in the run directory, with the holder's pid."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from falcon_ctl.errors import AlreadyRunning

NAME = "ctl.lock"


@contextmanager
def exclusive(run_dir: Path) -> Iterator[None]:
    """Hold the lock of `run_dir`; the kernel releases it when the process ends, however it ends.

    Raises:
        AlreadyRunning: another process holds it.
    """
    path = run_dir / NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(_read_pid(descriptor), str(path)) from error
        with suppress(OSError):  # a full disk: the lock holds, only our pid is missing in it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(run_dir: Path) -> int | None:
    """Pid of the run that holds the lock, None when nobody does."""
    try:
        descriptor = os.open(run_dir / NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _read_pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
