"""Keeps what became of the frames of a closed loop: when each left the host, and its stages."""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state.codes import DROP, RX_MISSED
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event
from rxpath.tcp.state import Senders


@inner
def keep(state: State, senders: Senders, event: Event) -> None:
    """Keep what an event says of a frame, whose slot was not used again yet."""
    if senders.most_kept == 0:
        return
    if senders.kept == senders.most_kept:
        senders.not_kept += 1
        return
    row = senders.frames[senders.kept]
    senders.kept += 1
    row.kind, row.flow, row.socket = event.kind, event.flow, event.socket
    row.time, row.cpu, row.reason, row.latency = event.time, event.cpu, event.reason, event.latency
    count = state.hops[event.slot].count
    row.count = count
    for number in range(count):
        stage, copy = state.records[event.slot].stages[number], row.stages[number]
        copy.kind, copy.ifindex = stage.kind, stage.ifindex
        copy.cpu, copy.choice = stage.cpu, stage.choice
        copy.enqueue, copy.start, copy.end = stage.enqueue, stage.start, stage.end
        copy.held = stage.held


@inner
def keep_missed(senders: Senders, flow: int, socket: int, now: int) -> None:
    """Keep a frame that found the RX ring full, of which there is no event."""
    if senders.most_kept == 0:
        return
    if senders.kept == senders.most_kept:
        senders.not_kept += 1
        return
    row = senders.frames[senders.kept]
    senders.kept += 1
    row.kind, row.flow, row.socket = DROP, flow, socket
    row.time, row.cpu, row.reason, row.latency, row.count = now, 0, RX_MISSED, 0, 0
