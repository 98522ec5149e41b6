"""A picture of a sweep: one result over one axis, a line for each combination of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from falcon_ctl.errors import UsageError
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.sweeps.work import RESULTS, Row, Task

NAME = "results.png"
MOST_LINES = 16
RATES = ("pps", "messages_per_s", "gbit_per_s")
BESIDE = ("reordered_ratio", "cpu_ns_per_packet")  # what a rate is not to be read without
COLOURS = mpl.colormaps["tab20"]

Line = Mapping[str, Any]  # of the table


class Plot(NamedTuple):
    """A result `y` over an axis `x`."""

    x: str
    y: str


def parse(text: str, tasks: Sequence[Task]) -> Plot:
    """The plot ``X`` or ``X,Y``. Raises UsageError for what the sweep's points do not have."""
    x, _, y = text.partition(",")
    columns = [task.point.columns() for task in tasks]
    panels = [_of(proto, columns) for proto in _protos(columns)]
    numeric = [name for name in columns[0] if any(_varies(name, panel) for panel in panels)]
    if x not in numeric:
        raise UsageError("--plot", x, f"an axis of several numbers: {', '.join(numeric) or 'none'}")
    if (y or "pps") not in RESULTS:
        raise UsageError("--plot", y, f"one of {', '.join(RESULTS)}")
    lines = max(len(_lines(x, panel)) for panel in panels)
    if lines > MOST_LINES:
        raise UsageError("--plot", f"{lines} lines", f"at most {MOST_LINES}: vary fewer axes")
    return Plot(x, y or "pps")


def draw(
    path: Path, plot: Plot, tasks: Sequence[Task], rows: Sequence[Row], origin: Provenance
) -> None:
    """Write the picture: means over the seeds, whiskers for 5 to 95 % of them.

    Below a rate are the reordered ratio and the CPU time a packet.
    """
    table = [{**task.point.columns(), **row} for task, row in zip(tasks, rows, strict=True)]
    table = [line for line in table if line[plot.x] is not None]
    protos, results = _protos(table), shown(plot.y)
    size = 7 * len(protos), 4.5 + 2.5 * (len(results) - 1)
    figure = Figure(figsize=size, layout="constrained")
    heights = [2, *[1] * (len(results) - 1)]
    panels = figure.subplots(len(results), len(protos), squeeze=False, height_ratios=heights)
    for row_of_panels, y in zip(panels, results, strict=True):
        for axes, proto in zip(row_of_panels, protos, strict=True):
            draw_panel(axes, Plot(plot.x, y), _of(proto, table))
            axes.set_title(proto.upper())
    picture.save(figure, path, origin)


def shown(y: str) -> Sequence[str]:
    """The results that a picture of `y` has."""
    return (y, *BESIDE) if y in RATES else (y,)


def draw_panel(axes: Axes, plot: Plot, table: Sequence[Line]) -> None:
    """Draw the lines of one protocol."""
    lines = _lines(plot.x, table)
    for place, (label, line) in enumerate(lines.items()):
        at = sorted({one[plot.x] for one in line})
        values = [[one[plot.y] for one in line if one[plot.x] == x] for x in at]
        found = [np.array(seeds, float) for seeds in values]
        means = np.array([seeds.mean() for seeds in found])
        spread = np.abs([np.quantile(seeds, [0.05, 0.95]) for seeds in found] - means[:, None])
        style: dict[str, Any] = {"marker": "o", "capsize": 2, "color": COLOURS(place)}
        axes.errorbar(at, means, spread.T, label=label, **style)
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if any(lines):  # a single line has no label
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _lines(x: str, table: Sequence[Line]) -> dict[str, list[Line]]:
    """The table by the axes that vary, except `x` and the seed."""
    axes = [name for name in table[0] if name not in (x, "seed", *RESULTS)]
    varying = [name for name in axes if len({line[name] for line in table}) > 1]
    found: dict[str, list[Line]] = {}
    for line in table:
        words = [
            str(line[name]) if name == "system" else f"{name} {line[name]}" for name in varying
        ]
        found.setdefault(", ".join(words), []).append(line)
    return found


def _varies(name: str, table: Sequence[Line]) -> bool:
    """Whether an axis has several numbers in a panel."""
    values = {line[name] for line in table}
    return name != "seed" and len({one for one in values if isinstance(one, int | float)}) > 1


def _protos(table: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line["proto"] for line in table))


def _of(proto: str, table: Sequence[Line]) -> list[Line]:
    return [line for line in table if line["proto"] == proto]
