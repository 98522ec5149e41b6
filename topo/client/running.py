"""Find the networks of this user by their processes, whatever became of their files.

`topo.client.launch` starts each daemon as ``python -m topo.daemon RUN_DIR TOPOLOGY``. That argument
list and the PID namespace are known to the kernel, so a network is found when its socket or its
whole run directory has been removed; other users' processes are never taken for ours.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from topo.client.pids import Process, parse_status
from topo.rundir import RunDir
from topo.system.linux import wait_readable
from topo.system.processes import age, arguments, is_stopped

MODULE = "topo.daemon"


class Running(NamedTuple):
    """A network: its two processes, by their numbers here, and what they were started with.

    `init` is process 1 of the network's namespaces, `daemon` its child. A network that is still
    entering its namespaces has only a `daemon`, and `init` is the same number.
    """

    run_dir: Path
    topology: str
    init: int
    daemon: int
    age_s: float

    @property
    def processes(self) -> tuple[Path, int, int]:
        """What tells it from other networks, and from processes with the same numbers later."""
        return self.run_dir, self.init, self.daemon

    @property
    def is_stopped(self) -> bool:
        """Whether one of the two processes is stopped (SIGSTOP) and answers nothing."""
        return any(is_stopped(pid) for pid in {self.init, self.daemon})

    @property
    def is_starting(self) -> bool:
        """Whether the daemon still reports to the `up` that started it; then to /dev/null."""
        try:
            return str(Path(f"/proc/{self.daemon}/fd/1").readlink()).startswith("pipe:")
        except OSError:
            return False

    def resume(self) -> bool:
        """Continue stopped processes; True when there were any."""
        stopped = [pid for pid in {self.init, self.daemon} if is_stopped(pid)]
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return bool(stopped)

    def end(self, timeout: float) -> bool:
        """End the network: SIGTERM, and SIGKILL after `timeout` seconds; False if it survives.

        Returns when process 1 has ended, and with it every process inside.
        """
        try:
            init, daemon = os.pidfd_open(self.init), os.pidfd_open(self.daemon)
        except ProcessLookupError:
            return True
        try:
            if self.processes not in [network.processes for network in networks()]:
                return True  # the numbers belong to other processes by now
            self.resume()
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(daemon, signal.SIGTERM)
            if _ended(init, timeout):
                return True
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(init, signal.SIGKILL)
            return _ended(init, timeout)
        finally:
            os.close(init)
            os.close(daemon)


def _ended(pidfd: int, timeout: float) -> bool:
    """Wait for the end of a process: its pidfd becomes readable, pidfd_open(2)."""
    return bool(wait_readable([pidfd], timeout))


def marker(run_dir: RunDir) -> str:
    """The run directory as a daemon's argument: without symbolic links on the way."""
    return os.path.realpath(run_dir.path)


def command(python: str, run_dir: RunDir, topology: str) -> list[str]:
    """The argument list of a daemon."""
    return [python, "-m", MODULE, marker(run_dir), topology]


def of(run_dir: RunDir) -> list[Running]:
    """The networks of this user that were started in `run_dir`: none or one."""
    path = Path(marker(run_dir))
    return [network for network in networks() if network.run_dir == path]


def networks() -> list[Running]:
    """Every network of this user, the oldest first."""
    daemons = {process.pid: (process, argv) for process, argv in _daemons()}
    found = []
    for process, argv in daemons.values():
        if process.ppid in daemons and len(process.nspids) > 1:
            continue  # it is found as the child of its process 1, or is a child about to exec
        child = next((p for p, _ in daemons.values() if p.ppid == process.pid), process)
        path, name = Path(os.fsdecode(argv[3])), argv[4].decode(errors="replace")
        found.append(Running(path, name, process.pid, child.pid, age(process.pid)))
    return sorted(found, key=lambda network: -network.age_s)


def _daemons() -> Iterator[tuple[Process, list[bytes]]]:
    """Processes of this user with a daemon's argument list, started in our PID namespace."""
    ours = os.geteuid()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if path.stat().st_uid != ours:
                continue
            argv = arguments(int(path.name))
            if len(argv) == 5 and argv[1:3] == [b"-m", MODULE.encode()]:
                process = parse_status((path / "status").read_text())
                if len(process.nspids) <= 2:
                    yield process, argv
