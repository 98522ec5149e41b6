"""Take a network down from outside, whatever state its daemon is in."""

import os
import select
import signal
from contextlib import closing

from topo.client.connection import Connection
from topo.client.pids import init_of
from topo.errors import NotRunning, RequestError, StartFailed
from topo.rundir import RunDir


def take_down(run_dir: RunDir, timeout: float = 10.0) -> bool:
    """End the network of `run_dir` and remove its files; True when one was up.

    Asks the daemon first and kills it when it does not answer within `timeout` seconds. The daemon
    is identified by the peer credentials of its socket, not by a number in a file, so no other
    process can be hit. Returns when process 1 of the namespaces has ended, and with it every
    process inside. Raises Busy, RunDirError, and StartFailed when a process survives SIGKILL.
    """
    with run_dir.locked():
        was_up = _end_daemon(run_dir, timeout)
        run_dir.clean()
    return was_up


def _end_daemon(run_dir: RunDir, timeout: float) -> bool:
    try:
        connection = Connection(run_dir)
    except NotRunning:
        return False
    with closing(connection):
        init = init_of(connection.daemon_pid)
        if init is None:
            return True
        try:
            pidfd = os.pidfd_open(init)
        except ProcessLookupError:
            return True
        try:
            if not (_accepts_down(connection) and _ended(pidfd, timeout)):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                if not _ended(pidfd, timeout):
                    raise StartFailed("down", f"process {init} did not end after SIGKILL")
        finally:
            os.close(pidfd)
    return True


def _accepts_down(connection: Connection) -> bool:
    """Ask the daemon to end; False when it does not answer."""
    try:
        connection.request("down")
    except NotRunning:  # it is ending already
        return True
    except RequestError as err:
        return not err.is_timeout
    return True


def _ended(pidfd: int, timeout: float) -> bool:
    """Wait for the end of a process: its pidfd becomes readable, pidfd_open(2)."""
    return bool(select.select([pidfd], [], [], timeout)[0])
