"""The work of a packet in one stage: what it costs, what is recorded, where it goes next.

The first stage has two halves: the driver's for each frame (ring, skb), then GRO and the stack for
each skb that GRO makes of them.  They run one after the other in one poll, or are split over two
CPUs with the backlog between them.  RPS at the NIC splits once more, behind GRO.
"""

from __future__ import annotations

from typing import Any

from rxpath.compile.jit import inlined, inner
from rxpath.model import backlog, gro, output, resequencer, sockets, steering
from rxpath.model import cpu as cpus
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inlined
def start_frame(state: State, cpu: int, queue: int, slot: int, now: int, choose: Any) -> None:
    """The driver polls a frame off the ring."""
    host, slots = state.host, state.slot
    row, tcp = slots[slot, lay.S_ROW], _tcp(slots, slot)
    if host[lay.KNOB, lay.K_RESEQUENCE] != lay.OFF:
        resequencer.follow(state, slot)
    napi = steering.split(state, cpu, queue, slot, choose)
    slots[slot, lay.S_TARGET] = napi
    cost = host[row, lay.R_FRAME + tcp]
    cost += host[row, lay.R_FRAME_KIB + tcp] * slots[slot, lay.S_LENGTH] >> 10
    if napi != queue:
        cost += host[lay.COST, lay.X_SPLIT_SEND]
    else:
        cost += _gro_cost(state, slot, row, tcp)
    begin(state, cpu, slot, lay.NAPI, lay.CHOICE_NONE, now)
    cpus.start(state, cpu, now, lay.WORK_FRAME, slot, cost)


@inlined
def start_skb(state: State, cpu: int, slot: int, now: int) -> None:
    """A softirq takes the skb off a gro_cell or backlog."""
    host, slots = state.host, state.slot
    row, tcp = slots[slot, lay.S_ROW], _tcp(slots, slot)
    split = slots[slot, lay.S_SPLIT]
    if split == lay.SPLIT_GRO:
        kind = lay.SPLIT
        cost = host[lay.COST, lay.X_SPLIT_RECEIVE] + _gro_cost(state, slot, row, tcp)
    elif split == lay.SPLIT_STACK:
        kind = lay.RPS
        cost = host[lay.COST, lay.X_SPLIT_RECEIVE] + stack_cost(host, slots, slot)
    else:
        kind = host[row, lay.R_KIND]
        cost = stack_cost(host, slots, slot)
    if slots[slot, lay.S_FROM] != cpu:
        cost += host[lay.COST, lay.X_CACHE_PENALTY]
    begin(state, cpu, slot, kind, slots[slot, lay.S_CHOICE], now)
    cpus.start(state, cpu, now, lay.WORK_SKB, slot, cost)


@inlined
def start_post(state: State, cpu: int, slot: int, now: int) -> None:
    """An skb that left GRO goes up the stack."""
    cost = _cost_behind_gro(state, slot)
    cpus.start(state, cpu, now, lay.WORK_POST, slot, cost)


@inlined
def finish(state: State, cpu: int, napi: int, slot: int, work: int, now: int, choose: Any) -> None:
    """Softirq work is done: GRO takes the packet, or its socket, or it is queued for a CPU."""
    slots = state.slot
    in_first = work != lay.WORK_SKB or slots[slot, lay.S_SPLIT] == lay.SPLIT_GRO
    slots[slot, lay.S_SPLIT] = lay.SPLIT_NONE
    to, position = lay.NONE, lay.FIRST
    if work == lay.WORK_FRAME and slots[slot, lay.S_TARGET] != napi:
        to = slots[slot, lay.S_TARGET]
        slots[slot, lay.S_SPLIT] = lay.SPLIT_GRO
    elif in_first:
        if work == lay.WORK_FRAME:
            steering.remember(state, slot, lay.FIRST, napi)
        if work != lay.WORK_POST and gro.applies(state, slot):
            gro.receive(state, napi, cpu, slot)
            return
        if state.host[lay.KNOB, lay.K_NIC_STEERING] != lay.OFF:
            to, position = steering.behind_gro(state, cpu, slot, choose), lay.NIC_POSITION
            if to != lay.NONE:
                slots[slot, lay.S_SPLIT] = lay.SPLIT_STACK
    end(state, slot, now)
    slots[slot, lay.S_FROM] = cpu
    slots[slot, lay.S_HOP] += 1
    if to == lay.NONE:
        to, position = _next_stage(state, cpu, slot, now, choose)
    if to != lay.NONE:
        _queue(state, cpu, to, slot, position, now)


