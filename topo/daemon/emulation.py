"""Build the network of a topology inside the namespaces: nodes, links, then programs."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

from pyroute2 import IPRoute

from topo.daemon.carriers import wait_running
from topo.daemon.files import seen_by_containers, write_hosts
from topo.daemon.launcher import Launcher
from topo.daemon.links import VethPair, configure
from topo.daemon.nodes import Container, Machine, Namespaced, P4Switch
from topo.daemon.programs import Program, rxpath_config, rxpath_program, switch_program
from topo.daemon.wiring import Port, Wire, wires
from topo.errors import StartFailed
from topo.protocol.status import Target
from topo.rundir import RunDir
from topo.spec.model import Topology
from topo.system import code, targets
from topo.system.interfaces import Interface, Namespace
from topo.system.python import environment

NODE_SECONDS = 10.0
READY_SECONDS = 300.0  # the first start compiles rxpath's kernels, also on a slow laptop
PROGRAM_SECONDS = 5.0  # and so much more for each program: many start at once on few cores
LINK_SECONDS = 30.0  # the kernel's part of bringing links up, beside much other work
LONG_SECONDS = 0.1  # of that are worth a line in the log
POLL_SECONDS = 0.02
END_SECONDS = 2.0  # between SIGTERM and the end of the namespaces


class Emulation:
    """A network that is started once and exists as long as the daemon."""

    def __init__(self, topology: Topology, target: Target, run_dir: RunDir, log: TextIO) -> None:
        self.topology, self.target, self.run_dir = topology, target, run_dir
        self.version = targets.version(target)
        self.code = code.digest("topo")
        self.nodes: dict[str, Namespaced] = {}
        self.namespaces: dict[str, Namespace] = {}
        self._launcher = Launcher(seen_by_containers(run_dir, topology.writable))
        self.wires = tuple(wires(topology))
        self.ifindexes: dict[str, dict[str, int]] = {}
        self.programs: list[Program] = []
        self._log = log
        self._began = time.monotonic()
        self.is_ending = False
        self.repairing = threading.Lock()

    def log(self, text: str) -> None:
        """Write a line to the daemon's log."""
        with contextlib.suppress(OSError):  # a full disk is no reason to end
            print(time.strftime("%F %T"), text, file=self._log, flush=True)

    def start(self, is_wanted: Callable[[], bool]) -> None:
        """Bring the network up; return when every program answers.

        `is_wanted` is polled meanwhile. Raises StartFailed, also when it returns False.
        """
        self.run_dir.records.mkdir(mode=0o700, exist_ok=True)
        write_hosts(self.topology, self.run_dir)
        self._make_nodes()
        self.connect(self.wires)
        for name in self.nodes:
            self.configure(name, self.ports(name))
        self.programs = list(self._make_programs())
        for program in self.programs:
            self.start_program(program)
        seconds = READY_SECONDS + PROGRAM_SECONDS * len(self.programs)
        self.wait_ready(self.programs, seconds, is_wanted)
        self.wait_links(is_wanted)
        self.log(f"{self.topology.name} is up")

    def _make_nodes(self) -> None:
        for name in self.topology.node_names:
            self.nodes[name] = self.make_node(name)
        for name in self.nodes:
            self.settle(name)

    def make_node(self, name: str) -> Namespaced:
        """Begin to create a node of the topology, which `settle` completes."""
        device_ids = {switch.name: switch.device_id for switch in self.topology.switches}
        if name in device_ids:
            return P4Switch(name, dpid=f"{device_ids[name]:x}")
        is_machine = any(machine.name == name for machine in self.topology.machines)
        if is_machine:
            return Machine(name)
        return Container(name, launcher=self._launcher)

    def settle(self, name: str) -> None:
        """Wait until a node is ready, and open what its interfaces are looked at with."""
        node = self.nodes[name]
        node.wait_ready(NODE_SECONDS)
        if name in self.namespaces:
            self.namespaces[name].close()
        self.namespaces[name] = Namespace(node.netns)

    def connect(self, wires: Iterable[Wire]) -> None:
        """Create the veth pairs of these wires; `configure` then brings their ends up."""
        with IPRoute() as netlink:
            for wire in wires:
                VethPair(netlink, wire, self.nodes)

    def configure(self, name: str, ports: Sequence[Port]) -> None:
        """Set up the loopback and some ports of a node as the topology has them."""
        found = configure(self.nodes[name], ports, self.topology.ipv6)
        self.ifindexes[name] = self.ifindexes.get(name, {}) | found

    def ports(self, name: str) -> list[Port]:
        """The ports of a node, those to switches and machines first."""
        return [port for wire in self.wires for port in wire.ends if port.node == name]

    def _make_programs(self) -> Iterator[Program]:
        for switch in self.topology.switches:
            interfaces = self.topology.interfaces(switch.name)
            argv = targets.command(self.target, switch, interfaces, self.run_dir)
            package = targets.package(self.target)
            yield switch_program(self.nodes[switch.name], argv, self.run_dir, package)
        for machine in self.topology.machines:
            config = self.run_dir.config(machine.name)
            yield rxpath_program(self.nodes[machine.name], config, self.run_dir)

    def start_program(self, program: Program) -> None:
        """Start a program in its node; raise StartFailed when it cannot be started."""
        env = environment() | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",  # a crash in compiled code leaves a traceback in the log
        }
        program.node = self.nodes[program.node.name]
        try:
            self._write_config(program.node.name)
            program.start(env, self.run_dir.path, self._ended)
        except OSError as err:
            what = f"cannot start it: {err.strerror} ({err.filename or self.run_dir.path})"
            raise StartFailed(program.name, what) from err

    def _write_config(self, name: str) -> None:
        """Write the configuration of a machine's rxpath, unless it is there already."""
        for machine in self.topology.machines:
            if machine.name == name:
                text = json.dumps(rxpath_config(self.topology, machine, self.run_dir))
                path = self.run_dir.config(name)
                if not path.is_file() or path.read_text() != text:
                    path.write_text(text)

    def _ended(self, program: Program) -> None:
        if not self.is_ending:
            self.log(f"{program.name} {program.part().state}")

    def wait_ready(
        self, programs: Iterable[Program], seconds: float, is_wanted: Callable[[], bool]
    ) -> None:
        """Poll programs until each answers; raise StartFailed for the first that does not."""
        deadline = time.monotonic() + seconds
        waiting = list(programs)
        while waiting:
            for program in waiting:
                if program.returncode is not None:
                    raise StartFailed(program.name, program.part().state, _text(program))
            waiting = [program for program in waiting if not program.is_ready()]
            if not is_wanted():
                raise StartFailed("daemon", "nobody is waiting for this network any more")
            if waiting and time.monotonic() > deadline:
                reason = f"not ready within {seconds:g} s"
                raise StartFailed(waiting[0].name, reason, _text(waiting[0]))
            time.sleep(POLL_SECONDS if waiting else 0)

    def wait_links(self, is_wanted: Callable[[], bool]) -> None:
        """Wait until every link carries frames in both directions, or raise StartFailed."""
        ends = (port for wire in self.wires for port in wire.ends)
        began = time.monotonic()
        wait_running(ends, self.look, LINK_SECONDS, is_wanted)
        if (took := time.monotonic() - began) > LONG_SECONDS:
            self.log(f"the links' carriers came {took:.1f} s after the programs: a busy kernel")

    def look(self, port: Port) -> Interface | None:
        """The state of an end of a link."""
        return self.namespaces[port.node].interface(port.ifname)

    def stop(self) -> None:
        """Terminate the programs and wait briefly; the end of the namespaces kills the rest."""
        self.is_ending = True
        running = [p.process for p in self.programs if p.process and p.returncode is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    @property
    def uptime(self) -> float:
        """Seconds since the daemon began to bring the network up."""
        return time.monotonic() - self._began


def _text(program: Program) -> str:
    return "\n".join(program.tail())
