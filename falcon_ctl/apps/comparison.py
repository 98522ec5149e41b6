"""Memcached's latencies beside those of the talk and of the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from falcon_ctl.apps.application import Application
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.apps.prediction import Prediction
from falcon_ctl.figures.experiments import CLAIMS

_FIGURE = 6  # of the talk: memcached, 10 clients
_P99 = 0.99


class Compared(NamedTuple):
    """By how much a latency is lower with FALCON than with the overlay, as shares (-0.5: half).

    `talk`: as it claims, None where it has no such experiment; `model`: as it predicts for the same
    load; `here`: as measured, `invalid` why that is not to be used.
    """

    application: str
    metric: str
    talk: float | None
    model: float
    here: float
    overlay_us: float
    falcon_us: float
    invalid: str


def beside(
    app: Application, overlay: Outcome, falcon: Outcome, predicted: Mapping[str, Prediction]
) -> list[Compared]:
    """Mean and p99 of two live runs, with the predictions for their systems."""
    before, after = predicted[overlay.system], predicted[falcon.system]
    rows = {
        "mean": ((overlay.mean_us, falcon.mean_us), after.mean_us / before.mean_us),
        "p99": (
            (overlay.quantile_us(_P99), falcon.quantile_us(_P99)),
            after.p99_us / before.p99_us,
        ),
    }
    return [
        Compared(
            overlay.application,
            metric,
            talk(metric) if app.compared else None,
            model - 1,
            new / old - 1,
            old,
            new,
            "; ".join(f"{one.system}: {one.invalid}" for one in (overlay, falcon) if one.invalid),
        )
        for metric, ((old, new), model) in rows.items()
        if old and new
    ]


def talk(metric: str) -> float:
    """What the talk claims of a latency: "mean" or "p99"."""
    name = f"{metric} latency"
    claim = next(one for one in CLAIMS if one.figure == _FIGURE and one.metric == name)
    return claim.ratio - 1
