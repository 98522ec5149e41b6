"""Observations, and what was done, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from falcon_ctl.steering.entries import AWAY
from falcon_ctl.steering.failures import of_parts
from falcon_ctl.steering.flow_report import FlowProgress
from falcon_ctl.steering.observation import Cpu, Flow, Host, Observation
from falcon_ctl.steering.session import Applied

_FLOWS = 16  # that are shown of a host


def applied(done: Applied) -> Iterator[str]:
    """What `use` did."""
    updates = sum(done.switches.values())
    changed = [name for name, count in done.switches.items() if count]
    yield (
        f"{', '.join(done.hosts)} run {done.choice}; dilation {done.dilation}: "
        f"1 µs of the model takes {done.dilation / 1000:g} ms"
    )
    where = f" on {', '.join(changed)}" if changed else ""
    who = " by the running control" if done.by_control else ""
    yield f"{updates} updates of entries{where}{who}; {done.seconds * 1000:.0f} ms"


def progress(state: FlowProgress, seconds: float) -> str:
    """One line on a flow that is under way."""
    left = "" if state.seconds < seconds else ", waiting for the last frames"
    p99 = state.latency and state.latency.percentiles.get("p99")
    latency = f", p99 {p99 / 1000:,.1f} µs" if p99 else ""
    return (
        f"{min(state.seconds, seconds):.0f} of {seconds:g} s: sent {state.sent:,}, received "
        f"{state.received:,}, lost {state.lost:,}, reordered {state.reordered:,}; "
        f"{state.pps / 1000:,.0f} kpps of the model{latency}{left}"
    )


def observation(console: Console, seen: Observation, switches: Mapping[str, str]) -> None:
    """What the whole network does. `switches`: what each of them holds."""
    asked = "nothing was asked for yet" if seen.choice is None else f"asked for: {seen.choice}"
    console.print(asked, soft_wrap=True)
    for what, names in _by_value(switches).items():
        verb = "holds" if len(names) == 1 else "hold"
        console.print(f"{', '.join(names)} {verb} {what}", soft_wrap=True)
    if seen.choice is not None and any(AWAY in what for what in switches.values()):
        console.print(f"  `{seen.choice.command()}` gives them those that were asked for")
    if seen.failed:
        console.print(f"[red]{escape(of_parts(seen.failed, seen.hosts))}[/]", soft_wrap=True)
    for host in seen.hosts.values():
        _host(console, host)
        if seen.choice is not None and _differs(seen, host):
            console.print(f"  [red]{host.name} does not run what was asked for[/]")


def _by_value(switches: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, what in switches.items():
        found.setdefault(what, []).append(name)
    return found


def _differs(seen: Observation, host: Host) -> bool:
    """Whether a host runs something else than was asked for, whatever its dilation."""
    wanted = seen.choice
    assert wanted is not None
    mine, asked = host.choice.to_json(), wanted.to_json()
    mine.pop("dilation", None)
    asked.pop("dilation", None)
    return bool(mine != asked)


def _host(console: Console, host: Host) -> None:
    off = "; FALCON is off, its CPUs are loaded" if host.falcon_off else ""
    console.print(f"\n[bold]{host.name}[/] runs {host.choice}{off}", soft_wrap=True)
    console.print(f"  {_knobs(host)}", soft_wrap=True)
    rates = f"{host.pps:,.0f} packets/s, {host.bps / 1e6:,.1f} Mbit/s of the model"
    sums = f"delivered {host.counts['delivered']:,}, reordered {host.counts['reordered']:,}"
    console.print(f"  {rates}; {sums} so far", soft_wrap=True)
    lost = ", ".join(f"{count:,} {reason}" for reason, count in host.drops.items())
    console.print(f"  lost so far: {lost or 'nothing'}", soft_wrap=True)
    console.print(f"  queues: {_queues(host)}", soft_wrap=True)
    if host.cpus:
        console.print(_cpus(host))
    if host.flows:
        console.print(_flows(host))


def _knobs(host: Host) -> str:
    knobs = host.knobs
    text = f"chain {knobs['profile']}, policy {knobs['policy']}"
    if not knobs["policy"].startswith("falcon"):
        return text
    return (
        f"{text} ({', '.join(knobs['parts'])}) on CPUs {_numbers(knobs['falcon_cpus'])}, "
        f"split to {_numbers(knobs['split_cpus'])}; threshold {knobs['threshold']} %, "
        f"order {knobs['order']}"
    )


def _numbers(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus))


def _queues(host: Host) -> str:
    rings = [f"RX {one.number}: {one.depth} of {one.size}" for one in host.queues if one.depth]
    cells = [f"backlog {one.number}: {one.backlog}" for one in host.cpus if one.backlog]
    cells += [f"gro_cell {one.number}: {one.gro_cell}" for one in host.cpus if one.gro_cell]
    sockets = [f"{one.container}: {one.depth}" for one in host.sockets if one.depth]
    return ", ".join((*rings, *cells, *sockets)) or "empty"


def _cpus(host: Host) -> Table:
    table = Table("CPU", "load %", "state", "backlog", "time by stage, %", box=None, pad_edge=True)
    table.columns[1].justify = table.columns[3].justify = "right"
    for cpu in host.cpus:
        row = (f"{100 * cpu.load:.0f}", cpu.state, str(cpu.backlog + cpu.gro_cell), _shares(cpu))
        table.add_row(str(cpu.number), *row)
    return table


def _shares(cpu: Cpu) -> str:
    shares = sorted(cpu.shares, key=lambda one: -one.load)
    return ", ".join(f"{one.work!s} {100 * one.load:.0f}" for one in shares if one.load >= 0.005)


def _flows(host: Host) -> Table:
    table = Table("flow", "kpps", "delivered", "lost", "reordered", "CPUs by stage", box=None)
    for column in table.columns[1:5]:
        column.justify = "right"
    for flow in host.flows[:_FLOWS]:
        counts = (flow.delivered, flow.dropped, flow.reordered)
        table.add_row(
            str(flow), f"{flow.pps / 1000:,.0f}", *(f"{n:,}" for n in counts), _path(flow)
        )
    if len(host.flows) > _FLOWS:
        table.add_row(f"and {len(host.flows) - _FLOWS} more")
    return table


def _path(flow: Flow) -> str:
    return ", ".join(f"{one.work!s} {one.cpu}" for one in flow.places)
