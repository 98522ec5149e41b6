"""A load that is raised until a system takes no more, as the papers' stress tests are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from falcon_ctl.systems.system import VXLAN_BYTES, System, merge_knobs
from falcon_ctl.virtual.measure import Closed, Load, Metrics, Stream, measure
from falcon_ctl.virtual.wire import datagram

_CLIMB = 1.4  # from one offered rate to the next
_KEPT = 0.95  # of the offered rate is received while nothing is full; a window of 20 ms has edges
_REFINED = 5  # bisections: 1.4 ** (1 / 32) is 1 %
_GAP_BYTES = 24  # checksum, preamble and gap of a frame on the wire (IEEE 802.3)


@dataclass(frozen=True)
class Peak:
    """An open-loop load, raised until the received rate levels off and drops begin.

    Attributes:
        load: what is raised; the proportions of its rates count.
        low: where the climb begins, messages/s of all flows together.
        high: where it ends at the latest.
        gbit_per_s: of the link, which bounds it, too.
        beyond: measure at so many times the highest rate that was received, after `warm_ms`: above
            1 with full queues, below before drops; 0: at that rate.
        warm_ms: until queues are full, and what adapts has done so.
    """

    load: Stream
    low: float = 100e3
    high: float = 6e6
    gbit_per_s: float = 100.0
    beyond: float = 0
    warm_ms: int = 60


Offered = Load | Peak


def run(system: System, offered: Offered, seed: int) -> Metrics:
    """Measure `system` under a load, or under the rate of a `Peak` that it receives most at.

    Raises as `measure` does.
    """
    if isinstance(offered, Stream | Closed):
        return measure(system, offered, seed)
    best = _peak(offered, _ceiling(system, offered), lambda load: measure(system, load, seed))
    if not offered.beyond:
        return best
    load = replace(_at(offered.load, offered.beyond * best.messages_per_s), warm_ms=offered.warm_ms)
    return measure(system, load, seed)


def with_knobs(offered: Offered, knobs: Mapping[str, Any]) -> Offered:
    """The load with these knobs of the host below its own."""
    if isinstance(offered, Peak):
        load = offered.load
        return replace(offered, load=replace(load, knobs=merge_knobs(knobs, load.knobs)))
    return replace(offered, knobs=merge_knobs(knobs, offered.knobs))


def _peak(offered: Peak, high: float, measured: Callable[[Stream], Metrics]) -> Metrics:
    """Climb until less is received than offered, then bisect; the run that received most."""
    tried: list[Metrics] = []

    def keeps_up(rate: float) -> bool:
        tried.append(measured(_at(offered.load, rate)))
        return tried[-1].messages_per_s >= _KEPT * rate

    kept, lost = 0.0, min(offered.low, high)
    while keeps_up(lost) and lost < high:
        kept, lost = lost, min(_CLIMB * lost, high)
    for _ in range(_REFINED if kept and lost < high else 0):
        middle = (kept * lost) ** 0.5
        if keeps_up(middle):
            kept = middle
        else:
            lost = middle
    return max(tried, key=lambda found: found.messages_per_s)


def load_at(offered: Peak, received: float) -> Stream:
    """The load behind a peak that was found: `received` messages/s of all flows together."""
    return _at(offered.load, received * max(1.0, offered.beyond))


def _at(load: Stream, rate: float) -> Stream:
    """The load with `rate` messages/s in all."""
    whole = sum(load.rates)
    return replace(load, rates=tuple(rate * one / whole for one in load.rates))


def _ceiling(system: System, offered: Peak) -> float:
    """The highest rate that the climb may come to: the link's, or `high`."""
    load = offered.load
    size = load.size + VXLAN_BYTES * system.tunnels("udp")
    wire = datagram(system, load.message).lengths if load.message else [size]
    bits = 8 * (sum(wire) + _GAP_BYTES * len(wire))
    return min(offered.high, offered.gbit_per_s * 1e9 / bits)
