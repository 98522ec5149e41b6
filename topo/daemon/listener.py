"""The daemon's socket in the run directory: bound anew whenever it is not there any more."""

import contextlib
import errno
import os
import socket
from pathlib import Path

from topo.errors import RunDirError
from topo.rundir import RunDir
from topo.system.linux import wait_readable

BACKLOG = 128
RESERVE = os.devnull  # what the spare descriptor is open on
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Full(Exception):
    """There is no descriptor left for a connection; the waiting client was disconnected."""


class Listener:
    """Listens in a run directory, for this user only. Use it from one thread."""

    def __init__(self, run_dir: RunDir) -> None:
        self._run_dir, self._path = run_dir, run_dir.socket
        self._sock, self._identity = _bind(self._path)
        self._spare: int | None = _reserve()

    def accept(self, seconds: float) -> socket.socket | None:
        """Wait up to `seconds` for a client; return its socket, or None.

        Binds the socket again when its file was removed or the whole directory replaced. Raises
        `Full`; other errors of the connection are the client's, and give None.
        """
        self._renew()
        if not wait_readable([self._sock.fileno()], seconds):
            return None
        try:
            return self._sock.accept()[0]
        except OSError as err:
            if err.errno in NO_ROOM:
                self._hang_up()
                raise Full from err
            return None  # ECONNABORTED and the like: the client is gone

    def _hang_up(self) -> None:
        """Use the spare descriptor to disconnect a client that there is no descriptor for.

        Otherwise it would wait for ever, and the accept loop would spin: the socket stays readable.
        """
        if self._spare is not None:
            os.close(self._spare)
        with contextlib.suppress(OSError):
            self._sock.accept()[0].close()
        self._spare = _reserve()

    def _renew(self) -> None:
        if self._identity is not None and _identity(self._path) == self._identity:
            return
        # No directory, somebody else's, no room on the disk: tried again next time.
        with contextlib.suppress(OSError, RunDirError):
            self._run_dir.verify()
            if _answers(self._path):  # a file system shared with another machine's network
                return
            self._path.unlink(missing_ok=True)
            renewed, self._identity = _bind(self._path)
            self._sock.close()
            self._sock = renewed


def _reserve() -> int | None:
    """A descriptor to give up when there is no other; None when another thread took the last."""
    try:
        return os.open(RESERVE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _bind(path: Path) -> tuple[socket.socket, tuple[int, int, int] | None]:
    """A listening socket at `path`, and what tells its file from others."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.bind(os.fspath(path))
        path.chmod(0o600)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock, _identity(path)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Device, inode and time of change: a new file may have the inode of a removed one."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.0)
        return probe.connect_ex(os.fspath(path)) in (0, errno.EAGAIN)
