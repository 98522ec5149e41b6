"""Build the network of a topology inside the namespaces: nodes, links, then programs."""

import contextlib
import json
import time
from collections.abc import Callable
from ipaddress import IPv4Interface
from typing import TextIO

from pyroute2 import IPRoute

from topo.daemon.links import Port, VethPair, configure
from topo.daemon.nodes import Container, Machine, Namespaced, P4Switch
from topo.daemon.programs import Program, rxpath_config, rxpath_program, switch_program
from topo.errors import StartFailed
from topo.protocol.status import Target
from topo.rundir import RunDir
from topo.spec.model import End, Link, Topology
from topo.system import code, targets
from topo.system.python import environment

NODE_SECONDS = 10.0
READY_SECONDS = 300.0  # the first start compiles rxpath's kernels, also on a slow laptop
POLL_SECONDS = 0.02
PORT_OF_SWITCH, PORT_OF_MACHINE = 0xFC, 0xFE
END_SECONDS = 2.0  # between SIGTERM and the end of the namespaces


class Emulation:
    """A network that is started once and exists as long as the daemon."""

    def __init__(self, topology: Topology, target: Target, run_dir: RunDir, log: TextIO) -> None:
        self.topology, self.target, self.run_dir = topology, target, run_dir
        self.version = targets.version(target)
        self.code = code.digest("topo")
        self.nodes: dict[str, Namespaced] = {}
        self.ports: dict[str, list[Port]] = {name: [] for name in topology.node_names}
        self.ifindexes: dict[str, dict[str, int]] = {}
        self.programs: list[Program] = []
        self._log = log
        self._began = time.monotonic()
        self.is_ending = False

    def log(self, text: str) -> None:
        """Write a line to the daemon's log."""
        with contextlib.suppress(OSError):  # a full disk is no reason to end
            print(time.strftime("%F %T"), text, file=self._log, flush=True)

    def start(self, is_wanted: Callable[[], bool]) -> None:
        """Bring the network up; return when every program answers.

        `is_wanted` is polled meanwhile. Raises StartFailed, also when it returns False.
        """
        self.run_dir.records.mkdir(mode=0o700, exist_ok=True)
        self._make_nodes()
        self._make_links()
        self._configure()
        self._start_programs()
        self._wait_ready(is_wanted)
        self.log(f"{self.topology.name} is up")

    def _make_nodes(self) -> None:
        for switch in self.topology.switches:
            self.nodes[switch.name] = P4Switch(switch.name, dpid=f"{switch.device_id:x}")
        self.nodes |= {m.name: Machine(m.name) for m in self.topology.machines}
        self.nodes |= {c.name: Container(c.name) for c in self.topology.containers}
        for node in self.nodes.values():
            node.wait_ready(NODE_SECONDS)

    def _make_links(self) -> None:
        with IPRoute() as netlink:
            for link in self.topology.links:
                self._connect_nodes(netlink, link)
            for number, container in enumerate(self.topology.containers):
                prefix = self.topology.tenant(container.tenant).subnet.prefixlen
                address = IPv4Interface((container.ip, prefix))
                # No frame carries the address of the machine's end, as with a bridge port.
                outer = Port(container.ifname, _port_mac(PORT_OF_MACHINE, 0, number))
                inner = Port("eth0", container.mac, address)
                ends = ((container.machine, outer), (container.name, inner))
                self._connect(netlink, self.topology.mtu, ends)

    def _connect_nodes(self, netlink: IPRoute, link: Link) -> None:
        ends = (link.a.node, self._port(link.a)), (link.b.node, self._port(link.b))
        self._connect(netlink, self.topology.underlay_mtu, ends, (link.a.port, link.b.port))

    def _port(self, end: End) -> Port:
        """The interface at one end of a link between switches and machines."""
        if end.port is None:
            machine = next(m for m in self.topology.machines if m.name == end.node)
            return Port(machine.uplink, machine.mac)
        device_id = next(s.device_id for s in self.topology.switches if s.name == end.node)
        mac = _port_mac(PORT_OF_SWITCH, device_id & 0xFFFF, end.port)
        return Port(f"{end.node}-eth{end.port}", mac)

    def _connect(
        self,
        netlink: IPRoute,
        mtu: int,
        ends: tuple[tuple[str, Port], tuple[str, Port]],
        numbers: tuple[int | None, int | None] = (None, None),
    ) -> None:
        (name1, port1), (name2, port2) = ends
        sides = ((self.nodes[name1], port1), (self.nodes[name2], port2))
        VethPair(netlink, mtu, sides, numbers)
        self.ports[name1].append(port1)
        self.ports[name2].append(port2)

    def _configure(self) -> None:
        for name, node in self.nodes.items():
            self.ifindexes[name] = configure(node, self.ports[name], self.topology.ipv6)

    def _start_programs(self) -> None:
        for switch in self.topology.switches:
            ports = self.topology.interfaces(switch.name)
            argv = targets.command(self.target, switch, ports, self.run_dir)
            package = targets.package(self.target)
            node = self.nodes[switch.name]
            self.programs.append(switch_program(node, argv, self.run_dir, package))
        for machine in self.topology.machines:
            config = self.run_dir.config(machine.name)
            config.write_text(json.dumps(rxpath_config(self.topology, machine, self.run_dir)))
            self.programs.append(rxpath_program(self.nodes[machine.name], config, self.run_dir))
        env = environment() | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",  # a crash in compiled code leaves a traceback in the log
        }
        for program in self.programs:
            program.start(env, self.run_dir.path, self._ended)

    def _ended(self, program: Program) -> None:
        if not self.is_ending:
            self.log(f"{program.name} {program.part().state}")

    def _wait_ready(self, is_wanted: Callable[[], bool]) -> None:
        """Poll the programs until each answers; raise StartFailed for the first that does not."""
        deadline = time.monotonic() + READY_SECONDS
        waiting = list(self.programs)
        while waiting:
            for program in waiting:
                if program.returncode is not None:
                    raise StartFailed(program.name, program.part().state, _text(program))
            waiting = [program for program in waiting if not program.is_ready()]
            if not is_wanted():
                raise StartFailed("daemon", "nobody is waiting for this network any more")
            if waiting and time.monotonic() > deadline:
                reason = f"not ready within {READY_SECONDS:g} s"
                raise StartFailed(waiting[0].name, reason, _text(waiting[0]))
            time.sleep(POLL_SECONDS if waiting else 0)

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


def _port_mac(role: int, owner: int, number: int) -> str:
    """MAC address of a link end that has none in the spec; none that `spec.builders` derives."""
    return (bytes([0x02, role]) + owner.to_bytes(2, "big") + number.to_bytes(2, "big")).hex(":")


def _text(program: Program) -> str:
    return "\n".join(program.tail())
