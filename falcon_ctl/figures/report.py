"""The figures' results: a table for the terminal, JSON and CSV for machines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from falcon_ctl.figures.evaluate import Row
from falcon_ctl.figures.experiments import BY_FIGURE
from falcon_ctl.figures.sensitivity import Effect
from falcon_ctl.figures.tornado import strongest
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.systems.catalogue import BY_NAME


def print_claims(console: Console, rows: Sequence[Row], seeds: int) -> None:
    """The talk's claims and what was measured; beside rates their order and CPU time a packet."""
    table = Table(
        title=f"The talk's figures, mean of {seeds} seeds",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("figure", "system", "proto", "metric"):
        table.add_column(name, no_wrap=name == "proto")
    for name in ("load", "claim", "model", "5-95 %", "near", "reord%", "CPU"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        title = f"{row.figure} {BY_FIGURE[row.figure].name}"
        verdict = "[green]yes[/]" if row.within else "[yellow]no[/]"
        spread = f"{row.low:.2f}-{row.high:.2f}"
        cells = (title, BY_NAME[row.system].name, row.proto, row.metric, row.load)
        order = "" if row.reordered_ratio is None else f"{100 * row.reordered_ratio:.2g}"
        cpu = "" if row.cpu_ratio is None else f"{row.cpu_ratio:.2f}x"
        ratios = f"{row.claim:.2f}", f"{row.measured:.2f}", spread
        table.add_row(*cells, *ratios, verdict, order, cpu)
    console.print(table)
    off = sum(not row.within for row in rows)
    if off:
        console.print(
            f"{off} of {len(rows)} are off: docs/fidelity.md says what would have to hold"
        )


def print_effects(console: Console, effects: Sequence[Effect], percent: int) -> None:
    """The three costs with the largest effect on each claim."""
    table = Table(title=f"Each cost {percent} % lower and higher", box=box.SIMPLE_HEAD)
    for name in ("figure", "proto", "metric", "cost"):
        table.add_column(name, no_wrap=True)
    for name in ("as it is", "lower", "higher"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in dict.fromkeys(effect.row for effect in effects):
        mine = [effect for effect in effects if effect.row == row]
        for place, effect in enumerate(strongest(mine, 3)):
            title = f"{row.figure} {BY_FIGURE[row.figure].name}", row.proto, row.metric
            claim = ("", "", "") if place else title
            values = (row.measured, effect.lowered, effect.raised)
            table.add_row(*claim, effect.cost, *(f"{value:.2f}" for value in values))
    console.print(table)


def print_beside(console: Console, rows: Sequence[Row], custom: Sequence[str]) -> None:
    """What custom policies and chains did in each run, beside the overlay and FALCON."""
    names = ("rps", "falcon-rps", *custom)
    table = Table(title="Your systems, as measured", box=box.SIMPLE_HEAD)
    for name in ("figure", "proto", "metric"):
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    found = {(row.figure, row.proto, row.metric, row.system): row.measured for row in rows}
    for figure, proto, metric in dict.fromkeys(key[:3] for key in found):
        values = (found.get((figure, proto, metric, name), math.nan) for name in names)
        title = f"{figure} {BY_FIGURE[figure].name}"
        table.add_row(title, proto, metric, *(_shown(value) for value in values))
    console.print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == 0 or value >= 10 else f"{value:,.2f}"


def as_json(rows: Sequence[Row], provenance: Provenance) -> str:
    """The list of rows, each with its provenance, as JSON."""
    found = [{**row.document(), **provenance.marks} for row in rows]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def write_csv(path: Path, rows: Sequence[Row], provenance: Provenance) -> None:
    """All rows with their spread."""
    columns = provenance.columns
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*(field.name for field in fields(Row)), *columns])
        writer.writeheader()
        writer.writerows({**asdict(row), **columns} for row in rows)