@inlined
def _next_stage(state: State, cpu: int, slot: int, now: int, choose: Any) -> tuple[int, int]:
    """The queue of the next stage and its position, or -1: the packet is at its chain's end."""
    host, slots = state.host, state.slot
    row = slots[slot, lay.S_ROW] + 1
    slots[slot, lay.S_ROW] = row
    kind = host[row, lay.R_KIND]
    if kind == lay.SOCKET:
        if slots[slot, lay.S_ORDER] == lay.ORDER_NONE:
            sockets.enqueue(state, cpu, slot, now)
        else:
            resequencer.arrive(state, cpu, slot, now)
        return lay.NONE, lay.FIRST
    if kind == lay.DENY:
        _lose(state, cpu, slot, lay.PLACE_POLICY, now)
        return lay.NONE, lay.FIRST
    return steering.next_queue(state, cpu, slot, choose), host[row, lay.R_POSITION]


@inner
def stack_cost(host: Table, slots: Table, slot: int) -> int:
    """Cost in ns of an skb in its present stage: per skb, per frame of it, per KiB."""
    row, tcp = slots[slot, lay.S_ROW], _tcp(slots, slot)
    cost: int = host[row, lay.R_SKB + tcp]
    cost += host[row, lay.R_SEGMENT + tcp] * slots[slot, lay.S_FRAMES]
    cost += host[row, lay.R_SKB_KIB + tcp] * slots[slot, lay.S_LENGTH] >> 10
    return cost


@inner
def begin(state: State, cpu: int, slot: int, kind: int, choice: int, now: int) -> None:
    """Write the start of the present stage to the skb's record."""
    slots = state.slot
    if not slots[slot, lay.S_RECORDED]:
        return
    record = state.record[slot, slots[slot, lay.S_HOP]]
    record[lay.REC_KIND] = kind
    record[lay.REC_IFINDEX] = state.host[slots[slot, lay.S_ROW], lay.R_IFINDEX]
    record[lay.REC_CPU] = cpu
    record[lay.REC_CHOICE] = choice
    record[lay.REC_ENQUEUE] = slots[slot, lay.S_ENQUEUED]
    record[lay.REC_START] = now
    record[lay.REC_END] = now


@inner
def end(state: State, slot: int, now: int) -> None:
    """Write the end of the present stage to the skb's record."""
    if state.slot[slot, lay.S_RECORDED]:
        state.record[slot, state.slot[slot, lay.S_HOP], lay.REC_END] = now


@inner
def _tcp(slots: Table, slot: int) -> int:
    return 1 if slots[slot, lay.S_PROTOCOL] == lay.TCP else 0


@inner
def _gro_cost(state: State, slot: int, row: int, tcp: int) -> int:
    """GRO of one frame, and the stack at once where GRO does not hold it."""
    cost: int = state.host[row, lay.R_GRO + tcp]
    if not gro.applies(state, slot):
        cost += _cost_behind_gro(state, slot)
    return cost


@inner
def _cost_behind_gro(state: State, slot: int) -> int:
    """The stack's cost, or that of queueing the skb for another CPU's [enqueue_to_backlog]."""
    if state.host[lay.KNOB, lay.K_NIC_STEERING] == lay.ON:
        cost: int = state.host[lay.COST, lay.X_SPLIT_SEND]
        return cost
    return stack_cost(state.host, state.slot, slot)


@inlined
def _queue(state: State, cpu: int, napi: int, slot: int, position: int, now: int) -> None:
    """Queue the skb for its next stage; its loss is the queue's."""
    if backlog.enqueue(state, cpu, napi, slot, now):
        steering.remember(state, slot, position, napi)
        return
    place = lay.PLACE_BACKLOG if napi >= lay.BACKLOG_NAPI else lay.PLACE_GRO_CELL
    _lose(state, cpu, slot, place, now)


@inner
def _lose(state: State, cpu: int, slot: int, place: int, now: int) -> None:
    """The skb is dropped; what waited for it in its flow's order goes on."""
    if state.slot[slot, lay.S_ORDER] == lay.ORDER_NONE:
        output.leave(state, slot, lay.DROP, place, now, cpu)
    else:
        resequencer.forget(state, slot)
        output.leave(state, slot, lay.DROP, place, now, cpu)
        resequencer.let_go(state, cpu, state.slot[slot, lay.S_FLOW], now)
