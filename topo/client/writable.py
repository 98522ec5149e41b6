"""The host directories that containers may write to: those given to `up`."""

import os
from collections.abc import Iterable
from pathlib import Path

from topo.container.users import Users, of_daemon
from topo.errors import CallError


def for_containers(given: Iterable[Path]) -> tuple[str, ...]:
    """The directories by their real paths, sorted; CallError for one that cannot be written."""
    return tuple(sorted({_real(path) for path in given}))


def _real(path: Path) -> str:
    real = path.expanduser().resolve()
    if not real.is_dir() or real == Path("/"):
        raise CallError(f"--writable {path}: expected a directory other than /")
    if os.geteuid() != 0:
        if not os.access(real, os.W_OK | os.X_OK):
            raise CallError(f"--writable {path}: expected a directory that you may write")
        return str(real)
    users = of_daemon(os.environ)
    if users.is_foreign and not _may_write(real, users):
        whom = f"user {users.uid}, a container's root"
        raise CallError(f"--writable {path}: expected a directory that {whom}, may write")
    return str(real)


def _may_write(path: Path, users: Users) -> bool:
    """Goes by owner and mode: a container's root is in no group."""
    found = path.stat()
    bits = found.st_mode >> 6 if found.st_uid == users.uid else found.st_mode
    return bits & 0o3 == 0o3
