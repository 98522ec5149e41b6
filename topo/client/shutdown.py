"""Take a network down from outside, whatever state its daemon and its files are in."""

from topo.client import running
from topo.client.connection import Connection
from topo.client.running import Running
from topo.errors import NotRunning, RunDirError, StartFailed
from topo.rundir import RunDir
from topo.system.processes import arguments


def take_down(run_dir: RunDir, timeout: float = 10.0) -> bool:
    """End the network of `run_dir` and remove its files; True when one was up.

    The daemon is found by its processes, so neither its socket nor the directory has to be there,
    and it is killed when it does not end within `timeout` seconds. Returns when process 1 of the
    namespaces has ended, and with it every process inside. Raises Busy, RunDirError, and
    StartFailed when a process survives SIGKILL.
    """
    is_new = not run_dir.path.exists()
    try:
        with run_dir.locked():
            switches = run_dir.switches()  # by their sockets, which they remove when they end
            was_up = _end(run_dir, timeout)
            run_dir.clean(directory=is_new, switches=switches)
    except RunDirError:  # the directory was replaced by something that is not ours
        if not _end(run_dir, timeout):
            raise
        return True
    return was_up


def take_all_down(timeout: float = 10.0) -> list[Running]:
    """End every network of this user; return those that were up. Raises as `take_down` does."""
    found = running.networks()
    for network in found:
        take_down(RunDir(network.run_dir), timeout)
    return found


def end(network: Running, timeout: float = 10.0) -> None:
    """End a network and leave its files; raise StartFailed when it survives SIGKILL."""
    if not network.end(timeout):
        raise StartFailed("down", f"process {network.init} did not end after SIGKILL")


def _end(run_dir: RunDir, timeout: float) -> bool:
    """End what runs for `run_dir` or answers in it; True when there was something."""
    was_up = False
    while found := running.of(run_dir) or _answering(run_dir):
        was_up = True
        for network in found:
            end(network, timeout)
    return was_up


def _answering(run_dir: RunDir) -> list[Running]:
    """The network behind the socket in `run_dir`: one of a directory that was renamed to it.

    Raises StartFailed for a daemon that is not found by its processes.
    """
    try:
        connection = Connection(run_dir)
    except (NotRunning, RunDirError):
        return []
    pid = connection.daemon_pid
    connection.close()
    found = [network for network in running.networks() if network.daemon == pid]
    if not found and pid and not arguments(pid):
        return []  # it has ended in the meantime
    if not found and pid:
        what = f"process {pid} answers on {run_dir.socket}, but was not started by this version"
        raise StartFailed("down", f"{what}: end it (kill {pid})")
    if not found:
        raise StartFailed("down", f"{run_dir.socket} is served from another PID namespace")
    return found
