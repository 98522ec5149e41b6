"""Tables and documents of applications' runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from falcon_ctl.apps.application import QUANTILES
from falcon_ctl.apps.comparison import Compared
from falcon_ctl.apps.dilation import Dilation
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.report.document import as_json
from falcon_ctl.report.provenance import Provenance
from topo.protocol.status import Status

_WIDE = 110  # columns of a terminal that has room for the cores
_TIMES = ("mean", "p50", "p99", "p99.9", "path")  # µs
_COUNTS = ("retrans", "reord")
_RATES = {"requests": "k req/s", "messages": "k msg/s", "bytes": "Gbit/s"}


@dataclass
class Report:
    """All runs of a call.

    Attributes:
        status: of the network, as the run began.
        provenance: where the numbers come from.
        loads: application → what is done, in a line.
        dilations: application → its dilation, and why it is that.
        outcomes: of the runs.
        compared: memcached beside the talk and the model, where it ran.
        checks: the verdicts.
    """

    status: Status
    provenance: Provenance
    loads: Mapping[str, str]
    dilations: dict[str, Dilation] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    checks: Sequence[Verdict] = ()

    @property
    def ok(self) -> bool:
        """Every check holds, and there was one."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "topology": self.status.topology,
            "switch": {"target": self.status.target, "version": self.status.version},
            "invalid": self.provenance.reason,
            "provenance": self.provenance.document(),
            "loads": dict(self.loads),
            "dilations": {name: one._asdict() for name, one in self.dilations.items()},
            "runs": [one.document() for one in self.outcomes],
            "compared": [one._asdict() for one in self.compared],
            "checks": [check._asdict() for check in self.checks],
        }

    def fill(self, folder: Path) -> None:
        """Write the run's folder: the report, and what the programs printed."""
        (folder / "apps.json").write_text(as_json(self.document()))
        for one in self.outcomes:
            for program, said in one.said.items():
                (folder / f"{one.application}-{one.system}-{program}.txt").write_text(said)


def show(console: Console, report: Report, titles: Mapping[str, str]) -> None:
    """One table for each application; `titles`: of the systems, by name."""
    for name in dict.fromkeys(one.application for one in report.outcomes):
        outcomes = [one for one in report.outcomes if one.application == name]
        console.print(_table(report, outcomes, titles, console.width >= _WIDE))
        for one in outcomes:
            if one.invalid:
                console.print(f"{one.label}: {one.invalid}", markup=False, style="yellow")
    if report.compared:
        console.print(_comparison(report.compared))


def _table(
    report: Report, outcomes: Sequence[Outcome], titles: Mapping[str, str], wide: bool
) -> Table:
    """A row for each system.

    `path`: what the receive path has of the mean; `retrans`: of retransmitted segments those in
    brackets were spurious.
    """
    first = outcomes[0]
    of_path = all(one.mean_us is None for one in outcomes)
    title = f"{first.application}: {report.loads[first.application]}"
    title += f", dilation {report.dilations[first.application].value}; "
    title += "frames' µs in the receive path" if of_path else "µs"
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("system", no_wrap=True, max_width=17)
    for name in (_RATES.get(first.unit, f"k {first.unit}/s"), *_TIMES, *_COUNTS):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("busiest, CPU:%", no_wrap=True)
    for one in outcomes:
        table.add_row(
            titles.get(one.system, one.system), *_row(one), *([_busiest(one)] if wide else [])
        )
    return table


def _row(one: Outcome) -> list[str]:
    resent, spurious = one.tcp.retransmitted, one.tcp.spurious
    counts = [f"{resent} ({spurious})" if resent else "0", str(one.overtaken)]
    if one.reading is None or one.invalid:
        mark = "[yellow]invalid[/]" if one.reading else "[red]failed[/]"
        return [mark, *["-"] * len(_TIMES), *counts]
    path = one.there
    times = [one.mean_us, *(one.quantile_us(q) for q in QUANTILES)]
    if one.mean_us is None:
        times = [path.mean_ns / 1000, *(path.quantile_ns(q) / 1000 for q in QUANTILES)]
    shown = [f"{us:,.1f}" if us is not None else "-" for us in (*times, one.path_us)]
    rate = one.rate * 8 / 1e9 if one.unit == "bytes" else one.rate / 1e3
    return [f"{rate:,.1f}", *shown, *counts]


def _busiest(one: Outcome, most: int = 2) -> str:
    busiest = sorted(one.loads.items(), key=lambda item: -item[1])[:most]
    return " ".join(f"{cpu}:{load:.0f}" for cpu, load in busiest if load >= 1)


def _comparison(compared: Sequence[Compared]) -> Table:
    table = Table(
        title="FALCON's latency over the overlay's",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("latency", "the talk", "the model, same load", "here", "overlay µs", "FALCON µs"):
        table.add_column(name, justify="left" if name == "latency" else "right", no_wrap=True)
    for one in compared:
        table.add_row(
            f"{one.application} {one.metric}",
            "-" if one.talk is None else f"{one.talk:+.0%}",
            f"{one.model:+.0%}",
            "[yellow]invalid[/]" if one.invalid else f"{one.here:+.0%}",
            f"{one.overlay_us:,.1f}",
            f"{one.falcon_us:,.1f}",
        )
    return table
