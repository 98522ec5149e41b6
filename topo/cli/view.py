"""Format a network's status and topology for the terminal."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from topo.client.overview import Overview
from topo.errors import escaped
from topo.protocol.status import Status
from topo.spec.model import Topology


def status_table(status: Status, console: Console | None = None) -> None:
    """Print every program with its state, and the end of the logs of dead ones."""
    console = console or Console(highlight=False)
    title = (
        f"{status.topology}: {len(status.switches)} switches ({status.target} {status.version}), "
        f"{len(status.machines)} machines, up {status.uptime_s:.0f} s, daemon {status.pid}"
    )
    table = Table("part", "node", "pid", "state", "socket", title=title, title_justify="left")
    sockets = {s.name: s.grpc_address for s in status.switches}
    sockets |= {f"rx-{m.name}": m.control_socket for m in status.machines}
    for part in status.parts:
        state = part.state if part.state == "running" else f"[red]{part.state}[/red]"
        pid = str(part.pid) if part.is_alive else "-"
        table.add_row(part.name, part.node, pid, state, escape(sockets[part.name]))
    console.print(table)
    for part in status.dead:
        console.print(f"[red]{part.name} {part.state}[/red]; the end of {escape(part.log)}:")
        for line in part.tail or ("(empty)",):
            console.print(f"  | {escape(escaped(line))}", soft_wrap=True)
    for fault in status.faults:
        console.print(f"[red]{escape(str(fault))}[/red]", soft_wrap=True)
    if status.troubles:
        console.print("make topo repairs what is broken")


def networks_table(rows: Sequence[Overview], console: Console | None = None) -> None:
    """Print a line for each network: run directory, topology, age, daemon, state."""
    console = console or Console(highlight=False)
    if not rows:
        console.print("no network is up")
        return
    table = Table("run directory", "topology", "age", "daemon", "state")
    for row in rows:
        age = str(timedelta(seconds=int(row.age_s)))
        table.add_row(
            escape(row.run_dir), escape(row.topology), age, str(row.pid), escape(row.state)
        )
    console.print(table)


def links_lines(topology: Topology) -> list[str]:
    """One line per link, such as ``s1:1 -- m1``; then containers and their machines."""
    lines = [f"{link.a} -- {link.b}" for link in topology.links]
    return lines + [f"{c.name} -- {c.machine}" for c in topology.containers]


def net_lines(topology: Topology) -> list[str]:
    """One line per node with its interfaces and their peers."""
    lines = []
    for switch in topology.switches:
        ports = topology.ports(switch.name).items()
        lines.append(" ".join([switch.name, *(f"{switch.name}-eth{n}:{end}" for n, end in ports)]))
    for machine in topology.machines:
        inner = [f"{c.ifname}:{c.name}" for c in topology.containers_of(machine.name)]
        uplink = f"{machine.uplink}:{topology.uplink_of(machine.name)}"
        lines.append(" ".join([machine.name, uplink, *inner]))
    lines += [f"{c.name} eth0:{c.machine}" for c in topology.containers]
    return lines


def dump_lines(topology: Topology) -> list[str]:
    """One line per node with its addresses."""
    lines = [f"{s.name}: switch, device {s.device_id}, mac {s.mac}" for s in topology.switches]
    lines += [f"{m.name}: machine, VTEP {m.vtep}, mac {m.mac}" for m in topology.machines]
    for c in topology.containers:
        tenant = topology.tenant(c.tenant)
        address = f"{c.ip}/{tenant.subnet.prefixlen}"
        overlay = f"tenant {tenant.name} (VNI {tenant.vni}, VLAN {tenant.vlan})"
        lines.append(f"{c.name}: container on {c.machine}, {overlay}, {address}, mac {c.mac}")
    return lines
