"""The highest rate that a switch forwards with next to no loss, found by bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.switch_load import Trial

LOSS = 0.001  # share of the frames that may be lost
FIRST = 2_000  # frames per second that are tried first
PRECISION = 0.03  # between the highest rate that passed and the lowest that did not
TRIES = 3  # for a rate: who else uses the machine disturbs a trial, and never helps it

Offer = Callable[[int], Trial]


class Found(NamedTuple):
    """The answer.

    Attributes:
        best: the trial at the highest rate that passed, None when none did.
        limited: whether the generator gave up before the switch did.
    """

    best: Trial | None
    limited: bool


def passes(trial: Trial) -> bool:
    """Whether a trial says that the switch forwards at its rate."""
    return trial.valid and trial.loss < LOSS


def attempt(offer: Offer, rate: int) -> Trial:
    """Try a rate until it passes, TRIES times at most; return the last trial."""
    for _ in range(TRIES):
        trial = offer(rate)
        if passes(trial):
            break
    return trial


def highest(offer: Offer, first: int = FIRST) -> Found:
    """Double the rate until a trial fails, then halve the interval."""
    low, high, best, limited = 0, 0, None, False
    rate = first
    while not high or high - low > PRECISION * high:
        trial = attempt(offer, rate)
        if passes(trial):
            low, best = rate, trial
        else:
            high, limited = rate, not trial.valid
        rate = 2 * low if not high else (low + high) // 2
        if high and high <= first // 16:
            break
    return Found(best, limited)
