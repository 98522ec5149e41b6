"""Meters against a second implementation of RFC 2698, in fractions instead of counters."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from v1switch.state.entries import MeterConfig
from v1switch.state.meters import GREEN, RED, YELLOW, Meter

US, S = 1_000, 1_000_000_000


class Reference:
    """RFC 2698 section 3, colour-blind, tokens in exact fractions."""

    def __init__(self, config: MeterConfig) -> None:
        self.config = config
        self.p, self.c = Fraction(config.pburst), Fraction(config.cburst)
        self.last = 0

    def execute(self, amount: int, now: int) -> int:
        elapsed = Fraction(now - self.last, S)
        self.last = now
        self.p = min(self.p + elapsed * self.config.pir, Fraction(self.config.pburst))
        self.c = min(self.c + elapsed * self.config.cir, Fraction(self.config.cburst))
        if self.p < amount:
            return RED
        self.p -= amount
        if self.c < amount:
            return YELLOW
        self.c -= amount
        return GREEN


@given(
    st.integers(0, 5).map(lambda n: n * 1_000_000),
    st.integers(0, 5).map(lambda n: n * 1_000_000),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 1500)), max_size=30),
)
def test_whole_tokens_give_the_colours_of_the_rfc(
    cir: int, more: int, cburst: int, pburst: int, packets: list[tuple[int, int]]
) -> None:
    # rates in whole tokens per microsecond: rounding cannot come into it
    config = MeterConfig(cir, cburst, cir + more, pburst)
    meter, reference, now = Meter(by_bytes=True, origin=0), Reference(config), 0
    meter.configure(config)
    for gap, length in packets:
        now += gap * US
        assert meter.execute(length, now) == reference.execute(length, now)


@given(st.integers(1, 10_000), st.integers(1, 50), st.integers(2, 3000))
def test_in_the_long_run_green_is_the_committed_rate(rate: int, burst: int, count: int) -> None:
    meter = Meter(by_bytes=False, origin=0)
    meter.configure(MeterConfig(rate, burst, rate, burst))
    step = S // (rate * 2)  # twice as fast as allowed
    greens = sum(meter.execute(1500, n * step) == GREEN for n in range(count))
    allowed = burst + Fraction((count - 1) * step * rate, S)
    assert min(count, allowed) - 1 <= greens <= allowed + 1


def test_no_configuration_is_green_and_bytes_are_not_packets() -> None:
    meter = Meter(by_bytes=True, origin=0)
    assert meter.execute(10**9, 0) == GREEN
    meter.configure(MeterConfig(0, 100, 0, 100))
    assert meter.execute(101, 0) == RED
    assert meter.execute(100, 0) == GREEN
    meter.configure(None)
    assert meter.execute(10**9, 0) == GREEN
