"""Packets of a run under the virtual clock. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from falcon_ctl.systems.system import System
from falcon_ctl.timeline.from_recording import devices
from falcon_ctl.timeline.packets import Hops, Integers, Origin, Packets, Recorded, joined
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import senders
from rxpath import results
from rxpath.config.knobs import RSS_ENTRIES, Knobs
from rxpath.host import Model
from rxpath.results import DROP_REASONS, STAGE_KINDS, Frames

REASONS = ("", *DROP_REASONS)
_RX_MISSED = REASONS.index("rx_missed")  # has no event: known from the trace alone
_KINDS = {kind: code for code, kind in enumerate(STAGE_KINDS)}


def stream(system: System, load: Stream, seed: int, group: str, proto: str = "udp") -> Recorded:
    """The open loop that `falcon_ctl.virtual.measure.senders` drives, recorded.

    `group`: on whose tracks it is. Raises as `senders` does.
    """
    model, trace = senders(system, load, seed, proto, records=True)
    frames = [compact(part) for part in results.follow(model, trace)]
    label = f"{system.title}: {proto.upper()}, seed {seed}"
    return of_trace(model, trace, frames, group, label)


def of_trace(
    model: Model, trace: Any, parts: Iterable[Packets], group: str, label: str
) -> Recorded:
    """The run that brought the frames of `trace` (`rxpath.drivers.virtual`) into `model`.

    `parts`: what came of them (`compact`), in any order.
    """
    packets = _numbered(joined(list(parts)), trace)
    knobs = model.knobs
    queues = queues_of(knobs, trace["rss_hash"])
    packets = packets._replace(queue=queues[packets.number], socket=trace["socket"][packets.number])
    origin = Origin(
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
    return Recorded(origin, packets)


def compact(frames: Frames) -> Packets:
    """Frames as columns; their numbers, queues and sockets are not known here."""
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
        socket=unknown,
        reason=reason,
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
        socket=np.zeros(len(numbers), np.int64),
        reason=np.full(len(numbers), _RX_MISSED),
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
