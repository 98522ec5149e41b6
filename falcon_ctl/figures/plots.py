"""A picture for each figure: bars of rates, and the latencies' distributions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from falcon_ctl.figures.evaluate import Results
from falcon_ctl.figures.experiments import BY_FIGURE, Run
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.systems.catalogue import BY_NAME

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")
_LATENCY_FIGURES = (2, 6)


def draw_all(folder: Path, results: Results, provenance: Provenance) -> list[Path]:
    """One PNG per figure of `results` in `folder`."""
    mpl.use("Agg")
    paths = []
    for figure in sorted({run.figure for run in results}):
        path = folder / f"figure-{figure}.png"
        paths.append(picture.save(draw(figure, results), path, provenance))
    return paths


def draw(number: int, results: Results) -> Figure:
    """The picture of one figure: a panel for each protocol."""
    runs = [run for run in results if run.figure == number]
    protos = list(dict.fromkeys(run.proto for run in runs))
    figure = Figure(figsize=(5.5 * len(protos), 4), layout="constrained")
    figure.suptitle(f"Figure {number}: {BY_FIGURE[number].title}")
    for axes, proto in zip(figure.subplots(1, len(protos), squeeze=False)[0], protos, strict=True):
        chosen = [run for run in runs if run.proto == proto]
        panel = _distributions if number in _LATENCY_FIGURES else _bars
        panel(axes, chosen, results)
        axes.set_title(proto.upper())
    return figure


def _bars(axes: Axes, runs: Sequence[Run], results: Results) -> None:
    """Packet rates: a group of bars for each number of flows, whiskers for 5 to 95 % of seeds.

    Inside each bar: the CPU time a packet, and how many percent were reordered, if any.
    """
    systems = list(dict.fromkeys(run.system for run in runs))
    labels = list(dict.fromkeys(run.label for run in runs))
    width = 0.8 / len(systems)
    for place, system in enumerate(systems):
        rates = [
            np.array(
                [
                    m.messages_per_s
                    for run in runs
                    if (run.system, run.label) == (system, label)
                    for m in results[run]
                ]
            )
            / 1e6
            for label in labels
        ]
        means = np.array([rate.mean() for rate in rates])
        spread = np.abs([np.quantile(rate, [0.05, 0.95]) for rate in rates] - means[:, None])
        at = np.arange(len(labels)) + (place - (len(systems) - 1) / 2) * width
        colour = COLOURS[place % len(COLOURS)]
        bars = axes.bar(
            at, means, width, yerr=spread.T, label=_title(system), color=colour, capsize=2
        )
        axes.bar_label(bars, _notes(runs, results, system, labels), label_type="center", fontsize=5)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("million messages/s")
    axes.set_ylim(top=axes.get_ylim()[1] * 1.25)
    axes.legend(fontsize="small", ncols=2, loc="upper left")


def _notes(runs: Sequence[Run], results: Results, system: str, labels: Sequence[str]) -> list[str]:
    """What a rate does not say, for each bar of a system."""
    notes = []
    for label in labels:
        chosen = [run for run in runs if (run.system, run.label) == (system, label)]
        found = [one for run in chosen for one in results[run]]
        reordered = 100 * np.mean([one.reordered_ratio for one in found])
        order = f"\n{reordered:.1f} % reord." if reordered else ""
        notes.append(f"{np.mean([one.cpu_ns for one in found]) / 1000:.1f} µs{order}")
    return notes


def _distributions(axes: Axes, runs: Sequence[Run], results: Results) -> None:
    """Latencies of all seeds together, as a cumulative distribution."""
    for place, run in enumerate(runs):
        values = np.sort(np.concatenate([m.latencies for m in results[run]])) / 1000
        share = np.arange(1, len(values) + 1) / max(1, len(values))
        axes.plot(values, share, label=_title(run.system), color=COLOURS[place % len(COLOURS)])
    axes.set_xscale("log")
    axes.set_xlabel("latency, µs")
    axes.set_ylabel("share of packets")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")


def _title(system: str) -> str:
    """Title of a system; a custom one has no other than its name."""
    return BY_NAME[system].title if system in BY_NAME else system
