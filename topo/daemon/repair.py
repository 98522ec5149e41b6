"""Repair a network that is up: nodes first, then the links between them, then programs.

The least that helps is done: a stopped process is continued, a link set up, what was deleted made
anew. A program whose interface is new, or that has ended or does not answer, is started again.
"""

import time
from collections.abc import Iterable

from topo.daemon.emulation import POLL_SECONDS, PROGRAM_SECONDS, Emulation
from topo.daemon.health import difference
from topo.daemon.links import remove
from topo.daemon.programs import STOPPED, Program
from topo.daemon.wiring import Wire
from topo.system.interfaces import Interface
from topo.system.processes import is_stopped

ANSWER_SECONDS = 5.0  # a program on a busy machine is not restarted for being slow
RESTART_SECONDS = 60.0


def repair(emulation: Emulation) -> list[str]:
    """Repair what is broken; return a line for each repair. Raises StartFailed if it cannot."""
    with emulation.repairing:
        job = _Repair(emulation)
        job.nodes()
        job.links()
        job.programs()
    for note in job.notes:
        emulation.log(f"repaired: {note}")
    return job.notes


class _Repair:
    """One repair; `_renewed` has the nodes with a new interface, and which."""

    def __init__(self, emulation: Emulation) -> None:
        self._emulation = emulation
        self._renewed: dict[str, str] = {}
        self.notes: list[str] = []

    def nodes(self) -> None:
        """Continue the keepers of namespaces, or make a node anew, still without links."""
        for name, node in list(self._emulation.nodes.items()):
            if not node.is_alive:
                node.close()
                self._emulation.nodes[name] = self._emulation.make_node(name)
                self._emulation.settle(name)
                self.notes.append(f"{name}: its namespace was ended, made anew")
            elif is_stopped(node.pid):
                node.resume()
                self.notes.append(
                    f"{name}: the process that keeps its namespace was stopped, continued"
                )

    def links(self) -> None:
        """Make pairs anew that lack an end, and set up what is not as it should be."""
        for wire in self._emulation.wires:
            found = [self._emulation.look(port) for port in wire.ends]
            if None in found:
                self._replace(wire, found)
                continue
            for port, interface in zip(wire.ends, found, strict=True):
                if what := difference(port, interface):
                    self._emulation.configure(port.node, [port])
                    self.notes.append(f"{port.node}: {port.ifname} {what}, repaired")

    def _replace(self, wire: Wire, found: list[Interface | None]) -> None:
        for port, interface in zip(wire.ends, found, strict=True):
            if interface is not None:  # the other end is elsewhere, or was made by hand
                remove(self._emulation.nodes[port.node], port.ifname)
        self._emulation.connect([wire])
        for port, interface in zip(wire.ends, found, strict=True):
            self._emulation.configure(port.node, [port])
            self._renewed.setdefault(port.node, port.ifname)
            if interface is None:
                self.notes.append(f"{port.node}: {port.ifname} did not exist, made anew")

    def programs(self) -> None:
        """Continue stopped programs, start those again that need it, and wait until all answer."""
        programs = self._emulation.programs
        for program in programs:
            if program.returncode is None and program.trouble == STOPPED:
                program.resume()
                self.notes.append(f"{program.name}: was stopped, continued")
        broken = {program.name: self._reason(program) for program in programs}
        hung = _silent([p for p in programs if not broken[p.name]], ANSWER_SECONDS)
        broken |= {program.name: "did not answer" for program in hung}
        again = [program for program in programs if broken[program.name]]
        for program in again:
            program.kill()
            self._emulation.start_program(program)
        seconds = RESTART_SECONDS + PROGRAM_SECONDS * len(again)
        self._emulation.wait_ready(again, seconds, lambda: True)
        self._emulation.wait_links(lambda: True)
        self.notes += [f"{p.name}: {broken[p.name]}, started again" for p in again]

    def _reason(self, program: Program) -> str:
        """Why a program must be started again, as far as is known without asking it."""
        if program.returncode is not None:
            return program.part().state
        if program.node is not self._emulation.nodes[program.node.name]:
            return "its node is new"
        if program.node.name in self._renewed:
            return f"{self._renewed[program.node.name]} is new"
        return "" if program.socket.exists() else "its socket was removed"


def _silent(programs: Iterable[Program], seconds: float) -> list[Program]:
    """Those of the programs that do not answer within some seconds."""
    deadline = time.monotonic() + seconds
    waiting = [program for program in programs if not program.is_ready()]
    while waiting and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        waiting = [program for program in waiting if not program.is_ready()]
    return waiting
