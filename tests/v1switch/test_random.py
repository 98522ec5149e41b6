"""The generator of random numbers that both engines draw from."""

import pytest

from v1switch.state.random import Generator


def test_draws_are_those_of_splitmix64() -> None:
    generator = Generator(seed=1234567)
    drawn = [generator.draw() for _ in range(3)]
    # of the reference implementation, Vigna: splitmix64.c
    assert drawn == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize(("low", "high"), [(0, 0), (3, 7), (-2, 1), (0, (1 << 64) - 1)])
def test_numbers_are_between_their_limits_both_included(low: int, high: int) -> None:
    generator = Generator(seed=1)
    drawn = {generator.between(low, high, 1) for _ in range(200)}
    assert min(drawn) >= low
    assert max(drawn) <= high
    if high - low < 10:
        assert drawn == set(range(low, high + 1))


def test_wide_numbers_take_as_many_draws_as_they_need() -> None:
    generator = Generator(seed=1)
    drawn = [generator.between(0, (1 << 128) - 1, 2) for _ in range(20)]
    assert max(drawn).bit_length() > 120


def test_generators_start_differently() -> None:
    assert Generator().draw() != Generator().draw()
