"""The work of a packet in one stage: what it costs, what is recorded, where it goes next.

The first stage has two halves: the driver's for each frame (ring, skb), then GRO and the stack for
each skb that GRO makes of them.  They run one after the other in one poll, or are split over two
CPUs with the backlog between them.  RPS at the NIC splits once more, behind GRO.

IP fragments have a chain of their own, in which the last softirq is cut in two: each fragment pays
for the way to ip_defrag, and the datagram, once it is whole, for the protocol behind it.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cache, gro, order, output, reassembly, resequencer, steering
from rxpath.model import cpu as cpus
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.packets import Slot
from rxpath.model.state.settings import Stage
from rxpath.model.transitions import (
    DROPPED,
    ENTRANCE_OF,
    EXITS_OF,
    QUEUE,
    SPLIT_OFF,
    STEER,
    TO_GRO,
)


@inlined
def start_frame(state: State, cpu: int, queue: int, slot: int, now: int) -> None:
    """The driver polls a frame off the ring."""
    skb = state.slots[slot]
    first_path = state.stages[skb.stage].first_path
    if first_path and not cache.knows(state, skb):
        skb.stage = state.chains[first_path - 1].first
    stage, tcp = state.stages[skb.stage], skb.protocol == codes.TCP
    if state.knobs.resequence != codes.OFF:
        resequencer.append(state, slot)
    napi = steering.split(state, cpu, queue, slot)
    skb.target = napi
    cost = stage.frame[tcp]
    cost += stage.frame_kib[tcp] * skb.length >> 10
    if napi == queue:
        cost += stage.alloc[tcp] + _gro_cost(state, skb)
    elif tcp and state.knobs.before_alloc:
        cost += state.costs.split_send
    else:
        cost += stage.alloc[tcp] + state.costs.split_send
    begin(state, cpu, slot, codes.NAPI, codes.CHOICE_NONE, now)
    cpus.start(state, cpu, now, codes.WORK_FRAME, slot, cost)


@inlined
def start_skb(state: State, cpu: int, napi: int, slot: int, now: int) -> None:
    """A softirq takes the skb off a gro_cell or backlog.

    A gro_cell has GRO once more. What a policy steered came by netif_rx and passes it by
    [gro_cells_receive of the authors' kernel], but for mFlow's parts, whose own queues precede it.
    """
    skb = state.slots[slot]
    stage, tcp = state.stages[skb.stage], skb.protocol == codes.TCP
    if skb.waits_for == codes.WORK_SPLIT:
        kind = codes.SPLIT
        cost = state.costs.split_receive + _gro_cost(state, skb)
        if tcp and state.knobs.before_alloc:
            cost += stage.alloc[True]
    elif skb.waits_for == codes.WORK_RPS:
        kind = codes.RPS
        cost = state.costs.split_receive + stack_cost(stage, skb)
    else:
        kind = stage.kind
        cost = stack_cost(stage, skb)
        if napi < codes.BACKLOG_NAPI or state.knobs.resequence == codes.ON:
            cost += stage.cell[tcp]
    if skb.came_from != cpu:
        cost += state.costs.cache_penalty
    begin(state, cpu, slot, kind, skb.choice, now)
    cpus.start(state, cpu, now, skb.waits_for, slot, cost)


@inlined
def start_stack(state: State, cpu: int, slot: int, now: int) -> None:
    """An skb that left GRO goes up the stack, or a datagram that is whole to its protocol."""
    if state.slots[slot].waits_for == codes.WORK_DATAGRAM:
        _start_datagram(state, cpu, slot, now)
        return
    skb = state.slots[slot]
    cost = _cost_after_gro(state, skb)
    if skb.frames > 1:  # [napi_gro_complete]
        cost += state.stages[skb.stage].complete[skb.protocol == codes.TCP]
    cpus.start(state, cpu, now, codes.WORK_STACK, slot, cost)


@inner
def _start_datagram(state: State, cpu: int, slot: int, now: int) -> None:
    """ip_frag_reasm and the protocol, for all fragments of a datagram."""
    skb = state.slots[slot]
    if skb.recorded:
        reassembly.join_records(state, slot)
        frame = slot
        while frame >= 0:
            begin(state, cpu, frame, codes.DEFRAG, codes.CHOICE_NONE, now)
            frame = state.slots[frame].frame
    cost = stack_cost(state.stages[skb.stage], skb)
    cpus.start(state, cpu, now, codes.WORK_DATAGRAM, slot, cost)


@inlined
def finish(state: State, cpu: int, napi: int, slot: int, work: int, now: int) -> None:
    """Softirq work on an skb is done: take the first exit of its row in `EXITS` that applies."""
    skb, exits = state.slots[slot], EXITS_OF[work]
    if exits & SPLIT_OFF and skb.target != napi:
        _end_stage(state, cpu, slot, now)
        _queue(state, cpu, skb.target, slot, codes.WORK_SPLIT, now)
        return
    if work == codes.WORK_FRAME:
        order.remember(state, slot, codes.FIRST_POSITION, napi)
    if exits & TO_GRO and gro.applies(state, skb):
        gro.receive(state, napi, cpu, slot)
        return
    _end_stage(state, cpu, slot, now)
    skb.waits_for = work
    position = _position(state, skb)
    # A datagram's fragments have passed the guard one by one.
    if work == codes.WORK_DATAGRAM or not order.must_wait(state, slot, position, napi):
        _hand_on(state, cpu, slot, now)
        return
    lost = order.hold(state, slot, position, napi, now)
    if lost != codes.NOT_DROPPED:
        _lose(state, cpu, slot, lost, now, cpu)


@inlined
def release(state: State, cpu: int, napi: int, now: int) -> None:
    """The head of ``napi`` moved on: this CPU hands on what other CPUs held for that.

    A datagram that is whole with that has its protocol first, and then the rest: the flow's next
    one may be whole on its new CPU as soon as the hand-over is done.
    """
    slot = order.take_released(state, cpu, napi, now)
    while slot >= 0:
        skb = state.slots[slot]
        _note_held(state, slot)
        skb.held = 0
        if skb.came_from != cpu:
            state.cpus[cpu].extra += state.costs.cache_penalty
            skb.came_from = cpu
        _hand_on(state, cpu, slot, now)
        if state.cpus[cpu].ready.head >= 0:
            return
        slot = order.take_released(state, cpu, napi, now)


@inner
def _hand_on(state: State, cpu: int, slot: int, now: int) -> None:
    """The skb leaves the work that is in ``waits_for``: to the stack behind RPS, or a stage on."""
    to, waits_for = codes.NONE, codes.WORK_RPS
    if EXITS_OF[state.slots[slot].waits_for] & STEER and state.knobs.nic_steering != codes.OFF:
        to = steering.after_gro(state, cpu, slot)
    if to == codes.NONE:
        to, waits_for = _enter_next(state, cpu, slot, now), codes.WORK_STAGE
    if to != codes.NONE:
        _queue(state, cpu, to, slot, waits_for, now)


@inlined
def _enter_next(state: State, cpu: int, slot: int, now: int) -> int:
    """Through the entrance of the next stage's kind; the queue to wait in, or -1: no more."""
    skb = state.slots[slot]
    skb.stage += 1
    entrance = ENTRANCE_OF[state.stages[skb.stage].kind]
    if entrance == QUEUE:
        return steering.next_queue(state, cpu, slot)
    if entrance == DROPPED:
        _lose(state, cpu, slot, codes.NETFILTER_DROP, now, cpu)
    elif skb.order == codes.ORDER_NONE:
        resequencer.hand_on(state, cpu, slot, now)
    else:
        resequencer.arrive(state, cpu, slot, now)
    return codes.NONE


@inlined
def _end_stage(state: State, cpu: int, slot: int, now: int) -> None:
    """The skb leaves the stage that it is in, on ``cpu``."""
    end(state, slot, now)
    skb = state.slots[slot]
    skb.came_from = cpu
    skb.hop += 1


@inner
def stack_cost(stage: Stage, skb: Slot) -> int:
    """Cost in ns of an skb in a stage: per skb, per frame of it, per KiB."""
    tcp = skb.protocol == codes.TCP
    cost = stage.skb[tcp]
    cost += stage.segment[tcp] * skb.frames
    cost += stage.skb_kib[tcp] * skb.length >> 10
    return cost


@inner
def begin(state: State, cpu: int, slot: int, kind: int, choice: int, now: int) -> None:
    """Write the start of the present stage to the skb's record."""
    skb = state.slots[slot]
    if not skb.recorded:
        return
    record = state.records[slot].stages[skb.hop]
    record.kind = kind
    record.ifindex = state.stages[skb.stage].ifindex
    record.cpu = cpu
    record.choice = choice
    record.enqueue = skb.enqueued
    record.start = now
    record.end = now
    record.held = skb.held
    skb.held = 0


@inner
def _note_held(state: State, slot: int) -> None:
    """Write how long the skb was held behind the last stage to the records of its frames.

    Frames that were merged before that stage get its record later, as a whole.
    """
    skb = state.slots[slot]
    if not skb.recorded:
        return
    hop = skb.hop - 1
    state.records[slot].stages[hop].held = skb.held
    frame = skb.frame
    while frame >= 0:
        merged = state.slots[frame]
        if merged.recorded and merged.merged == hop:
            state.records[frame].stages[merged.hop].held = skb.held
        frame = merged.frame


@inner
def end(state: State, slot: int, now: int) -> None:
    """Write the end of the present stage to the skb's record."""
    skb = state.slots[slot]
    if skb.recorded:
        state.records[slot].stages[skb.hop].end = now


@inner
def _gro_cost(state: State, skb: Slot) -> int:
    """GRO of one frame, and the stack at once where GRO does not hold it."""
    cost = state.stages[skb.stage].gro[skb.protocol == codes.TCP]
    if not gro.applies(state, skb):
        cost += _cost_after_gro(state, skb)
    return cost


@inner
def _cost_after_gro(state: State, skb: Slot) -> int:
    """The stack's cost, or that of queueing the skb for another CPU's [enqueue_to_backlog]."""
    if state.knobs.nic_steering == codes.ON:
        return state.costs.split_send
    return stack_cost(state.stages[skb.stage], skb)


@inner
def _queue(state: State, cpu: int, napi: int, slot: int, waits_for: int, now: int) -> None:
    """Queue the skb for that work; when the queue is full it is lost."""
    skb = state.slots[slot]
    skb.waits_for = waits_for
    lost = order.queue(state, cpu, slot, _position(state, skb), napi, now)
    if lost != codes.NOT_DROPPED:
        _lose(state, cpu, slot, lost, now, state.slots[slot].out_cpu)


@inner
def _position(state: State, skb: Slot) -> int:
    """Where in its chain the work is that the skb waits for, or has left."""
    if skb.waits_for == codes.WORK_RPS:
        return codes.NIC_POSITION
    if skb.waits_for == codes.WORK_STAGE:
        return state.stages[skb.stage].position
    return codes.FIRST_POSITION


@inner
def _lose(state: State, cpu: int, slot: int, reason: int, now: int, place: int) -> None:
    """The skb is dropped at the CPU ``place``; what waited for it in its flow's order goes on."""
    if state.slots[slot].order == codes.ORDER_NONE:
        output.leave(state, slot, reason, now, place)
    else:
        resequencer.remove(state, slot)
        output.leave(state, slot, reason, now, place)
        resequencer.release(state, cpu, state.slots[slot].flow, now)
