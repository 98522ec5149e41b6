"""Least squares over the logarithms of amounts; how well each is determined. Pure.

An estimate may be off by a factor, upwards as downwards, so it is the logarithm that has an error.
Measurements that contradict each other must not decide all the rest, so far ones count by their
distance and not by its square (the loss that SciPy calls soft_l1); estimates count by the square.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from falcon_ctl.errors import UsageError
from falcon_ctl.fit.amounts import Amount

Floats = NDArray[np.float64]
Modelled = Callable[[Mapping[str, int]], Floats]
_STEP = 0.08  # of an amount: amounts are whole ns, and runs are random
_MOST = 1.6  # the bounds: a fifth of an estimate, and five times as much
WELL, PARTLY = 0.75, 0.25  # of an estimate's variance that the measurements take away


@dataclass(frozen=True)
class Fitted:
    """An amount, ns: before and after, its estimate, its standard error.

    `determined`: the part of the estimate's variance that the measurements take away, 0 to 1.
    """

    key: str
    before: int
    after: int
    estimate: int
    error: float
    determined: float

    @property
    def verdict(self) -> str:
        """In one word."""
        if self.determined >= WELL:
            return "well"
        return "partly" if self.determined >= PARTLY else "not"


@dataclass(frozen=True)
class Solution:
    """The amounts, and the model's values before and after beside the measurements' errors."""

    amounts: Sequence[Fitted]
    before: Floats
    after: Floats
    cost: float  # half the sum of the losses, in units of the errors


def solve(
    amounts: Sequence[Amount],
    start: Mapping[str, int],
    modelled: Modelled,
    value: Floats,
    sigma: Floats,
    rounds: int = 6,
    progress: Callable[[], None] = lambda: None,
) -> Solution:
    """The amounts that bring (modelled - `value`) / `sigma` nearest to 0, see above.

    The estimates count as measurements with their spreads. `start`: the amounts to begin with;
    `rounds`: steps at most. `progress` is called after each evaluation of the model.

    Raises:
        UsageError: no measurement depends on some of the amounts.
    """
    spreads = np.log1p([amount.spread for amount in amounts])

    def model(logs: Floats) -> Floats:
        found = modelled(at(amounts, logs))
        progress()
        return (found - value) / sigma

    def residuals(logs: Floats) -> Floats:
        return np.concatenate([model(logs), logs / spreads])

    def jacobian(logs: Floats) -> Floats:
        here = model(logs)
        columns = [(model(logs + _STEP * unit) - here) / _STEP for unit in np.eye(len(amounts))]
        return np.vstack([np.array(columns).T, np.diag(1 / spreads)])

    begun = [start[amount.key] / amount.estimate for amount in amounts]
    origin = np.clip(np.log(begun), -_MOST, _MOST)
    slopes = jacobian(origin)
    _check(amounts, slopes[: len(value)])
    found = least_squares(
        residuals,
        origin,
        jac=jacobian,
        loss=partial(_loss, len(value)),
        bounds=(-_MOST, _MOST),
        max_nfev=rounds,
        x_scale=spreads,
        xtol=1e-4,
        ftol=1e-6,
    )
    errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    return Solution(
        _fitted(amounts, start, at(amounts, found.x), errors),
        model(origin) * sigma + value,
        model(found.x) * sigma + value,
        float(found.cost),
    )


def _loss(measurements: int, squares: Floats) -> Floats:
    """Loss, slope and curvature of squared residuals [3, residuals], the measurements' first.

    The curvature is given as 0, which makes a far measurement one of small weight, and a step end
    where the measurement is. With the true curvature, which is negative, steps go too far.
    """
    far = np.sqrt(1 + squares[:measurements])
    found = np.array([squares, np.ones_like(squares), np.zeros_like(squares)])
    found[0, :measurements] = 2 * (far - 1)
    found[1, :measurements] = 1 / far
    return found


def _fitted(
    amounts: Sequence[Amount], start: Mapping[str, int], after: Mapping[str, int], errors: Floats
) -> list[Fitted]:
    """The amounts `after` the fit, with the `errors` of their logarithms."""
    return [
        Fitted(
            amount.key,
            start[amount.key],
            after[amount.key],
            amount.estimate,
            float(error * after[amount.key]),
            float(1 - (error / np.log1p(amount.spread)) ** 2),
        )
        for amount, error in zip(amounts, errors, strict=True)
    ]


def at(amounts: Sequence[Amount], logs: Floats) -> dict[str, int]:
    """Amounts whose ratios to their estimates have these logarithms, whole ns."""
    return {
        amount.key: max(1, round(amount.estimate * float(np.exp(log))))
        for amount, log in zip(amounts, logs, strict=True)
    }


def _check(amounts: Sequence[Amount], slopes: Floats) -> None:
    """Refuse amounts that move no measurement; `slopes`: [measurements, amounts]."""
    moved = np.abs(slopes).max(axis=0)
    idle = [amount.key for amount, most in zip(amounts, moved, strict=True) if not most]
    if idle:
        what = f"under-determined: no measurement depends on {', '.join(idle)}"
        raise UsageError("fit", what, "amounts that the fitted panels are charged with")
