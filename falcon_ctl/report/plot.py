"""The picture of a run: packet rates, latency distributions, load per core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.systems.catalogue import MAIN_JOB

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which colour-blind readers can distinguish; then those of tab20b.
_COLOURS = ("#000000", "#d55e00", "#56b4e9", "#0072b2", "#009e73", "#cc79a7")
_MORE = "tab20b"
_MODEL, _MODEL_LABEL = "#f0e442", "the model's prediction"
Colours = dict[str, Any]


def draw(
    path: Path, measurements: Sequence[Measurement], subtitle: str, provenance: Provenance
) -> None:
    """Write a PNG; runs marked invalid are left out and named."""
    from matplotlib.figure import Figure  # importing it takes a second

    valid = [m for m in measurements if not m.invalid]
    figure = Figure(figsize=(15, 5.4))
    figure.subplots_adjust(left=0.05, right=0.98, bottom=0.22, top=0.86, wspace=0.4)
    figure.suptitle(f"FALCON testbed: {subtitle}")
    rates, latencies, loads = figure.subplots(1, 3, width_ratios=(1.2, 1, 1.2))
    colours = _colours(valid)
    _rates(rates, valid, colours)
    steady = [m for m in valid if m.proto == "udp" and m.load == "steady"]
    _latencies(latencies, steady, colours)
    _loads(loads, [m for m in valid if m.proto == "udp" and m.load == "saturating"])
    if hidden := _hidden(measurements):
        figure.text(0.01, 0.02, f"not shown: {hidden}", color="#d55e00", fontsize=7, wrap=True)
    picture.save(figure, path, provenance, dpi=100)


def _hidden(measurements: Sequence[Measurement]) -> str:
    """Which runs have no bar, and why, by load."""
    common, found = compared(measurements), defaultdict(list)
    for m in measurements:
        if m.invalid and m.load in common:
            found[f"{m.proto} {m.load}", m.mark].append(m.system)
    return "; ".join(f"{load} of {', '.join(of)} ({mark})" for (load, mark), of in found.items())


def _colours(measurements: Sequence[Measurement]) -> Colours:
    """A colour for each system; those of the main job always have the same."""
    found: Colours = dict(zip((system.name for system in MAIN_JOB), _COLOURS, strict=True))
    others = [name for name in dict.fromkeys(m.system for m in measurements) if name not in found]
    return found | {name: mpl.colormaps[_MORE](place % 20) for place, name in enumerate(others)}


def _rates(axes: Axes, measurements: Sequence[Measurement], colours: Colours) -> None:
    """A bar for each run, in it CPU time and reordering, across it the model's prediction."""
    systems = list(dict.fromkeys(m.system for m in measurements))
    common = compared(measurements)
    loads = list(dict.fromkeys((m.proto, m.load) for m in measurements if m.load in common))
    width = 0.8 / max(1, len(systems))
    for index, system in enumerate(systems):
        last = index + 1 == len(systems)
        mine = [m for m in measurements if m.system == system and (m.proto, m.load) in loads]
        places = [loads.index((m.proto, m.load)) for m in mine]
        at = np.array(places) + index * width - 0.4 + width / 2
        heights = [m.pps / 1000 for m in mine]
        bars = axes.bar(at, heights, width, color=colours[system], label=system)
        for label in axes.bar_label(bars, [rate_note(m) for m in mine], label_type="center"):
            label.set(fontsize=5, rotation=90, color="white", fontweight="bold")
        predicted = [m.predicted / 1000 or np.nan for m in mine]
        axes.scatter(at, predicted, 40, _MODEL, marker="_", label=_MODEL_LABEL if last else None)
    axes.set_xticks(range(len(loads)), [f"{proto}\n{load}" for proto, load in loads])
    axes.set(title="Packet rate", ylabel="delivered, 1000 packets/s (model time)")
    if systems:  # below the axes, where no bar can hide behind it
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.55, -0.13),
            ncols=4,
            columnspacing=1,
            fontsize="small",
            frameon=False,
        )


def compared(measurements: Sequence[Measurement]) -> set[str]:
    """Loads that several systems have, if there are several: a surge compares with nothing."""
    found: dict[str, set[str]] = defaultdict(set)
    for m in measurements:
        found[m.load].add(m.system)
    several = len({m.system for m in measurements}) > 1
    return {load for load, systems in found.items() if len(systems) > 1 or not several}


def rate_note(m: Measurement) -> str:
    """What a rate does not say: CPU time a packet, and how much was reordered, if anything."""
    order = f", {100 * m.reordered_ratio:.1f} % reord." if m.reordered else ""
    return f"{m.cpu_ns / 1000:.1f} µs CPU{order}"


def _latencies(axes: Axes, measurements: Sequence[Measurement], colours: Colours) -> None:
    for m in measurements:
        values = np.sort(m.latencies) / 1000
        share = np.arange(1, len(values) + 1) / max(1, len(values))
        axes.step(values, share, where="post", color=colours[m.system], label=m.system)
    axes.set(title="Latency, one steady flow", xlabel="µs (model time)", ylabel="share of packets")
    axes.grid(alpha=0.3)
    if measurements:
        axes.legend(fontsize="small")


def _loads(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """A heat map: systems down, CPUs across."""
    cpus = sorted({cpu for m in measurements for cpu, load in m.loads.items() if load >= 1})
    axes.set(title="Load per core, one saturating flow", xlabel="CPU")
    if not cpus:
        return
    grid: Any = [[m.loads.get(cpu, 0.0) for cpu in cpus] for m in measurements]
    axes.imshow(grid, vmin=0, vmax=100, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(cpus)), [str(cpu) for cpu in cpus])
    axes.set_yticks(range(len(measurements)), [m.system for m in measurements])
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            if value >= 1:
                shade = "black" if value > 60 else "white"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=shade)
