"""The command `order`: the price of order as a table, CSV and a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from falcon_ctl import files
from falcon_ctl.figures import evaluate, traced
from falcon_ctl.figures.plots import COLOURS
from falcon_ctl.figures.price_of_order import (
    EXPERIMENTS,
    LEAST,
    WAYS,
    Price,
    as_csv,
    failures,
    shortfalls,
)
from falcon_ctl.figures.price_of_order import prices as priced
from falcon_ctl.html_report import write as html
from falcon_ctl.report import picture, provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.timeline import trace_file
from falcon_ctl.virtual import kernels
from topo.rundir import RunDir

_PANELS: tuple[tuple[str, Callable[[Price], float]], ...] = (
    ("rate over the one without order", lambda row: row.kept),
    ("reordered frames, %", lambda row: 100 * row.reordered),
    ("p99 latency, µs (UDP)", lambda row: row.p99_us),
    ("mean time held, µs", lambda row: row.held_us),
    ("CPU time per frame, ns", lambda row: row.cpu_ns),
)


def order(console: Console, seeds: int, parent: Path, trace: Path | None = None) -> bool:
    """Run every way under every load, print the table, write CSV, a picture and a timeline.

    Returns whether hand-over keeps all frames in order; loads with which its rate is below the goal
    are named.

    Raises:
        UsageError: a place that cannot be written.
    """
    files.verify_folder(f"--results {parent}", parent)
    kernels.load(console)
    begun = provenance.begin(range(1, seeds + 1), ["the price of order", *WAYS])
    found = evaluate.run_all(EXPERIMENTS, seeds)
    rows = priced(found)
    origin = begun.ended()
    _print(console, rows, seeds)
    provenance.show(console, origin)
    wrong = failures(rows)
    for line in [*wrong, *shortfalls(rows)]:
        console.print(line)
    text = as_csv(rows, origin)

    def fill(folder: Path) -> None:
        mpl.use("Agg")
        (folder / "price-of-order.csv").write_text(text)
        (folder / "provenance.json").write_text(as_json(origin.document()))
        picture.save(draw(rows), folder / "price-of-order.png", origin)

    with files.Rescue(text, RunDir().path) as rescue:
        folder = rescue.attempt(f"--results {parent}", lambda: html.make(parent, fill))
    console.print(f"report.html, price-of-order.csv and price-of-order.png are in {folder}/")
    if trace is not None:
        runs = list(traced.shown(found, BY_NAME))
        drawn = traced.recorded(console, "the price of order", runs)
        trace_file.write(console, trace, drawn, origin)
    return not wrong


def _print(console: Console, rows: Sequence[Price], seeds: int) -> None:
    table = Table(title=f"The price of order, mean of {seeds} seeds", box=box.SIMPLE_HEAD)
    for name in ("figure", "load", "order"):
        table.add_column(name, no_wrap=True)
    for name in ("Mpps", "of none", "reordered", "p50 us", "p99 us", "held us", "CPU ns"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        times = [f"{us:,.0f}" if us == us else "-" for us in (row.p50_us, row.p99_us)]
        table.add_row(
            str(row.figure),
            f"{row.proto}, {row.load}",
            WAYS[row.system],
            f"{row.pps / 1e6:.3f}",
            f"{row.kept:.3f}",
            f"{row.reordered:.2%}",
            *times,
            f"{row.held_us:,.0f}" if row.held else "-",
            f"{row.cpu_ns:,.0f}",
        )
    console.print(table)


def draw(rows: Sequence[Price]) -> Figure:
    """A panel for each measure: a group of bars for each load, a bar for each way."""
    figure = Figure(figsize=(11, 2.6 * len(_PANELS)), layout="constrained")
    figure.suptitle("The price of order")
    loads = list(dict.fromkeys(row.where for row in rows))
    panels = figure.subplots(len(_PANELS), 1, sharex=True)
    for axes, (label, value) in zip(panels, _PANELS, strict=True):
        _bars(axes, rows, loads, value)
        axes.set_ylabel(label, fontsize="small")
    panels[0].axhline(LEAST, color="0.3", linestyle=":", linewidth=1)
    names = [f"figure {figure}\n{proto}, {load}" for figure, proto, load in loads]
    panels[-1].set_xticks(range(len(loads)), names, fontsize="small")
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(WAYS))
    return figure


def _bars(
    axes: Axes,
    rows: Sequence[Price],
    loads: Sequence[tuple[int, str, str]],
    value: Callable[[Price], float],
) -> None:
    found = {(row.system, row.where): value(row) for row in rows}
    width = 0.8 / len(WAYS)
    for place, (system, title) in enumerate(WAYS.items()):
        heights = [found.get((system, load), math.nan) for load in loads]
        at = np.arange(len(loads)) + (place - (len(WAYS) - 1) / 2) * width
        axes.bar(at, heights, width, label=title, color=COLOURS[place])
