"""The highest rate that a switch forwards with almost no loss, found by bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.switch_load import Trial

LOSS = 0.001  # share of the frames that may be lost
FIRST = 2_000  # frames per second that are tried first
PRECISION = 0.03  # between the highest rate that passed and the lowest that did not
TRIES = 3  # for a rate: other load on the machine only ever makes a trial worse
LAGS = 3  # trials in which the generator itself lagged, beyond those
DOUBTS = 2  # times that the lowest rate that failed is tried again at the end

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
    """Whether the switch forwards at the rate of a trial."""
    return trial.valid and trial.loss < LOSS


def attempt(offer: Offer, rate: int) -> Trial:
    """Try a rate until it passes, or TRIES trials say that it does not; return the last trial.

    Invalid trials do not count, up to LAGS of them.
    """
    valid = 0
    for _ in range(TRIES + LAGS):
        trial = offer(rate)
        valid += trial.valid
        if passes(trial) or valid == TRIES:
            break
    return trial


def highest(offer: Offer, first: int = FIRST) -> Found:
    """Double the rate until it fails, bisect, then retry the lowest rate that failed."""
    low, high, best, limited, doubts, rate = 0, 0, None, False, DOUBTS, first
    while True:
        trial = attempt(offer, rate)
        if passes(trial):
            low, best = rate, trial
            high = high if high > rate else 0
        else:
            high, limited = rate, not trial.valid
        if not high:
            rate = 2 * low
        elif high - low > PRECISION * high and high > first // 16:
            rate = (low + high) // 2
        elif doubts:
            rate, doubts = high, doubts - 1
        else:
            return Found(best, limited)
