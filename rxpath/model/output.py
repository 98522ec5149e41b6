"""Frames leave the model: counted, and written to the driver's array while it has room.

An skb that GRO merged leaves as its frames, one by one, in order.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.fifo import pop_slot, push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inner
def leave(state: State, slot: int, kind: int, place: int, now: int, cpu: int) -> None:
    """The skb ``slot`` is delivered or dropped; its frames wait for `drain`."""
    slots = state.slot
    slots[slot, lay.S_OUT_KIND] = kind
    slots[slot, lay.S_OUT_PLACE] = place
    slots[slot, lay.S_OUT_TIME] = now
    slots[slot, lay.S_OUT_CPU] = cpu
    if slots[slot, lay.S_RECORDED]:
        _complete_records(state, slot)
    push_slot(state.host, lay.CLOCK, lay.CK_OUT_HEAD, slots, slot)


@inner
def _complete_records(state: State, slot: int) -> None:
    """Give every merged frame what its skb lived through since the merge.

    A frame is dropped when it is about to enter a stage: that one has not begun.
    """
    last = state.slot[slot, lay.S_HOP]
    if state.slot[slot, lay.S_OUT_KIND] == lay.DROP:
        last -= 1
    state.hop[slot] = last + 1
    frame = state.slot[slot, lay.S_FRAME]
    while frame >= 0:
        if state.slot[frame, lay.S_RECORDED]:
            _complete_record(state, slot, frame, last)
        frame = state.slot[frame, lay.S_FRAME]


@inlined
def _complete_record(state: State, slot: int, frame: int, last: int) -> None:
    merged = state.slot[frame, lay.S_MERGED]
    state.record[frame, merged, lay.REC_END] = state.record[slot, merged, lay.REC_END]
    for hop in range(merged + 1, last + 1):
        for column in range(lay.RECORD_COLUMNS):
            state.record[frame, hop, column] = state.record[slot, hop, column]
    state.hop[frame] = last + 1


@inner
def waiting(host: Table) -> bool:
    """Whether frames wait for room in the driver's array."""
    none = host[lay.CLOCK, lay.CK_OUT_FRAME] & host[lay.CLOCK, lay.CK_OUT_HEAD]  # both negative
    some: bool = none >= 0
    return some


@inner
def drain(state: State, out: Table, count: int, room: int) -> int:
    """Write waiting frames to ``out`` [room] from row ``count`` on; the new count."""
    clock = state.host[lay.CLOCK]
    while count < room and waiting(state.host):
        if clock[lay.CK_OUT_FRAME] < 0:
            _next_chain(state)
        frame = clock[lay.CK_OUT_FRAME]
        clock[lay.CK_OUT_FRAME] = state.slot[frame, lay.S_FRAME]
        _write(state, frame, out[count])
        count += 1
    return count


@inlined
def _next_chain(state: State) -> None:
    """Take the next skb; what holds for all of its frames moves to the clock's row.

    The driver may use the first frame's slot again before the last frame is written.
    """
    clock = state.host[lay.CLOCK]
    slot = pop_slot(state.host, lay.CLOCK, lay.CK_OUT_HEAD, state.slot)
    clock[lay.CK_OUT_FRAME] = slot
    clock[lay.CK_OUT_KIND] = state.slot[slot, lay.S_OUT_KIND]
    clock[lay.CK_OUT_PLACE] = state.slot[slot, lay.S_OUT_PLACE]
    clock[lay.CK_OUT_TIME] = state.slot[slot, lay.S_OUT_TIME]
    clock[lay.CK_OUT_CPU] = state.slot[slot, lay.S_OUT_CPU]


@inlined
def _write(state: State, frame: int, event: Table) -> None:
    clock = state.host[lay.CLOCK]
    slot = state.slot[frame]
    event[lay.EV_KIND] = clock[lay.CK_OUT_KIND]
    event[lay.EV_SLOT] = frame
    event[lay.EV_FLOW] = slot[lay.S_FLOW]
    event[lay.EV_SOCKET] = slot[lay.S_SOCKET]
    event[lay.EV_TIME] = clock[lay.CK_OUT_TIME]
    event[lay.EV_CPU] = clock[lay.CK_OUT_CPU]
    event[lay.EV_PLACE] = clock[lay.CK_OUT_PLACE]
    event[lay.EV_LATENCY] = clock[lay.CK_OUT_TIME] - slot[lay.S_ARRIVAL]
    if clock[lay.CK_OUT_KIND] == lay.DELIVER:
        _count_delivery(state, frame)
    else:
        clock[lay.CK_DROPS + clock[lay.CK_OUT_PLACE]] += 1


@inlined
def _count_delivery(state: State, frame: int) -> None:
    """RFC 4737: a frame is reordered when one of its flow that was sent later came before it."""
    clock = state.host[lay.CLOCK]
    flow = state.flow[state.slot[frame, lay.S_FLOW]]
    clock[lay.CK_DELIVERED] += 1
    clock[lay.CK_BYTES] += state.slot[frame, lay.S_WIRE]
    flow[lay.F_DELIVERED] += 1
    number = state.slot[frame, lay.S_NUMBER]
    if number >= flow[lay.F_EXPECTED]:
        flow[lay.F_EXPECTED] = number + 1
    else:
        flow[lay.F_REORDERED] += 1
        clock[lay.CK_REORDERED] += 1
