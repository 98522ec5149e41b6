"""Least squares over amounts, each a multiple of its estimate; how well it is determined. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from falcon_ctl.errors import UsageError
from falcon_ctl.fit.amounts import Amount

Floats = NDArray[np.float64]
Modelled = Callable[[Mapping[str, int]], Floats]
_STEP = 0.08  # of an estimate: amounts are whole ns, and runs are random
_LEAST, _MOST = 0.2, 5.0  # of an estimate: the bounds
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
    cost: float  # half the sum of squares, in units of the errors


def solve(
    amounts: Sequence[Amount],
    start: Mapping[str, int],
    modelled: Modelled,
    value: Floats,
    sigma: Floats,
    rounds: int = 6,
    progress: Callable[[], None] = lambda: None,
) -> Solution:
    """The amounts that minimise the squares of (modelled - `value`) / `sigma`.

    The estimates count as measurements with their spreads. `start`: the amounts to begin with;
    `rounds`: steps at most. `progress` is called after each evaluation of the model.

    Raises:
        UsageError: no measurement depends on some of the amounts.
    """
    spreads = np.array([amount.spread for amount in amounts])

    def model(factors: Floats) -> Floats:
        found = modelled(at(amounts, factors))
        progress()
        return (found - value) / sigma

    def residuals(factors: Floats) -> Floats:
        return np.concatenate([model(factors), (factors - 1) / spreads])

    def jacobian(factors: Floats) -> Floats:
        here = model(factors)
        columns = [(model(factors + _STEP * unit) - here) / _STEP for unit in np.eye(len(amounts))]
        return np.vstack([np.array(columns).T, np.diag(1 / spreads)])

    begun = [start[amount.key] / amount.estimate for amount in amounts]
    origin = np.clip(begun, _LEAST, _MOST)
    slopes = jacobian(origin)
    _check(amounts, slopes[: len(value)])
    found = least_squares(
        residuals,
        origin,
        jac=jacobian,
        bounds=(_LEAST, _MOST),
        max_nfev=rounds,
        x_scale=spreads,
        xtol=1e-4,
        ftol=1e-6,
    )
    errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    return Solution(
        _fitted(amounts, start, at(amounts, found.x), errors),
        model(origin) * sigma + value,
        found.fun[: len(value)] * sigma + value,
        float(found.cost),
    )


def _fitted(
    amounts: Sequence[Amount], start: Mapping[str, int], after: Mapping[str, int], errors: Floats
) -> list[Fitted]:
    """The amounts `after` the fit, with their `errors` in multiples of the estimates."""
    return [
        Fitted(
            amount.key,
            start[amount.key],
            after[amount.key],
            amount.estimate,
            float(error * amount.estimate),
            float(1 - (error / amount.spread) ** 2),
        )
        for amount, error in zip(amounts, errors, strict=True)
    ]


def at(amounts: Sequence[Amount], factors: Floats) -> dict[str, int]:
    """Amounts at these multiples of their estimates, whole ns."""
    return {
        amount.key: max(1, round(amount.estimate * factor))
        for amount, factor in zip(amounts, factors, strict=True)
    }


def _check(amounts: Sequence[Amount], slopes: Floats) -> None:
    """Refuse amounts that move no measurement; `slopes`: [measurements, amounts]."""
    moved = np.abs(slopes).max(axis=0)
    idle = [amount.key for amount, most in zip(amounts, moved, strict=True) if not most]
    if idle:
        what = f"under-determined: no measurement depends on {', '.join(idle)}"
        raise UsageError("fit", what, "amounts that the fitted panels are charged with")
