"""Numbers as BMv2's control interface has them, and as the data plane does."""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.errors import BadValue
from v1switch.state.entries import MeterConfig

# BMv2: low numbers win; PI's inversion of that for P4Runtime (pi_tables_imp.cpp) is ours
PRIORITY_PIVOT = 2**31 - 1
PER_SECOND = 1_000_000  # BMv2's rates are per microsecond
NS_PER_MS = 1_000_000


def rank(priority: int) -> int:
    """An entry's priority in the data plane, where high numbers win."""
    return PRIORITY_PIVOT - priority


def bmv2_priority(rank_: int) -> int:
    """An entry's priority in BMv2, from that in the data plane."""
    return PRIORITY_PIVOT - rank_


def meter_config(meter: str, rates: Sequence[tuple[float, int]]) -> MeterConfig:
    """A meter's configuration: committed and peak rate (per microsecond), each with its burst.

    Raises:
        BadValue: another number of rates, or a rate that is no finite number.
    """
    if len(rates) != 2:  # v1model's meters have two rates, three colours
        raise BadValue(f"meter {meter!r}", f"{len(rates)} rates, expected 2")
    try:
        (cir, cburst), (pir, pburst) = ((round(rate * PER_SECOND), burst) for rate, burst in rates)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"meter {meter!r}", "a rate is no finite number") from error
    return MeterConfig(cir, cburst, pir, pburst)


def meter_rates(config: MeterConfig | None) -> list[tuple[float, int]]:
    """The rates of a configuration, per microsecond, with their bursts; none without one."""
    if config is None:
        return []
    pairs = ((config.cir, config.cburst), (config.pir, config.pburst))
    return [(rate / PER_SECOND, burst) for rate, burst in pairs]
