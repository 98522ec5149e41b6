"""Health of a network: nodes, interfaces and programs compared with the topology."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from topo.daemon.emulation import Emulation
from topo.daemon.programs import Program
from topo.daemon.wiring import Port
from topo.protocol.status import Fault, Part
from topo.system.interfaces import Interface
from topo.system.processes import is_stopped

PROBES = 64  # programs that are asked at the same time; each may take a second


def parts(emulation: Emulation, probe: bool) -> list[Part]:
    """The state of every program; with `probe` each is asked for an answer."""

    def look(program: Program) -> Part:
        return program.part(program.probe() if probe else program.trouble)

    programs = list(emulation.programs)
    if not probe or not programs:
        return [look(program) for program in programs]
    with ThreadPoolExecutor(min(PROBES, len(programs)), "probe") as pool:
        return list(pool.map(look, programs))


def faults(emulation: Emulation) -> Iterator[Fault]:
    """What is wrong with nodes and interfaces."""
    for name, node in list(emulation.nodes.items()):
        if not node.is_alive:
            yield Fault(node=name, what="its namespace was ended")
        elif is_stopped(node.pid):
            yield Fault(node=name, what="the process that keeps its namespace is stopped")
    for wire in emulation.wires:
        for port in wire.ends:
            what = difference(port, emulation.namespaces[port.node].interface(port.ifname))
            if what:
                yield Fault(node=port.node, what=f"{port.ifname} {what}")


def difference(port: Port, found: Interface | None) -> str:
    """How an interface differs from the port that it is to be; empty when it does not."""
    if found is None:
        return "does not exist"
    if not found.is_up:
        return "is down"
    if found.mtu != port.mtu:
        return f"has MTU {found.mtu}, not {port.mtu}"
    if found.mac != port.mac.lower():
        return f"has MAC address {found.mac}, not {port.mac}"
    if port.address is not None and found.address != port.address.ip:
        return f"has address {found.address or 'none'}, not {port.address.ip}"
    return ""
