"""The greatest rate that a system takes without losing frames: where the papers measure. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from falcon_ctl.errors import UsageError
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import measure as measures
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.metrics import Metrics

LOSS = 0.001  # of the frames: below it, a rate counts as taken
STEPS = 8  # halvings of the interval: the rate is found to 1/256 of what was offered


class Highest(NamedTuple):
    """The greatest rate without drops, and what was measured at it."""

    load: Stream
    metrics: Metrics


def highest(
    system: System,
    load: Stream,
    seed: int,
    loss: float = LOSS,
    steps: int = STEPS,
    measure: Callable[[System, Stream, int], Metrics] = measures.measure,
) -> Highest:
    """Raise the rates of `load` together, to at most what they are, until frames are dropped.

    A bisection: it takes for granted that a greater rate loses no less.

    Raises:
        UsageError: frames are lost even at the smallest rate that was tried.
    """
    below, above, found = 0.0, 1.0, measure(system, load, seed)
    if found.lost <= loss * found.sent:
        return Highest(load, found)
    best = None
    for _ in range(steps):
        share = (below + above) / 2
        tried = replace(load, rates=tuple(rate * share for rate in load.rates))
        found = measure(system, tried, seed)
        if found.lost <= loss * found.sent:
            below, best = share, Highest(tried, found)
        else:
            above = share
    if best is None:
        expected = f"rates of which at least 1/{2**steps} is taken without drops"
        raise UsageError("rates", str(load.rates[0]), expected)
    return best
