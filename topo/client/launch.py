"""Bring a network up: check the machine, start the daemon, wait until it is ready."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from topo.client import recovery, running
from topo.errors import Busy, RunDirError, StartFailed
from topo.protocol.startup import Order
from topo.protocol.status import Target
from topo.rundir import RunDir, tail
from topo.spec.model import Topology
from topo.system import requirements, targets
from topo.system.linux import wait_readable
from topo.system.python import environment

END_SECONDS = 10.0
POLL_SECONDS = 0.002


class Up(NamedTuple):
    """The result of `up`.

    `was_up` is whether the network was up before, `notes` has a line for each thing that was
    repaired or replaced, `seconds` is how long it took.
    """

    was_up: bool
    target: Target
    seconds: float
    notes: tuple[str, ...] = ()


def up(topology: Topology, switch: str = "auto", run_dir: RunDir | None = None) -> Up:
    """Bring `topology` up unless it is up already; return when every program answers.

    A network that is up but broken is repaired, or else replaced. `switch` is ``auto``, ``bmv2``
    or ``v1switch``. Raises SystemLacks, RunDirError, Busy; OtherNetworkUp when a different network
    is up in the run directory; StartFailed, after which nothing is left of the attempt.
    """
    began = time.monotonic()
    run_dir = run_dir or RunDir()
    target = targets.resolve(switch)
    run_dir.verify()
    with run_dir.locked():
        notes: list[str] = []
        try:
            found, notes = recovery.recover(topology, target, run_dir)
        except recovery.Lost as err:
            found, notes = False, [f"{err}: the network was replaced"]
        if found:
            return Up(True, target, time.monotonic() - began, tuple(notes))
        requirements.check(target)
        run_dir.clean_files()  # of a network whose daemon was killed
        _launch(topology, target, run_dir)
    return Up(False, target, time.monotonic() - began, tuple(notes))


def _launch(topology: Topology, target: Target, run_dir: RunDir) -> None:
    order = Order(
        topology=topology.model_dump(mode="json"), target=target, run_dir=str(run_dir.path)
    )
    daemon = _start_daemon(order, topology.name, run_dir)
    startup = _Startup(daemon)
    try:
        if not _is_only_one(daemon, run_dir):
            raise Busy(run_dir.path)
        startup.send(order)
        startup.wait_ready(run_dir)
    except BaseException:
        startup.kill()
        run_dir.clean()
        raise
    finally:
        startup.close()


def _start_daemon(order: Order, name: str, run_dir: RunDir) -> "subprocess.Popen[bytes]":
    """Start the daemon, which waits for its order."""
    try:
        with open(run_dir.state, "w", opener=_private) as state:
            json.dump(order, state)
        with open(run_dir.log, "ab", opener=_private) as log:
            return subprocess.Popen(
                running.command(sys.executable, run_dir, name),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                cwd="/",
            )
    except OSError as err:
        run_dir.clean()
        raise RunDirError(run_dir.path, f"cannot write there: {err.strerror}") from err


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read or write, whatever the umask; never through a link."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _is_only_one(daemon: "subprocess.Popen[bytes]", run_dir: RunDir) -> bool:
    """Whether no other daemon was started for `run_dir`.

    When the directory was removed and made anew, the lock on it keeps nobody out. So each `up`
    starts its daemon, waits until it can be found, and only then looks for others: of two, at least
    one finds the other. True, too, for a daemon that has ended: that is reported elsewhere.
    """
    while daemon.poll() is None:
        found = [network.init for network in running.of(run_dir)]
        if daemon.pid in found:  # exec(2) shows its arguments a moment after Popen returns
            return len(found) == 1
        time.sleep(POLL_SECONDS)
    return True


class _Startup:
    """A daemon that is starting: its pipes, and process 1 of its namespaces once it exists."""

    def __init__(self, daemon: "subprocess.Popen[bytes]") -> None:
        self._daemon = daemon
        self._init: int | None = None  # pidfd

    def send(self, order: Order) -> None:
        assert self._daemon.stdin is not None
        with self._daemon.stdin as stdin:
            stdin.write(json.dumps(order).encode())

    def wait_ready(self, run_dir: RunDir) -> None:
        """Return when the daemon reports that it is ready; raise StartFailed when it fails."""
        assert self._daemon.stdout is not None
        for line in self._daemon.stdout:
            message = json.loads(line)
            if "init" in message:
                with contextlib.suppress(ProcessLookupError):  # it failed at once; a report follows
                    self._init = os.pidfd_open(message["init"])
            elif "failed" in message:
                raise StartFailed(**message["failed"])
            elif "ready" in message:
                return
        raise StartFailed("daemon", "it died while starting", "\n".join(tail(run_dir.log)))

    def kill(self) -> None:
        """Kill what was started; return when its last process has ended."""
        if self._init is not None:
            signal.pidfd_send_signal(self._init, signal.SIGKILL)
            wait_readable([self._init], END_SECONDS)
        self._daemon.kill()

    def close(self) -> None:
        assert self._daemon.stdout is not None
        self._daemon.stdout.close()
        self._daemon.wait()
        if self._init is not None:
            os.close(self._init)
