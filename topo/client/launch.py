"""Bring a network up: check the machine, start the daemon, wait until it is ready."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from topo.client.network import Network
from topo.errors import NotRunning, OtherNetworkUp, StartFailed
from topo.protocol.startup import Order
from topo.protocol.status import Target
from topo.rundir import RunDir, tail
from topo.spec.model import Topology
from topo.system import requirements, targets
from topo.system.python import environment

END_SECONDS = 10.0


class Up(NamedTuple):
    """The result of `up`: whether the network was up before, and how many seconds it took."""

    was_up: bool
    target: Target
    seconds: float


def up(topology: Topology, switch: str = "auto", run_dir: RunDir | None = None) -> Up:
    """Bring `topology` up unless it is up already; return when every program answers.

    `switch` is ``auto``, ``bmv2`` or ``v1switch``. Raises SystemLacks, RunDirError, Busy;
    OtherNetworkUp when a different network is up in the run directory; StartFailed, after which
    nothing is left of the attempt.
    """
    began = time.monotonic()
    run_dir = run_dir or RunDir()
    target = targets.resolve(switch)
    run_dir.verify()
    with run_dir.locked():
        if _is_up(topology, target, run_dir):
            return Up(True, target, time.monotonic() - began)
        requirements.check(target)
        run_dir.clean_files()  # of a network whose daemon was killed
        _launch(topology, target, run_dir)
    return Up(False, target, time.monotonic() - began)


def _is_up(topology: Topology, target: Target, run_dir: RunDir) -> bool:
    try:
        with Network.connect(run_dir.path) as network:
            spec, status = network.spec, network.status()
    except NotRunning:
        return False
    if spec != topology:
        what = "of another spec" if spec.name == topology.name else f"({spec.name})"
        raise OtherNetworkUp(f"another network {what} is up in {run_dir.path}")
    if status.target != target:
        raise OtherNetworkUp(f"{spec.name} is up with {status.target}, not {target}")
    for part in status.dead:
        raise OtherNetworkUp(f"{spec.name} is up, but {part.name} {part.state}")
    return True


def _launch(topology: Topology, target: Target, run_dir: RunDir) -> None:
    order = Order(
        topology=topology.model_dump(mode="json"), target=target, run_dir=str(run_dir.path)
    )
    run_dir.state.write_text(json.dumps(order))
    with run_dir.log.open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "topo.daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(),
            cwd="/",
        )
    startup = _Startup(daemon)
    try:
        startup.send(order)
        startup.wait_ready(run_dir)
    except BaseException:
        startup.kill()
        run_dir.clean()
        raise
    finally:
        startup.close()


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
            select.select([self._init], [], [], END_SECONDS)
        self._daemon.kill()

    def close(self) -> None:
        assert self._daemon.stdout is not None
        self._daemon.stdout.close()
        self._daemon.wait()
        if self._init is not None:
            os.close(self._init)
