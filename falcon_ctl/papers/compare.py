"""Measured beside modelled: every bar, every ratio of a system over its baseline, and the score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from falcon_ctl.errors import UsageError
from falcon_ctl.papers import data
from falcon_ctl.papers.panel import ALL_CORES, Panel, Role
from falcon_ctl.papers.run import Modelled, Place, Results, places

KINDS = ("rate", "latency", "cpu")
NEAR, WIDE = 0.10, 0.20  # relative to the measured ratio
_NONE = float("nan")


@dataclass(frozen=True)
class Level:
    """A bar: its value in the paper's unit, NaN where the model has none (`why`).

    `error`: of reading the figure; `low`, `high`: 5th and 95th percentile over the seeds;
    `reordered`: RFC 4737's ratio; `cpu_ns`: CPU time a message.
    """

    place: Place
    unit: str
    measured: float
    error: float
    modelled: float
    low: float
    high: float
    reordered: float | None
    cpu_ns: float | None
    why: str


@dataclass(frozen=True)
class Ratio:
    """A system over its baseline; `modelled` is NaN where the model has none of them (`why`).

    `reordered`: RFC 4737's ratio of the system; `cpu`: its CPU time a message over the baseline's;
    None where no frames were run.
    """

    place: Place
    measured: float
    modelled: float
    why: str
    reordered: float | None = None
    cpu: float | None = None

    @property
    def role(self) -> Role:
        """How it counts."""
        return self.place.panel.role(self.place.bar, self.place.x)

    @property
    def error(self) -> float:
        """Relative to the measured ratio; NaN without a modelled one."""
        return self.modelled / self.measured - 1


@dataclass(frozen=True)
class Score:
    """How near the ratios of a kind are: shares within 10 and 20 %, and the median error."""

    kind: str
    count: int
    near: float
    wide: float
    median: float


def levels(results: Results) -> list[Level]:
    """Every bar of `results`."""
    return [_level(place, results) for place in results]


def ratios(results: Results) -> list[Ratio]:
    """Every bar that has a baseline, over it.

    Raises:
        UsageError: the data have no such measurement.
    """
    return [found for place in results if (found := _ratio(place, results)) is not None]


def scores(found: Iterable[Ratio], role: Role = Role.PREDICTED) -> list[Score]:
    """The score of each kind that has any ratio in this role."""
    ones = [ratio for ratio in found if ratio.role is role and not math.isnan(ratio.modelled)]
    kinds = {kind: [one for one in ones if one.place.panel.kind == kind] for kind in KINDS}
    return [_score(kind, found) for kind, found in kinds.items() if found]


def _score(kind: str, ones: Sequence[Ratio]) -> Score:
    errors = np.abs([ratio.error for ratio in ones])
    near, wide = (float((errors <= limit).mean()) for limit in (NEAR, WIDE))
    return Score(kind, len(ones), near, wide, float(np.median(errors)))


def measured(place: Place) -> data.Value:
    """The paper's value at a place, in its unit; `x` and `metric` are those of the panel.

    Raises:
        UsageError: the data have no such measurement.
    """
    panel, bar, x = place
    parts = [_read(panel, metric, bar.name, x) for metric in panel.data or (panel.metric,)]
    value = sum(part.value for part in parts)
    error = math.hypot(*(part.error for part in parts))
    if panel.whole:
        whole = _whole(panel, bar.name, x)
        value, error = 100 * value / whole, 100 * error / whole
    return _with(parts[0], value, error)


def _whole(panel: Panel, bar: str, x: str) -> float:
    if panel.whole != "sum":
        return _read(panel, panel.whole, bar, x).value
    names = panel.data or (panel.metric,)
    return sum(_read(panel, name, bar, one).value for name in names for one in panel.points)


def _read(panel: Panel, metric: str, bar: str, x: str) -> data.Value:
    known = _by_key(panel.paper)
    if x != ALL_CORES:
        key = (panel.figure, panel.panel, metric, bar, x)
        if key not in known:
            where = f"{panel.paper} Fig {panel.name}"
            raise UsageError(where, f"no {metric} of {bar} at {x}", "a value in the data")
        return known[key]
    cores = [
        value
        for key, value in known.items()
        if key[:4] == (panel.figure, panel.panel, metric, bar) and key[4].startswith("core ")
    ]
    if not cores:
        where = f"{panel.paper} Fig {panel.name}"
        raise UsageError(where, f"no {metric} of {bar} on any core", "a value in the data")
    return _with(
        cores[0], sum(one.value for one in cores), math.hypot(*(one.error for one in cores))
    )


def _with(value: data.Value, number: float, error: float) -> data.Value:
    return data.Value(**{**vars(value), "value": number, "error": error})


@cache
def _by_key(paper: str) -> Mapping[tuple[str, ...], data.Value]:
    return {value.key: value for value in data.load(paper)}


def _level(place: Place, results: Results) -> Level:
    value, model = measured(place), results[place]
    scale = _scale(place, value.unit, results)
    found = np.array(model.values) / scale if model.values else np.array([_NONE])
    low, high = (float(edge) for edge in np.quantile(found, [0.05, 0.95]))
    return Level(
        place,
        value.unit,
        value.value,
        value.error,
        float(found.mean()),
        low,
        high,
        model.reordered,
        model.cpu_ns,
        model.why,
    )


def _scale(place: Place, unit: str, results: Results) -> float:
    """What the model's values are divided by to have the paper's unit."""
    if unit != "ratio":
        return data.UNITS[unit].factor
    first = next(bar for bar in place.panel.bars if not bar.over)
    return results[place._replace(bar=first)].mean


def _ratio(place: Place, results: Results) -> Ratio | None:
    base = place.panel.baseline(place.bar)
    if base is None:
        return None
    below = place._replace(bar=base)
    ours, theirs = measured(place).value, measured(below).value
    if not theirs:  # an idle core
        return None
    model, base_model = results[place], results[below]
    ratio, why = _ratio_of_means(model, base_model), model.why or base_model.why
    cpu = model.cpu_ns / base_model.cpu_ns if model.cpu_ns and base_model.cpu_ns else None
    return Ratio(place, ours / theirs, ratio, why, model.reordered, cpu)


def _ratio_of_means(ours: Modelled, theirs: Modelled) -> float:
    """The papers' ratios are of bars, each of which is the mean of its runs."""
    if not ours.values or not theirs.values:
        return _NONE
    return ours.mean / theirs.mean if theirs.mean else math.inf


def verify(panels: Sequence[Panel]) -> None:
    """Raises UsageError when the data lack a measurement of any panel."""
    for place in places(panels):
        measured(place)
