"""What `make bench` concludes from trials, on simulated switches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.switch_load import Trial
from benchmarks.switch_search import PRECISION, highest
from benchmarks.switch_tables import KINDS, slowest_writes

Offer = Callable[[int], Trial]


def trial(rate: int, lost: int, *, sent: int = 10_000, offered: float | None = None) -> Trial:
    return Trial(
        rate=rate,
        offered=rate if offered is None else offered,
        sent=sent,
        arrived=sent - lost,
        lost=lost,
        missed=0,
        latency_ns=np.zeros(sent - lost),
    )


def switch(capacity: int) -> Offer:
    """A switch that drops what exceeds its capacity."""
    return lambda rate: trial(rate, max(0, 10_000 - 10_000 * capacity // rate))


@pytest.mark.parametrize("capacity", [300, 2_000, 5_999, 43_210, 1_000_000])
def test_the_highest_rate_is_found(capacity: int) -> None:
    best = highest(switch(capacity)).best
    assert best is not None
    assert capacity * (1 - PRECISION) <= best.rate <= capacity * 1.002


def test_a_loss_of_a_thousandth_is_too_much() -> None:
    assert highest(lambda rate: trial(rate, 10)).best is None
    lossy = highest(lambda rate: trial(rate, 9 if rate <= 8_000 else 10)).best
    assert lossy is not None
    assert lossy.rate <= 8_000


def test_a_disturbed_trial_is_made_again() -> None:
    calls: dict[int, int] = {}

    def disturbed(rate: int) -> Trial:
        calls[rate] = calls.get(rate, 0) + 1
        return trial(rate, 5_000) if calls[rate] == 1 else switch(10_000)(rate)

    best = highest(disturbed).best
    assert best is not None
    assert best.rate > 9_600


def test_a_disturbance_of_many_trials_is_got_over() -> None:
    """A rate that failed during a disturbance is tried again after it."""
    made = 0

    def disturbed(rate: int) -> Trial:
        nonlocal made
        made += 1
        return trial(rate, 5_000) if 4 < made < 12 else switch(40_000)(rate)

    best = highest(disturbed).best
    assert best is not None
    assert best.rate > 38_000


def test_trials_in_which_the_generator_lags_do_not_count_against_the_switch() -> None:
    calls: dict[int, int] = {}

    def lagging(rate: int) -> Trial:
        calls[rate] = calls.get(rate, 0) + 1
        return trial(rate, 5_000, offered=1) if calls[rate] <= 3 else switch(10_000)(rate)

    best = highest(lagging).best
    assert best is not None
    assert best.rate > 9_600


def test_a_slow_generator_is_distinguished_from_a_slow_switch() -> None:
    def slow_generator(rate: int) -> Trial:
        return trial(rate, 0, offered=min(rate, 50_000))

    found = highest(slow_generator)
    assert found.limited
    assert found.best is not None
    assert found.best.rate <= 50_000 / 0.99
    assert not highest(switch(50_000)).limited


def test_single_writes_and_whole_batches_count_as_writes() -> None:
    cells = {1: {"writes_per_second": 5}, 1_000: {"writes_per_second": 2_000}}
    figures = {"single_writes_per_second": 3_000, **dict.fromkeys(KINDS, cells)}
    assert slowest_writes(figures) == 2_000
    assert slowest_writes({**figures, "single_writes_per_second": 900}) == 900
    only: dict[str, Any] = {name: {1: cells[1]} for name in KINDS}
    assert slowest_writes({"single_writes_per_second": 900, **only}) == 900
