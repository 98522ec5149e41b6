"""Runs as a picture: packet rates, latency distributions, load of each core."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from falcon_ctl.lab.run import Run, labels

# Okabe and Ito's colours, which colour-blind readers can distinguish.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")


class Image:
    """A PNG that a notebook shows; `data` are its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def _repr_png_(self) -> bytes:
        return self.data


class Shown(Figure):
    """A figure that a notebook shows, whichever backend matplotlib has there."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=100)
        return picture.getvalue()


def figure(runs: Sequence[Run], title: str = "") -> Figure:
    """Delivered packets/s, latencies as a cumulative distribution, and the load of each core.

    An invalid run has its mark in its bar's label, and no latencies.
    """
    made = Shown(figsize=(14, 4.2), layout="constrained")
    names = labels(runs)
    rates, latencies, loads = made.subplots(1, 3)
    _rates(rates, runs, names)
    _latencies(latencies, runs, names)
    _loads(loads, runs, names)
    if title:
        made.suptitle(title)
    return made


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _rates(axes: Axes, runs: Sequence[Run], names: Sequence[str]) -> None:
    at = range(len(runs))
    bars = axes.bar(at, [run.measured.pps / 1000 for run in runs], color=list(map(_colour, at)))
    axes.bar_label(bars, [run.measured.mark or f"{run.measured.pps / 1000:,.0f}" for run in runs])
    axes.set_xticks(at, names, rotation=20, ha="right")
    axes.set(title="Delivered", ylabel="1000 packets/s (model time)")
    axes.margins(y=0.15)


def _latencies(axes: Axes, runs: Sequence[Run], names: Sequence[str]) -> None:
    for place, (run, name) in enumerate(zip(runs, names, strict=True)):
        values = np.sort(run.latencies_us)
        if len(values) and not run.measured.invalid:
            share = np.arange(1, len(values) + 1) / len(values)
            axes.step(values, share, where="post", color=_colour(place), label=name)
    axes.set(title="Latency", xlabel="µs (model time)", ylabel="share of packets", xscale="log")
    axes.grid(alpha=0.3)
    if axes.has_data():
        axes.legend(fontsize="small")


def _loads(axes: Axes, runs: Sequence[Run], names: Sequence[str]) -> None:
    cpus = sorted({cpu for run in runs for cpu, load in run.measured.loads.items() if load >= 1})
    axes.set(title="Load of each core, %", xlabel="CPU")
    if not cpus:
        return
    grid = np.array([[run.measured.loads.get(cpu, 0.0) for cpu in cpus] for run in runs])
    axes.imshow(grid, vmin=0, vmax=100, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(cpus)), [str(cpu) for cpu in cpus])
    axes.set_yticks(range(len(runs)), names)
    for (row, column), value in np.ndenumerate(grid):
        shade = "black" if value > 60 else "white"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=shade, fontsize=8)
