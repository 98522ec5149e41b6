"""Take a network down from outside, whatever state its daemon is in."""

import os
import select
import signal

from topo.client import Network
from topo.errors import NotRunning, RequestError, StartFailed
from topo.pids import init_of
from topo.rundir import RunDir


def take_down(run_dir: RunDir, timeout: float = 10.0) -> bool:
    """End the network of `run_dir` and remove its files; True when there was one.

    Asks the daemon first. One that does not answer is killed: it is known by its end of the socket,
    not by a number in a file, so nobody else's process can be meant. Returns when process 1 of
    the namespaces is gone, and everything in them with it. Raises Busy, RunDirError, and
    StartFailed when something outlives SIGKILL.
    """
    with run_dir.locked():
        was_up = _end_daemon(run_dir, timeout)
        run_dir.clean()
    return was_up


def _end_daemon(run_dir: RunDir, timeout: float) -> bool:
    try:
        network = Network.connect(run_dir.path)
    except NotRunning:
        return False
    with network:
        init = init_of(network.daemon_pid)
        if init is None:
            return True
        try:
            pidfd = os.pidfd_open(init)
        except ProcessLookupError:
            return True
        try:
            if not (_agrees(network) and _ended(pidfd, timeout)):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                if not _ended(pidfd, timeout):
                    raise StartFailed("down", f"process {init} did not end after SIGKILL")
        finally:
            os.close(pidfd)
    return True


def _agrees(network: Network) -> bool:
    """Ask the daemon to end; False when it does not answer."""
    try:
        network.request_down()
    except NotRunning:  # it is going already
        return True
    except RequestError as err:
        return not err.is_timeout
    return True


def _ended(pidfd: int, timeout: float) -> bool:
    """Wait for a process's end: its pidfd becomes readable, pidfd_open(2)."""
    return bool(select.select([pidfd], [], [], timeout)[0])
