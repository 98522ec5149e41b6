"""Plain output: a line for each machine that receives, and one for each event. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from falcon_ctl.steering.observation import Cpu, Host, Observation
from falcon_ctl.watch_screen.events import as_line, wall_clock
from falcon_ctl.watch_screen.screen import Frame, screen
from falcon_ctl.watch_screen.spans import Row, text
from falcon_ctl.watch_screen.stages import stage
from falcon_ctl.watch_screen.state import ScreenState

HEADING = (
    f"{'time':<10} {'machine':<8} {'system':<18} {'pps':>11} {'bit/s':>13} "
    f"{'reordered':>9} {'lost':>7}  busiest CPUs: load and its stages"
)
_BUSIEST = 4
_ENOUGH = 400  # rows, for any network
_FAINT = 0.005  # of a core


class Report:
    """Lines from observations, one after the other."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._memory = ScreenState()
        self._zone = zone
        self._told: object = None

    def add(self, now: Observation) -> Iterator[str]:
        """The events that are new, then the machines that received something."""
        before = self._memory.seen
        self._memory.add(now)
        yield from self._events()
        if before is None:
            return  # there are no rates yet
        clock = wall_clock(now.wall_ns, self._zone)
        hosts = [host for host in now.hosts.values() if host.pps]
        for host in hosts:
            yield f"{clock:<10} {machine(host, before.hosts.get(host.name))}"
        if not hosts:
            yield f"{clock:<10} {'-':<8} {_runs(now):<18} no packets"

    def lose(self, why: str, wall_ns: int) -> Iterator[str]:
        """There was no observation."""
        self._memory.lose(why, wall_ns)
        yield from self._events()

    def _events(self) -> Iterator[str]:
        new = []
        for one in reversed(self._memory.events):
            if one is self._told:
                break
            new.append(one)
        if new:
            self._told = new[0]
        for one in reversed(new):
            yield f"{wall_clock(one.wall_ns, self._zone):<10} {as_line(one)}"


def machine(host: Host, before: Host | None) -> str:
    """A machine's line without the time; `before` is what it was at the line before."""
    reordered = _reordered(host) - (_reordered(before) if before else 0)
    lost = sum(host.drops.values()) - (sum(before.drops.values()) if before else 0)
    busiest = sorted(host.cpus, key=lambda one: -one.load)[:_BUSIEST]
    loads = "  ".join(_load(cpu) for cpu in busiest if cpu.load >= _FAINT)
    return (
        f"{host.name:<8} {host.choice.system:<18} {host.pps:>11,.0f} {host.bps:>13,.0f} "
        f"{max(0, reordered):>9,} {max(0, lost):>7,}  {loads}"
    )


def snapshot(memory: ScreenState, name: str, width: int, zone: tzinfo | None = None) -> list[Row]:
    """The screen, as long as it has to be and without the keys."""
    rows = screen(memory, Frame(name, zone=zone), width, _ENOUGH)[:-1]
    while rows and not text(rows[-1]).strip():
        rows.pop()
    return rows


def _reordered(host: Host) -> int:
    return host.counts.get("reordered", 0)


def _runs(now: Observation) -> str:
    return next((host.choice.system for host in now.hosts.values()), "-")


def _load(cpu: Cpu) -> str:
    """`3:99% N40 X35 V24`: the CPU, its load, and the share of each stage."""
    shares = sorted(cpu.by_kind().items(), key=lambda item: -item[1])
    parts = [f"{stage(kind).letter}{100 * share:.0f}" for kind, share in shares if share >= _FAINT]
    return " ".join([f"{cpu.number}:{100 * cpu.load:.0f}%", *parts])
