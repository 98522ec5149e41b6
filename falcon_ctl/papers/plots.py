"""A picture for each figure of the papers: measured and modelled bars side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from falcon_ctl.papers.compare import Level
from falcon_ctl.papers.panel import Panel
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")
_COLUMNS = 3
_GROUP = 0.8  # of a group's place on the axis
_AXES = {  # metric → label of the vertical axis
    "rate": "rate",
    "goodput": "throughput",
    "latency": "latency",
    "half rtt": "half a round trip",
    "softirq": "softirqs",
    "application": "application",
    "cpu": "CPU use",
    "share": "share of the softirqs",
    "softirqs": "softirqs",
}


def draw_all(folder: Path, levels: Sequence[Level], provenance: Provenance) -> list[Path]:
    """One PNG per figure of a paper in `folder`."""
    mpl.use("Agg")
    figures = dict.fromkeys((one.place.panel.paper, one.place.panel.figure) for one in levels)
    paths = []
    for paper, number in figures:
        mine = [
            one
            for one in levels
            if (one.place.panel.paper, one.place.panel.figure) == (paper, number)
        ]
        path = folder / f"{paper}-figure-{number}.png"
        paths.append(picture.save(draw(mine), path, provenance))
    return paths


def draw(levels: Sequence[Level]) -> Figure:
    """The picture of the panels that `levels` are of, all of one figure."""
    panels = _panels(levels)
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.2 * columns, 3.6 * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _bars(axes, panel, [one for one in levels if one.place.panel == panel])
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    first = panels[0]
    figure.suptitle(f"{first.paper}, figure {first.figure}")
    how = [
        Patch(facecolor="0.6", label="measured"),
        Patch(facecolor="white", edgecolor="0.4", hatch="////", label="model (5-95 % of seeds)"),
    ]
    figure.legend(handles=how, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def _panels(levels: Sequence[Level]) -> list[Panel]:
    found: list[Panel] = []
    for one in levels:
        if one.place.panel not in found:
            found.append(one.place.panel)
    return found


def _bars(axes: Axes, panel: Panel, levels: Sequence[Level]) -> None:
    """A group for each place on the axis; in it each system's measured and modelled bar."""
    places = list(panel.points)
    width = _GROUP / (2 * len(panel.bars))
    for number, bar in enumerate(panel.bars):
        mine = {one.place.x: one for one in levels if one.place.bar == bar}
        found = [mine[x] for x in places]
        left = np.arange(len(places)) - _GROUP / 2 + 2 * number * width + width / 2
        colour = COLOURS[number % len(COLOURS)]
        axes.bar(left, [one.measured for one in found], width, color=colour, label=bar.name)
        values = np.array([one.modelled for one in found])
        spread = np.array([[one.modelled - one.low, one.high - one.modelled] for one in found]).T
        modelled = axes.bar(
            left + width,
            np.nan_to_num(values),
            width,
            yerr=np.nan_to_num(spread).clip(0),
            facecolor="white",
            edgecolor=colour,
            hatch="////",
            capsize=2,
            error_kw={"linewidth": 0.8},
        )
        if panel.kind == "rate":
            for label in axes.bar_label(modelled, [_beside(one) for one in found]):
                label.set(fontsize=4, rotation=90)
        for x, value in zip(left + width, values, strict=True):
            if math.isnan(value):
                axes.text(x, 0, "not modelled", rotation=90, fontsize=5, ha="center", va="bottom")
    axes.set_xticks(range(len(places)), places, fontsize="small")
    axes.set_ylabel(f"{_label(panel.metric)}, {levels[0].unit}")
    axes.set_title(f"{panel.panel or ''} {panel.title}".strip(), fontsize="small")
    axes.set_ylim(top=axes.get_ylim()[1] * 1.3)
    axes.legend(fontsize="x-small", ncols=2, loc="upper left")


def _beside(level: Level) -> str:
    """What a modelled rate does not say: CPU time a message, and what was reordered."""
    if level.cpu_ns is None:
        return ""
    order = f", {100 * level.reordered:.1f} % reord." if level.reordered else ""
    return f" {level.cpu_ns / 1000:.1f} µs{order}"


def _label(metric: str) -> str:
    return _AXES.get(metric, re.sub("^first stage", "share of the stage:", metric))
