"""The shown machine's CPUs: a bar for each, letters and colours of the stages. Pure."""

from __future__ import annotations

from falcon_ctl.steering.observation import Cpu, Host
from falcon_ctl.watch_screen import describe
from falcon_ctl.watch_screen.bar import bar
from falcon_ctl.watch_screen.spans import Row, Span, fit, packed, row
from falcon_ctl.watch_screen.stages import legend
from falcon_ctl.watch_screen.state import MachineState

_TAIL = 29  # columns behind the bar: load, state, backlog, gro_cell
_NUMBER = 4
_LEAST_BAR = 10
_CALM = Cpu(0, 0.0, "idle", 0, 0, 0, ())


def heading(host: Host, memory: MachineState, width: int, shown: int) -> list[Row]:
    """The legend and the columns' names."""
    parts = [*legend(memory.kinds)]
    if describe.is_falcon(host.choice):
        parts.append(row(Span("|", "mark"), f" threshold {describe.threshold(host.choice)} %"))
    hidden = len(memory.cpus.by_key) - shown
    more = f" (+{hidden} less busy)" if hidden > 0 else ""
    names = row(Span(f"CPU load of {host.name}{more}", "head"))
    tail = "load state       backlog cell" if _has_tail(width) else "load"
    names = (*fit(names, max(0, width - len(tail))), Span(tail, "dim"))
    return [*packed(parts, width), names]


def cores(host: Host, memory: MachineState, width: int, height: int) -> list[Row]:
    """A row for each CPU that does or did something lately, the busiest `height` by number."""
    numbers = sorted(key for key in memory.cpus.most(height) if isinstance(key, int))
    if not numbers:
        return [row(Span("all CPUs are idle", "dim"))][:height]
    known = {cpu.number: cpu for cpu in host.cpus}
    threshold = describe.threshold(host.choice) / 100 if describe.is_falcon(host.choice) else None
    return [_core(number, known.get(number, _CALM), width, threshold) for number in numbers]


def _core(number: int, cpu: Cpu, width: int, threshold: float | None) -> Row:
    tail = _tail(cpu) if _has_tail(width) else row(f" {_percent(cpu):>4}")
    cells = max(1, width - _NUMBER - sum(len(span.text) for span in tail))
    return (Span(f"{number:>3} "), *bar(cpu.by_kind(), cells, threshold), *tail)


def _has_tail(width: int) -> bool:
    return width >= _NUMBER + _LEAST_BAR + _TAIL


def _percent(cpu: Cpu) -> str:
    return f"{100 * cpu.load:.0f}%"


def _tail(cpu: Cpu) -> Row:
    style = "" if cpu.state != "idle" else "dim"
    return row(
        f" {_percent(cpu):>4} ",
        Span(f"{cpu.state:<11}", style),
        Span(f"{cpu.backlog or '':>7}", "warn" if cpu.backlog else ""),
        Span(f"{cpu.gro_cell or '':>5}", "warn" if cpu.gro_cell else ""),
    )
