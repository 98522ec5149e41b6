"""Frames of a flow that ran in parallel get their order back in front of the socket.

IP fragments get it back in front of their reassembly.

A flow's order is a list of its frames as the driver took them off the ring, threaded through the
slots.  An skb whose first frame is the list's first goes to the socket; another waits in the list.
A frame that is lost leaves the list, so nothing waits for it.  What waits is bounded by
netdev_max_backlog, as every queue of skbs here.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import output, reassembly, sockets
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inlined
def append(state: State, slot: int) -> None:
    """The driver took the frame off the ring: it is the last of its flow's order."""
    skb = state.slots[slot]
    flow = state.flows[skb.flow]
    if state.knobs.resequence == codes.DRAINING and flow.first == 0:
        return
    skb.order = codes.ORDER_UNDERWAY
    skb.before = flow.last
    skb.after = 0
    if flow.last == 0:
        flow.first = slot + 1
    else:
        state.slots[flow.last - 1].after = slot + 1
    flow.last = slot + 1
    # GRO must not merge two micro-flows: between them lie frames that are on another CPU.
    skb.gro_key += skb.number // state.knobs.mflow_batch << 40


@inner
def hand_on(state: State, cpu: int, slot: int, now: int) -> None:
    """The skb, whose turn it is, goes to its socket, or a fragment to its datagram."""
    if state.stages[state.slots[slot].stage].kind == codes.DEFRAG:
        reassembly.receive(state, cpu, slot, now)
    else:
        sockets.enqueue(state, cpu, slot, now)


@inner
def arrive(state: State, cpu: int, slot: int, now: int) -> None:
    """The skb has passed all stages: to its socket when it is its turn, else it waits."""
    skb = state.slots[slot]
    flow = state.flows[skb.flow]
    _remove_merged(state, slot)
    if flow.first == slot + 1:
        _unlink(state, slot)
        hand_on(state, cpu, slot, now)
        release(state, cpu, skb.flow, now)
    elif flow.waiting > state.knobs.max_backlog:
        _unlink(state, slot)
        output.leave(state, slot, codes.RESEQUENCER, now, cpu)
    else:
        skb.order = codes.ORDER_WAITS
        flow.waiting += 1
        state.cpus[cpu].extra += state.costs.remote_enqueue


@inner
def remove(state: State, slot: int) -> None:
    """The skb is lost: nothing waits for its frames.  Then `release` what waited for it."""
    _remove_merged(state, slot)
    _unlink(state, slot)


@inner
def release(state: State, cpu: int, number: int, now: int) -> None:
    """Hand the skbs whose turn it is to their sockets; this CPU fetches them from others."""
    flow = state.flows[number]
    while flow.first > 0:
        slot = flow.first - 1
        skb = state.slots[slot]
        if skb.order != codes.ORDER_WAITS:
            return
        _unlink(state, slot)
        flow.waiting -= 1
        if skb.came_from != cpu:
            state.cpus[cpu].extra += state.costs.cache_penalty
            skb.came_from = cpu
        hand_on(state, cpu, slot, now)


@inner
def _remove_merged(state: State, slot: int) -> None:
    """Frames that GRO appended to the skb go where its first one goes."""
    frame = state.slots[slot].frame
    while frame >= 0:
        _unlink(state, frame)
        frame = state.slots[frame].frame


@inner
def _unlink(state: State, slot: int) -> None:
    skb = state.slots[slot]
    flow = state.flows[skb.flow]
    if skb.order == codes.ORDER_NONE:
        return
    if skb.before > 0:
        state.slots[skb.before - 1].after = skb.after
    else:
        flow.first = skb.after
    if skb.after > 0:
        state.slots[skb.after - 1].before = skb.before
    else:
        flow.last = skb.before
    skb.order = codes.ORDER_NONE
