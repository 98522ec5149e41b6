"""The programs of the network: how each is started and watched, and what became of it."""

import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any, Literal

from topo.daemon.nodes import Namespaced
from topo.daemon.readiness import PROBE_SECONDS, answers_p4runtime, answers_status
from topo.protocol.status import Part
from topo.rundir import TAIL_LINES, RunDir, tail
from topo.spec.model import Machine, Topology
from topo.system import code
from topo.system.processes import is_stopped

STOPPED = "stopped"
NO_ANSWER = f"without an answer for {PROBE_SECONDS:g} s"
DILATION = 1000  # wall seconds per second of model time


@dataclass
class Program:
    """A program to run in a node, and its process once it is started.

    `logs` are the files that it may write, standard output and error last; `is_ready` probes it;
    `socket` is what it answers on; `package` is the Python package that it is, if it is one, and
    `code` that package's hash.
    """

    name: str
    kind: Literal["switch", "rxpath"]
    node: Namespaced
    argv: Sequence[str]
    logs: Sequence[Path]
    socket: Path
    is_ready: Callable[[], bool]
    package: str = ""
    process: Popen[bytes] | None = field(default=None, init=False)
    code: str = field(default="", init=False)

    def start(self, env: Mapping[str, str], cwd: Path, on_end: Callable[["Program"], None]) -> None:
        """Start it; `on_end` is called from a thread of its own when it ends."""
        self.code = code.digest(self.package) if self.package else ""
        with self.logs[-1].open("ab") as output:
            process, _ = self.node.run(self.argv, (DEVNULL, output, STDOUT), env, cwd)
        self.process = process

        def watch() -> None:
            process.wait()
            on_end(self)

        threading.Thread(target=watch, name=f"watch {self.name}", daemon=True).start()

    def kill(self) -> None:
        """End it if it runs, and remove its socket, on which nobody answers any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.socket.unlink(missing_ok=True)

    @property
    def trouble(self) -> str:
        """Why it does not work although it runs, as far as can be seen without asking it."""
        if self.process is not None and is_stopped(self.process.pid):
            return STOPPED
        return "" if self.socket.exists() else "without its socket, which was removed"

    def probe(self) -> str:
        """Why it does not work although it runs: `trouble`, or that it does not answer."""
        return self.trouble or ("" if self.is_ready() else NO_ANSWER)

    def resume(self) -> None:
        """Continue it after a SIGSTOP."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    @property
    def returncode(self) -> int | None:
        """Exit status as subprocess reports it, None while it runs."""
        return None if self.process is None else self.process.returncode

    def tail(self) -> list[str]:
        """The last lines of its logs."""
        return [line for log in self.logs for line in tail(log)][-TAIL_LINES:]

    def part(self, trouble: str = "") -> Part:
        """Its state, for `status`, with what `trouble` or `probe` found."""
        returncode = self.returncode
        return Part(
            name=self.name,
            kind=self.kind,
            node=self.node.name,
            pid=self.process.pid if self.process else 0,
            code=self.code,
            returncode=returncode,
            trouble=trouble if returncode is None else "",
            log=str(next((log for log in self.logs if log.exists()), self.logs[0])),
            tail=() if returncode is None else tuple(self.tail()),
        )


def switch_program(node: Namespaced, argv: Sequence[str], run_dir: RunDir, package: str) -> Program:
    """The switch target of a node; ready when its P4Runtime server answers."""
    return Program(
        name=node.name,
        kind="switch",
        node=node,
        argv=argv,
        logs=(*run_dir.switch_logs(node.name), run_dir.program_output(node.name)),
        socket=run_dir.p4rt(node.name),
        is_ready=partial(answers_p4runtime, run_dir.p4rt(node.name)),
        package=package,
    )


def rxpath_program(node: Namespaced, config: Path, run_dir: RunDir) -> Program:
    """The rxpath of a machine; ready when it answers on its control socket."""
    return Program(
        name=f"rx-{node.name}",
        kind="rxpath",
        node=node,
        argv=[sys.executable, "-m", "rxpath", "--config", str(config)],
        logs=(run_dir.program_log(f"rx-{node.name}"),),
        socket=run_dir.control(node.name),
        is_ready=partial(answers_status, run_dir.control(node.name)),
        package="rxpath",
    )


def rxpath_config(topology: Topology, machine: Machine, run_dir: RunDir) -> dict[str, Any]:
    """The configuration of a machine's rxpath, which reads it from a JSON file."""
    containers = [
        {
            "name": container.name,
            "ifname": container.ifname,
            "mac": container.mac,
            "ip": str(container.ip),
            "vlan": topology.tenant(container.tenant).vlan,
            "vni": topology.tenant(container.tenant).vni,
        }
        for container in topology.containers_of(machine.name)
    ]
    return {
        "machine": machine.name,
        "uplink": machine.uplink,
        "mac": machine.mac,
        "vtep": str(machine.vtep),
        "control": str(run_dir.control(machine.name)),
        "records_dir": str(run_dir.records),
        "containers": containers,
        "system": {"profile": "docker", "policy": "same_cpu"},
        "dilation": DILATION,
        "seed": 1,
    }
