"""Frames leave the model: counted, and written to the driver's array while it has room.

An skb that GRO merged leaves as its frames, one by one, in order.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.compile.tables import Rows
from rxpath.model.fifo import pop, push
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event


@inner
def deliver(state: State, slot: int, now: int, cpu: int) -> None:
    """The application has the skb."""
    leave(state, slot, codes.NOT_DROPPED, now, cpu)


@inner
def leave(state: State, slot: int, reason: int, now: int, cpu: int) -> None:
    """The skb is delivered (NOT_DROPPED) or dropped; its frames wait for `drain`."""
    skb = state.slots[slot]
    skb.out_reason = reason
    skb.out_time = now
    skb.out_cpu = cpu
    if skb.recorded:
        _complete_records(state, slot)
    push(state.output.queue, state.slots, slot)


@inner
def _complete_records(state: State, slot: int) -> None:
    """Give every merged frame the stages that its skb passed since the merge.

    A frame is dropped when it is about to enter a stage: that one has not begun.  Fragments may
    have come to their reassembly in different numbers of hops.
    """
    last = state.slots[slot].hop
    if state.slots[slot].out_reason != codes.NOT_DROPPED:
        last -= 1
    state.hops[slot].count = last + 1
    frame = state.slots[slot].frame
    while frame >= 0:
        if state.slots[frame].recorded:
            _complete_record(state, slot, frame, last)
        frame = state.slots[frame].frame


@inlined
def _complete_record(state: State, slot: int, frame: int, last: int) -> None:
    merged = state.slots[frame].merged
    hop = state.slots[frame].hop
    mine, whole = state.records[frame].stages, state.records[slot].stages
    state.hops[frame].count = hop + last - merged + 1
    mine[hop].end = whole[merged].end
    for other in range(merged + 1, last + 1):
        hop += 1
        mine[hop].kind = whole[other].kind
        mine[hop].ifindex = whole[other].ifindex
        mine[hop].cpu = whole[other].cpu
        mine[hop].choice = whole[other].choice
        mine[hop].enqueue = whole[other].enqueue
        mine[hop].start = whole[other].start
        mine[hop].end = whole[other].end
        mine[hop].held = whole[other].held


@inner
def waiting(state: State) -> bool:
    """Whether frames wait for room in the driver's array."""
    return state.output.frame & state.output.queue.head >= 0  # -1 & -1: there are none


@inner
def drain(state: State, out: Rows[Event], count: int) -> int:
    """Write waiting frames to ``out`` from row ``count`` on; the new count."""
    output = state.output
    while count < len(out) and waiting(state):
        if output.frame < 0:
            _next_skb(state)
        frame = output.frame
        output.frame = state.slots[frame].frame
        _write(state, frame, out[count])
        count += 1
    return count


@inlined
def _next_skb(state: State) -> None:
    """Take the next skb; what holds for all of its frames moves to the output's row.

    The driver may use the first frame's slot again before the last frame is written.
    """
    output = state.output
    slot = pop(output.queue, state.slots)
    skb = state.slots[slot]
    output.frame = slot
    output.reason = skb.out_reason
    output.time = skb.out_time
    output.cpu = skb.out_cpu


@inlined
def _write(state: State, frame: int, event: Event) -> None:
    output, slot = state.output, state.slots[frame]
    delivered = output.reason == codes.NOT_DROPPED
    event.kind = codes.DELIVER if delivered else codes.DROP
    event.slot = frame
    event.flow = slot.flow
    event.socket = slot.socket
    event.time = output.time
    event.cpu = output.cpu
    event.reason = output.reason
    event.latency = output.time - slot.arrival
    if delivered:
        _count_delivery(state, frame)
    else:
        count_drop(state, output.reason)


@inner
def count_drop(state: State, reason: int) -> None:
    """A frame is lost: the one place where that is counted."""
    state.counters.drops[reason] += 1


@inlined
def _count_delivery(state: State, frame: int) -> None:
    """RFC 4737: a frame is reordered when one of its flow that was sent later came before it."""
    counters, slot = state.counters, state.slots[frame]
    flow = state.flows[slot.flow]
    counters.delivered += 1
    counters.bytes += slot.wire
    flow.delivered += 1
    if slot.number >= flow.expected:
        flow.expected = slot.number + 1
    else:
        flow.reordered += 1
        counters.reordered += 1
