"""Packets of a run under the virtual clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from falcon_ctl.systems.system import System
from falcon_ctl.timeline.from_recording import devices
from falcon_ctl.timeline.packets import Hops, Integers, Origin, Packets, Recorded, joined
from falcon_ctl.virtual.loads import Closed, Load, Stream
from falcon_ctl.virtual.measure import MS, connected, senders, surge
from rxpath import results
from rxpath.config.knobs import RSS_ENTRIES, Knobs
from rxpath.host import Model
from rxpath.results import DROP_REASONS, STAGE_KINDS, Frames

REASONS = ("", *DROP_REASONS)
MOST_FRAMES = 100_000  # of a closed loop whose stages are kept; 60 MB
_RX_MISSED = REASONS.index("rx_missed")  # has no event: known from the trace alone
_KINDS = {kind: code for code, kind in enumerate(STAGE_KINDS)}


def recorded(system: System, load: Load, seed: int, group: str) -> Recorded:
    """A load as `falcon_ctl.virtual.measure.measure` runs it, recorded; and raises as that does.

    `group`: on whose tracks it is.
    """
    if system.custom is None:
        return _recorded(system, load, seed, group)
    return system.custom.run(
        lambda policy: _recorded(replace(system, custom=policy), load, seed, group)
    )


def _recorded(system: System, load: Load, seed: int, group: str) -> Recorded:
    if isinstance(load, Stream):
        return stream(system, load, seed, group)
    return closed(system, load, seed, group)


def stream(system: System, load: Stream, seed: int, group: str, proto: str = "udp") -> Recorded:
    """The open loop that `falcon_ctl.virtual.measure.senders` drives, recorded to its end.

    Raises as `senders` does.
    """
    model, trace = senders(system, load, seed, proto, records=True)
    return of_trace(model, trace, (group, f"{proto.upper()}, seed {seed}"))


def of_trace(
    model: Model,
    trace: Any,
    name: tuple[str, str],
    flows: Sequence[str] = (),
    sockets: Sequence[str] = (),
) -> Recorded:
    """A trace of `rxpath.drivers.virtual` run to its end by a model that records.

    `name`: of the group and the run; `flows` and `sockets`: theirs, numbers where there are none.
    """
    parts = [compact(part) for part in results.follow(model, trace)]
    packets = _numbered(joined(parts), trace)
    queues = queues_of(model.knobs, trace["rss_hash"])
    packets = packets._replace(queue=queues[packets.number])
    origin = _origin(model, *name)
    if flows:
        origin = replace(origin, flows=flows, sockets=sockets)
    return Recorded(origin, packets)


def closed(system: System, load: Closed, seed: int, group: str) -> Recorded:
    """The closed loop that `falcon_ctl.virtual.measure.connected` drives, recorded.

    Of a long run the first `MOST_FRAMES` are, and the label says so.
    """
    model, loop = connected(system, load, seed, MOST_FRAMES)
    loop.run(load.warm_ms * MS)
    surge(loop, load)
    loop.run((load.warm_ms + load.ms) * MS)
    frames, more = results.kept(loop)
    packets = compact(frames)
    by_arrival = np.lexsort((packets.flow, packets.arrival))
    numbers = np.empty(packets.size, np.int64)
    numbers[by_arrival] = np.arange(packets.size)
    hashes = np.array([one.rss_hash for one in loop.connections])
    queues = queues_of(model.knobs, hashes)[packets.flow]
    packets = sorted_by_number(packets._replace(number=numbers, queue=queues))
    label = f"TCP, seed {seed}"
    if more:
        label += f", the first {packets.size:,} of {packets.size + more:,} packets"
    return Recorded(_origin(model, group, label), packets)


def _origin(model: Model, group: str, label: str) -> Origin:
    knobs = model.knobs
    return Origin(
        group=group,
        label=label,
        flows=[f"flow {number}" for number in range(len(model.state.flows))],
        devices=devices(knobs.profile),
        sockets=[str(number) for number in range(len(model.state.sockets))],
        reasons=REASONS,
        order=knobs.falcon.order,
        interval=knobs.falcon.load_interval_ns,
        about={"clock": "virtual: model ns since the run began"},
    )


def compact(frames: Frames) -> Packets:
    """Frames as columns; their numbers and queues are not known here."""
    ran = frames.ran
    rows, _ = np.nonzero(ran)
    stages = frames.stages.where(ran)
    kinds = np.zeros(len(rows), np.int64)
    for name, code in _KINDS.items():
        kinds[stages.kind == name] = code
    reason = np.zeros(len(frames.time), np.int64)
    for code, name in enumerate(REASONS[1:], start=1):
        reason[~frames.delivered & (frames.reason == name)] = code
    unknown = np.full(len(frames.time), -1, np.int64)
    return Packets(
        number=unknown,
        arrival=frames.arrival,
        ended=frames.time,
        flow=frames.flow,
        queue=unknown,
        socket=frames.socket.astype(np.int64),
        reason=reason,
        place=np.where((reason == 0) | (reason == _RX_MISSED), -1, frames.cpu).astype(np.int64),
        hops=Hops(rows, kinds, *(column.astype(np.int64) for column in stages[1:])),
    )


def queues_of(knobs: Knobs, hashes: Integers) -> Integers:
    """RX queue of each RSS hash; -1 each where the indirection table changes (RSS++)."""
    if knobs.policy == "rss++":
        return np.full(len(hashes), -1, np.int64)
    table = np.array(knobs.rss_indirection or [i % knobs.queues for i in range(RSS_ENTRIES)])
    return table[hashes % len(table)].astype(np.int64)


def _numbered(packets: Packets, trace: Any) -> Packets:
    """With each packet's number in the trace, in that order; those without an event are added.

    Packets of one flow that arrive at the same time are told apart by nothing: they keep order.
    """
    keys = np.stack(
        [
            np.concatenate([trace["arrival"], packets.arrival]),
            np.concatenate([trace["flow"], packets.flow]),
        ]
    ).astype(np.int64)
    _, key = np.unique(keys, axis=1, return_inverse=True)
    key = key.reshape(-1)
    sent, left = key[: len(trace)], key[len(trace) :]
    numbers = np.empty(packets.size, np.int64)
    by_key = np.argsort(sent, kind="stable")
    order = np.argsort(left, kind="stable")
    ranks = np.arange(len(order)) - np.searchsorted(left[order], left[order])
    numbers[order] = by_key[np.searchsorted(sent[by_key], left[order]) + ranks]
    packets = packets._replace(number=numbers)
    lost = np.setdiff1d(np.arange(len(trace)), numbers)
    return sorted_by_number(joined([packets, _missed(trace, lost)]))


def _missed(trace: Any, numbers: Integers) -> Packets:
    """Frames that found the RX ring full."""
    none = np.zeros(0, np.int64)
    arrival = trace["arrival"][numbers].astype(np.int64)
    return Packets(
        number=numbers,
        arrival=arrival,
        ended=arrival,
        flow=trace["flow"][numbers].astype(np.int64),
        queue=np.zeros(len(numbers), np.int64),
        socket=trace["socket"][numbers].astype(np.int64),
        reason=np.full(len(numbers), _RX_MISSED),
        place=np.full(len(numbers), -1),
        hops=Hops(*(none,) * len(Hops._fields)),
    )


def sorted_by_number(packets: Packets) -> Packets:
    """The same packets in the order of their numbers."""
    order = np.argsort(packets.number, kind="stable")
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    hops = packets.hops._replace(packet=places[packets.hops.packet])
    hops = hops.where(np.argsort(hops.packet, kind="stable"))
    return Packets._make((*(column[order] for column in packets[:-1]), hops))
