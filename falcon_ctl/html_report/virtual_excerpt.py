"""Some packets of a run under the virtual clock, from its record. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from falcon_ctl.capture.trace import Stage
from falcon_ctl.html_report import excerpt
from falcon_ctl.html_report.excerpt import Shown
from falcon_ctl.timeline.packets import Packets, Recorded, kind_name, works
from falcon_ctl.virtual.loads import Closed, Load, Stream

MOST_RECORDED = 100_000  # frames of a run that is recorded for its page
_LOOKED_AT = 4_000  # packets around the shown ones
_SECOND_CHOICE = 2


def shortened(load: Load) -> Load:
    """The load, ended early where it has more frames than are recorded."""
    if isinstance(load, Closed):
        return load  # records its first frames only
    per_ms = sum(load.rates) * max(1.0, load.surge or 1.0) / 1000 * _frames(load)
    room = max(1, int(MOST_RECORDED / max(per_ms, 1.0)))
    warm = min(load.warm_ms, max(0, room - 1))
    return replace(load, warm_ms=warm, ms=max(1, min(load.ms, room - warm)))


def _frames(load: Stream) -> int:
    """Of a message, at least."""
    return 1 + load.message // 1500


def of_recorded(label: str, profile: str, proto: str, found: Recorded) -> dict[str, Any]:
    """The excerpt of a run; `label` as readers are told what ran, `profile` its chain."""
    near = _around(found.packets)
    packets = list(_shown(near, found, proto))
    made = excerpt.excerpt(label, profile, 1, packets)
    total = int(found.packets.size)
    if total > near.size:
        made["chosen"] += f"; {total:,} were recorded"
    return {**made, "title": label, "cores": _cores(found.packets)}


def _cores(packets: Packets) -> dict[str, dict[str, float]]:
    """CPU → stage → percent of the recorded time."""
    first, _ = works(packets.hops)
    hops = packets.hops.where(first)
    if not len(hops.end):
        return {}
    span = max(1, int(hops.end.max() - packets.arrival.min()))
    found = {}
    for cpu in np.unique(hops.cpu).tolist():
        mine = hops.where(hops.cpu == cpu)
        order = np.lexsort((mine.end, mine.start))
        kinds = [kind_name(kind) for kind in mine.kind[order].tolist()]
        ran = zip(mine.start[order].tolist(), mine.end[order].tolist(), kinds, strict=True)
        found[str(cpu)] = excerpt.shares(list(ran), span)
    return found


def _around(packets: Packets) -> Packets:
    """Those in order of arrival around the first one that moved, or around the middle.

    Without those that no CPU has seen.
    """
    seen = np.zeros(packets.size, bool)
    seen[packets.hops.packet] = True
    packets = packets.where(seen)
    rank = np.empty(packets.size, np.int64)
    rank[np.lexsort((packets.number, packets.arrival))] = np.arange(packets.size)
    moved = rank[packets.hops.packet[packets.hops.choice == _SECOND_CHOICE]]
    middle = int(moved.min()) if len(moved) else packets.size // 2
    first = max(0, min(middle - _LOOKED_AT // 2, packets.size - _LOOKED_AT))
    return packets.where((rank >= first) & (rank < first + _LOOKED_AT))


def _shown(packets: Packets, found: Recorded, proto: str) -> Iterator[Shown]:
    """All of them, in the order of their arrival."""
    origin, hops = found.origin, packets.hops
    begins = np.searchsorted(hops.packet, np.arange(packets.size + 1)).tolist()
    columns = zip(*(column.tolist() for column in hops[1:]), strict=True)
    stages = [Stage(kind_name(kind), *rest) for kind, *rest in columns]
    for row in np.lexsort((packets.number, packets.arrival)).tolist():
        reason = origin.reasons[int(packets.reason[row])]
        yield Shown(
            number=int(packets.number[row]),
            arrival=int(packets.arrival[row]),
            delivered=0 if reason else max(0, int(packets.ended[row])),
            dropped=reason or ("" if packets.ended[row] >= 0 else "queued"),
            stages=stages[begins[row] : begins[row + 1]],
            flow=f"{proto.upper()} {origin.flows[int(packets.flow[row])]}",
            queue=int(packets.queue[row]),
        )
