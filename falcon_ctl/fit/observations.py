"""What the fit compares: bars of the panels that may set amounts, and independent measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.fit import independent
from falcon_ctl.papers import compare, data
from falcon_ctl.papers.panel import Panel, Role
from falcon_ctl.papers.run import Asked, Outcome, Place, lacking, places, run_all
from rxpath.config import costs

_RELATIVE = 0.05  # how far a bar may be off for reasons that are no amount's
_POINTS = 1.0  # and a percentage
_PROFILES_OWN = "eurosys21"  # whose machine the profile is of; others' bars count as `independent`
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """A measurement: where it is from, its value, and the error that it counts with."""

    name: str
    value: float
    sigma: float


@dataclass(frozen=True)
class Observed:
    """All measurements of a fit, and what the model has for them with some amounts changed.

    Attributes:
        panels: those that may set amounts, cut down to the places that may.
        profile: the cost profile that changes apply to.
        scale: paper → what the amounts are multiplied by for its machine.
        threads: for runs; None: one for each core.
        known: outcomes of runs, which are not run again.
    """

    panels: Sequence[Panel]
    profile: str
    scale: Mapping[str, float]
    threads: int | None = None
    known: dict[str, Outcome] = field(default_factory=dict)

    @property
    def observations(self) -> list[Observation]:
        """The measurements, in the order of `modelled`."""
        found = [_bar(place) for place in places(self.panels) if _counts(place)]
        return found + [
            Observation(one.name, one.expected, independent.SPREAD * one.expected)
            for one in independent.SUMS
        ]

    def modelled(self, overrides: Mapping[str, int]) -> Floats:
        """The model's values with these amounts, one seed."""
        amounts = costs.load(self.profile, overrides)
        asked = Asked(
            costs=dict.fromkeys(self.scale, self.profile),
            overrides={
                paper: costs.as_overrides(costs.scale(amounts, factor))
                for paper, factor in self.scale.items()
            },
        )
        results = run_all(self.panels, 1, asked, threads=self.threads, known=self.known)
        levels = compare.levels(results)
        bars = [level.modelled for level in levels if _counts(level.place)]
        sums = [sum(amounts[name].udp for name in one.names) for one in independent.SUMS]
        return np.array([*bars, *sums], float)


def observed(panels: Sequence[Panel], profile: str, scale: Mapping[str, float]) -> Observed:
    """Those places of `panels` that may set amounts."""
    chosen = []
    for panel in panels:
        fitted = {
            x: point
            for x, point in panel.points.items()
            if any(panel.role(bar, x) is Role.FITTED for bar in panel.bars)
        }
        if fitted:
            chosen.append(replace(panel, points=fitted))
    return Observed(chosen, profile, scale)


def _counts(place: Place) -> bool:
    """Whether amounts may be set by this bar, and the model has it."""
    return place.panel.role(place.bar, place.x) is Role.FITTED and not lacking(place)


def _bar(place: Place) -> Observation:
    value = compare.measured(place)
    own = place.panel.paper == _PROFILES_OWN
    sigma = max((_RELATIVE if own else independent.SPREAD) * value.value, value.error)
    if data.UNITS[value.unit].of == "percent":
        sigma = float(np.hypot(sigma, _POINTS))
    panel, bar, x = place
    name = f"{panel.paper} {panel.name}, {bar.name} at {x}: {panel.metric}"
    return Observation(name, value.value, sigma)
