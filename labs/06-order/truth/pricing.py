"""The answers of task 5, from the model, and the slips that people make in reading its table."""

from __future__ import annotations

from functools import cache
from typing import Any

WITHIN = 0.03  # of the right value, an answer


@cache
def runs(rate: int, seed: int) -> tuple[Any, ...]:
    """The model's counters: no guard, RFS's rule, hand-over."""
    # Not at the top: only these answers need the model, and it takes a second to load.
    from falcon_ctl.papers.layout import BUSY
    from falcon_ctl.papers.loads import TESTBED
    from falcon_ctl.systems.catalogue import FALCON, PUBLISHED, RFS_RULE
    from falcon_ctl.systems.system import merge_knobs
    from falcon_ctl.virtual.loads import Stream
    from falcon_ctl.virtual.measure import measure

    rates, knobs = (float(rate),) * 10, merge_knobs(TESTBED, BUSY.knobs)
    load = Stream(rates, 10, warm_ms=5, surge=4.0, surging=1, paced=True, message=16, knobs=knobs)
    return tuple(measure(system, load, seed) for system in (PUBLISHED, RFS_RULE, FALCON))


def answers(given: dict[str, Any]) -> dict[str, float]:
    """The right answers, from the model."""
    none, by_rfs, by_handover = runs(given["price_rate"], given["price_seed"])
    return {
        "reordered_percent": round(100 * none.reordered / none.delivered, 3),
        "rate_kept_rfs": round(by_rfs.pps / none.pps, 4),
        "rate_kept_handover": round(by_handover.pps / none.pps, 4),
        "held_us": round(by_handover.held_ns / by_handover.held / 1000, 2),
    }


def slips(given: dict[str, Any]) -> list[tuple[str, float, str]]:
    """(question, an answer that is wrong, what was mistaken)."""
    none, by_rfs, by_handover = runs(given["price_rate"], given["price_seed"])
    right = answers(given)
    percent = "this is a percentage; the question asks for a ratio such as 0.85"
    delivered = "this is the ratio of the column delivered, which counts packets before and after the measured time as well; take packets/s"
    by_all = "this is the sum of the holds over all packets; only those that were held count"
    return [
        ("reordered_percent", right["reordered_percent"] / 100, "this is a ratio, not a percentage"),
        ("rate_kept_rfs", 100 * right["rate_kept_rfs"], percent),
        ("rate_kept_handover", 100 * right["rate_kept_handover"], percent),
        ("rate_kept_rfs", by_rfs.delivered / none.delivered, delivered),
        ("held_us", by_handover.held_ns / by_handover.delivered / 1000, by_all),
        ("held_us", by_handover.held_ns / 1000, "this is the sum of all holds, not the mean"),
    ]  # fmt: skip


def near(answer: float, value: float) -> bool:
    """Whether an answer is right but for rounding."""
    return abs(answer - value) <= WITHIN * abs(value) + 0.005
