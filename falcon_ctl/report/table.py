"""Tables for the terminal: measurements, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.verdict import Verdict

_WIDE = 110
_TITLE = 18  # columns; a longer title is cut
# A rate is not to be read without order and CPU time; the last two are for wide terminals.
_NUMBERS = ("kpps", "reord%", "CPU ns", "p50 µs", "p99 µs", "lost", "sent", "model")
_NARROW = 6


def print_measurements(
    console: Console, measurements: Sequence[Measurement], titles: Mapping[str, str]
) -> None:
    """One row per run; times and rates are the model's. Below it, where frames were lost.

    `reord%`: RFC 4737's ratio; `CPU ns`: of all CPUs for each delivered frame; `model`: the rate,
    kpps, under the virtual clock. `titles`: of the systems, by name.
    """
    wide = console.width >= _WIDE
    table = Table(
        title="Measured, in model time",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("system", no_wrap=True, max_width=_TITLE)
    table.add_column("load", no_wrap=True)
    columns = len(_NUMBERS) if wide else _NARROW
    for name in _NUMBERS[:columns]:
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("busiest cores, CPU:%", no_wrap=True)
    last = ""
    for m in measurements:
        title = titles[m.system] if m.system != last else ""
        more = [loads_text(m)] if wide else []
        table.add_row(title, f"{m.proto} {m.load}", *_numbers(m)[:columns], *more)
        last = m.system
    console.print(table)
    for m in measurements:
        if m.drops:
            places = ", ".join(f"{place} {count}" for place, count in sorted(m.drops.items()))
            console.print(f"lost, {m.label}: {places}", markup=False)
        if m.foreign:
            places = ", ".join(f"{place} {count}" for place, count in sorted(m.foreign.items()))
            console.print(f"frames of others dropped, {m.label}: {places}", markup=False)
        for mark, why in m.marks:
            if why:
                console.print(f"{mark}, {m.label}: {why}", markup=False, style="yellow")


def _numbers(m: Measurement) -> Sequence[str]:
    latencies = [m.latency_us(q) for q in (0.5, 0.99)]
    times = (
        ["-"] * 2 if m.invalid else [f"{us:,.1f}" if us is not None else "-" for us in latencies]
    )
    rate = f"[yellow]{m.mark}[/]" if m.invalid else f"{m.pps / 1000:,.0f}"
    predicted = f"{m.predicted / 1000:,.0f}" if m.predicted else "-"
    order = f"{100 * m.reordered_ratio:.2f}" if m.reordered else "0"
    cpu = "-" if m.invalid else f"{m.cpu_ns:,.0f}"
    return [rate, order, cpu, *times, str(sum(m.drops.values())), str(m.sent), predicted]


def _short(us: float) -> str:
    return f"{us:,.1f}" if us < 1000 else f"{us:,.0f}"


def loads_text(m: Measurement, most: int = 2) -> str:
    """The busiest CPUs: "0:98 2:54"."""
    busiest = sorted(m.loads.items(), key=lambda item: -item[1])[:most]
    return " ".join(f"{cpu}:{load:.0f}" for cpu, load in busiest if load >= 1)


def print_checks(console: Console, checks: Iterable[Verdict]) -> None:
    """One line per check, the evidence below it."""
    for check in checks:
        mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
        console.print(f"{mark} {escape(check.name)}", highlight=False)
        console.print(Padding(Text(check.evidence, style="dim"), (0, 0, 0, 4)))
