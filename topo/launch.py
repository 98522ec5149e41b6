"""Bring a network up: check the system, start the daemon, wait until it reports."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from topo import system, targets
from topo.client import Network
from topo.errors import NotRunning, StartFailed, TopoError
from topo.rundir import RunDir
from topo.spec import Topology
from topo.state import Target

END_SECONDS = 10.0


class Other(TopoError):
    """A network is up already, and it is another one."""


class Up(NamedTuple):
    """A network that is up: whether it was before, and the seconds that starting it took."""

    was_up: bool
    target: Target
    seconds: float


def up(topology: Topology, switch: str = "auto", run_dir: RunDir | None = None) -> Up:
    """Bring `topology` up, or find it up already, and return when all of it answers.

    `switch` is ``auto``, ``bmv2`` or ``v1switch``. Raises SystemLacks, RunDirError, Busy; Other
    when another network is up here; StartFailed, and then nothing is left of the attempt.
    """
    began = time.monotonic()
    run_dir = run_dir or RunDir()
    target = targets.resolve(switch)
    run_dir.verify()
    with run_dir.locked():
        if _is_up(topology, target, run_dir):
            return Up(True, target, time.monotonic() - began)
        system.require(target)
        run_dir.clean_files()  # of a network whose daemon was killed
        _launch({"topology": topology.model_dump(mode="json"), "target": target}, run_dir)
    return Up(False, target, time.monotonic() - began)


def _is_up(topology: Topology, target: Target, run_dir: RunDir) -> bool:
    try:
        with Network.connect(run_dir.path) as network:
            spec, status = network.spec, network.status()
    except NotRunning:
        return False
    if spec != topology:
        what = "of another spec" if spec.name == topology.name else f"({spec.name})"
        raise Other(f"another network {what} is up in {run_dir.path}: take it down first")
    if status.target != target:
        raise Other(f"{spec.name} is up with {status.target}, not {target}: take it down first")
    for part in status.dead:
        raise Other(f"{spec.name} is up, but {part.name} {part.state}: take it down first")
    return True


def _launch(order: dict[str, Any], run_dir: RunDir) -> None:
    run_dir.state.write_text(json.dumps(order))
    order = order | {"run_dir": str(run_dir.path)}
    path = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).resolve().parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    with run_dir.log.open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "topo.daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            cwd="/",
        )
    reports = _Reports(daemon)
    try:
        reports.give(order)
        reports.wait_ready(run_dir)
    except BaseException:
        reports.end()
        run_dir.clean()
        raise
    finally:
        reports.close()


class _Reports:
    """The pipes to a daemon that starts, and the process that its life hangs on."""

    def __init__(self, daemon: "subprocess.Popen[bytes]") -> None:
        self._daemon = daemon
        self._init: int | None = None

    def give(self, order: dict[str, Any]) -> None:
        assert self._daemon.stdin is not None
        with self._daemon.stdin as stdin:
            stdin.write(json.dumps(order).encode())

    def wait_ready(self, run_dir: RunDir) -> None:
        """Return when the daemon is ready; raise StartFailed when it says or shows otherwise."""
        assert self._daemon.stdout is not None
        for line in self._daemon.stdout:
            message = json.loads(line)
            if "init" in message:
                with contextlib.suppress(ProcessLookupError):  # it failed at once: it will say
                    self._init = os.pidfd_open(message["init"])
            elif "failed" in message:
                raise StartFailed(**message["failed"])
            elif "ready" in message:
                return
        from topo.programs import tail

        raise StartFailed("daemon", "it died while it started", "\n".join(tail(run_dir.log)))

    def end(self) -> None:
        """End what was begun, and return when the last process of it is gone."""
        if self._init is not None:
            signal.pidfd_send_signal(self._init, signal.SIGKILL)
            select.select([self._init], [], [], END_SECONDS)
        self._daemon.kill()

    def close(self) -> None:
        assert self._daemon.stdout is not None
        self._daemon.stdout.close()
        self._daemon.wait()
        if self._init is not None:
            os.close(self._init)
