"""Tables for people: what was measured, and what the checks say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.intent.systems import BY_NAME
from falcon_ctl.report.live import Measurement


def print_measurements(console: Console, measurements: Iterable[Measurement]) -> None:
    """One row per run; times and rates are the model's."""
    table = Table(title="Measured (model time)", title_justify="left", header_style="bold")
    for name in ("system", "load"):
        table.add_column(name, no_wrap=True)
    for name in ("flows", "kpps", "p50 µs", "p99 µs", "sent", "lost", "reord."):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("busiest cores %", no_wrap=True)
    last = ""
    for m in measurements:
        if last and m.system != last:
            table.add_section()
        title = BY_NAME[m.system].title if m.system != last else ""
        table.add_row(title, f"{m.proto} {m.load}", *_numbers(m), loads_text(m))
        last = m.system
    console.print(table)


def _numbers(m: Measurement) -> Sequence[str]:
    if m.late:
        return (str(m.flows), "[yellow]late[/]", "-", "-", str(m.sent), _lost(m), str(m.reordered))
    latencies = [m.latency_us(q) for q in (0.5, 0.99)]
    shown = [f"{value:,.1f}" if value is not None else "-" for value in latencies]
    return (str(m.flows), f"{m.pps / 1000:,.0f}", *shown, str(m.sent), _lost(m), str(m.reordered))


def _lost(m: Measurement) -> str:
    if not m.drops:
        return "0"
    return ", ".join(f"{escape(place)} {count}" for place, count in sorted(m.drops.items()))


def loads_text(m: Measurement, most: int = 4) -> str:
    """The busiest CPUs: "0:98 2:54"."""
    busiest = sorted(m.loads.items(), key=lambda item: -item[1])[:most]
    return " ".join(f"{cpu}:{load:.0f}" for cpu, load in busiest if load >= 1)


def print_checks(console: Console, checks: Iterable[Verdict]) -> None:
    """One line per check, the evidence below it."""
    for check in checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"{mark} {escape(check.name)}", highlight=False)
        console.print(f"    [dim]{escape(check.evidence)}[/]", highlight=False)
