"""Events of a run: drops, rehashes, hand-overs, and FALCON switched off and on. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from falcon_ctl.timeline.packets import IN_HOST, Hops, Integers, Origin, Packets

FIRST, SECOND, OFF = 1, 2, 3  # `Hops.choice`
MOST_DROPS = 10_000  # that are shown, of each run


class Drop(NamedTuple):
    """A packet was lost; `cpu` is where, of a full queue its CPU, -1: at the NIC."""

    packet: int
    time: int
    cpu: int
    reason: str


class Move(NamedTuple):
    """A flow's stage went to another CPU: `hop` is the first one there, `before` the last one."""

    kind: str
    hop: int
    before: int


class Switched(NamedTuple):
    """FALCON switched itself off, or on again."""

    time: int
    is_off: bool


REHASH, REHASH_BACK = "rehash", "rehash back"
HAND_OVER, MOVE = "hand-over", "move"


def drops(packets: Packets, origin: Origin) -> list[Drop]:
    """All drops, in order of time."""
    lost = np.flatnonzero(packets.reason > 0)
    rows = zip(lost, packets.ended[lost], packets.place[lost], packets.reason[lost], strict=True)
    found = [Drop(int(row), int(t), int(cpu), origin.reasons[why]) for row, t, cpu, why in rows]
    return sorted((one for one in found if one.reason != IN_HOST), key=lambda one: one.time)


def moves(packets: Packets, order: str) -> Iterator[Move]:
    """Flows' stages that changed CPUs, in order of time; `order`: the order guard.

    A rehash is a change to the second choice, or back to the first. It is a hand-over, too, when
    packets of the flow still waited at the old CPU and the guard keeps them in order that way.
    """
    hops = packets.hops
    steered = np.flatnonzero(hops.choice > 0)
    if not len(steered):
        return
    chosen = hops.where(steered)
    keys = np.stack([packets.flow[chosen.packet], chosen.kind, chosen.ifindex])
    _, key = np.unique(keys, axis=1, return_inverse=True)
    key = key.reshape(-1)  # NumPy 2.0 gives it another shape
    sequence = np.lexsort((chosen.enqueue, key))
    before, after = sequence[:-1], sequence[1:]
    moved = (key[before] == key[after]) & (chosen.cpu[before] != chosen.cpu[after])
    pairs = sorted(
        zip(after[moved].tolist(), before[moved].tolist(), strict=True),
        key=lambda pair: int(chosen.enqueue[pair[0]]),
    )
    for hop, last in pairs:
        for kind in _kinds(chosen, hop, last, order):
            yield Move(kind, int(steered[hop]), int(steered[last]))


def _kinds(hops: Hops, hop: int, before: int, order: str) -> Iterator[str]:
    choices = int(hops.choice[before]), int(hops.choice[hop])
    rehashed = {(FIRST, SECOND): REHASH, (SECOND, FIRST): REHASH_BACK}.get(choices, "")
    if rehashed:
        yield rehashed
    waits = hops.held[hop] > 0 or hops.end[before] > hops.enqueue[hop]
    if order == "handover" and waits:
        yield HAND_OVER
    elif not rehashed:
        yield MOVE


def switches(packets: Packets, interval: int) -> list[Switched]:
    """When FALCON was switched off and on, by the CPUs that it chose.

    It changes only when the load is measured, every `interval` ns. What the order guard keeps on
    its old way meanwhile does not count.
    """
    hops = packets.hops
    steered = np.flatnonzero(np.isin(hops.choice, (FIRST, SECOND, OFF)))
    steered = steered[np.argsort(hops.enqueue[steered], kind="stable")]
    is_off = hops.choice[steered] == OFF
    before = np.append(False, is_off[:-1]) if len(is_off) else is_off
    found: list[Switched] = []
    for place in np.flatnonzero(is_off != before):
        time, off = int(hops.enqueue[steered[place]]), bool(is_off[place])
        state = found[-1].is_off if found else False
        if off != state and (not found or time - found[-1].time >= interval):
            found.append(Switched(time, off))
    return found


def evenly(count: int, most: int) -> Integers:
    """At most `most` of `count` indices, at equal distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
