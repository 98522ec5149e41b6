"""The tornado plots of `sensitivity`: the costs that affect a claim, the strongest on top."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from falcon_ctl.figures.experiments import BY_FIGURE
from falcon_ctl.figures.sensitivity import Effect
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance

_SHOWN = 12  # costs of a claim
_LOWER, _HIGHER = "#0072b2", "#d55e00"


def draw_all(
    folder: Path, effects: Sequence[Effect], percent: int, provenance: Provenance
) -> list[Path]:
    """One PNG for each figure that `effects` are of."""
    paths, seeds = [], len(provenance.seeds)
    for number in sorted({effect.row.figure for effect in effects}):
        rows = list(dict.fromkeys(e.row for e in effects if e.row.figure == number))
        figure = Figure(figsize=(7 * len(rows), 5), layout="constrained")
        for axes, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
            _bars(axes, [effect for effect in effects if effect.row == row], percent, seeds)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.suptitle(f"Figure {number}: {BY_FIGURE[number].title}, with each cost ±{percent} %")
        path = folder / f"figure-{number}-tornado.png"
        paths.append(picture.save(figure, path, provenance))
    return paths


def strongest(effects: Sequence[Effect], count: int = _SHOWN) -> list[Effect]:
    """The effects with the widest swing, the widest first."""
    return sorted(effects, key=lambda effect: (-effect.swing, effect.cost))[:count]


def _bars(axes: Axes, effects: Sequence[Effect], percent: int, seeds: int) -> None:
    shown, row = strongest(effects), effects[0].row
    places = range(len(shown))
    for label, colour, values in (
        (f"-{percent} %", _LOWER, [effect.lowered for effect in shown]),
        (f"+{percent} %", _HIGHER, [effect.raised for effect in shown]),
    ):
        widths = [value - row.measured for value in values]
        axes.barh(places, widths, 0.7, left=row.measured, color=colour, alpha=0.8, label=label)
    chance = _standard_error(row.low, row.high, seeds)
    axes.axvspan(row.measured - 2 * chance, row.measured + 2 * chance, color="0.85", zorder=0)
    axes.axvline(row.measured, color="0.3", linewidth=1)
    axes.axvline(row.claim or row.measured, color="black", linestyle=":", label="the talk's claim")
    axes.set_yticks(places, [effect.cost for effect in shown])
    axes.invert_yaxis()
    axes.set_xlabel(f"{row.metric} (grey: within chance)")
    axes.set_title(f"{row.system}, {row.proto.upper()}, {row.load}")


def _standard_error(low: float, high: float, seeds: int) -> float:
    """Of the mean over the seeds: 5 to 95 % are 3.29 standard deviations of a normal one."""
    return float((high - low) / 3.29 / seeds**0.5)


def as_csv(effects: Sequence[Effect], provenance: Provenance) -> str:
    """Every effect, a line each."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = ("figure", "system", "proto", "metric", "cost", "measured", "lowered", "raised")
    origin = provenance.columns
    writer.writerow((*columns, *origin))
    for effect in effects:
        row = effect.row
        claim = (row.figure, row.system, row.proto, row.metric)
        values = (row.measured, effect.lowered, effect.raised)
        writer.writerow((*claim, effect.cost, *values, *origin.values()))
    return text.getvalue()
