"""Frames of a flow that ran in parallel get their order back in front of the socket.

A flow's order is a list of its frames as the driver took them off the ring, threaded through the
slots.  An skb whose first frame is the list's first goes to the socket; another waits in the list.
A frame that is lost on the way leaves the list, so nothing waits for it.  What waits is bounded by
netdev_max_backlog, as every queue of skbs here.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import output, sockets
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inlined
def follow(state: State, slot: int) -> None:
    """The driver took the frame off the ring: it is the last of its flow's order."""
    host, slots = state.host, state.slot
    flow = state.flow[slots[slot, lay.S_FLOW]]
    if host[lay.KNOB, lay.K_RESEQUENCE] == lay.DRAINING and flow[lay.F_FIRST] == 0:
        return
    slots[slot, lay.S_ORDER] = lay.ORDER_UNDERWAY
    slots[slot, lay.S_BEFORE] = flow[lay.F_LAST]
    slots[slot, lay.S_AFTER] = 0
    if flow[lay.F_LAST] == 0:
        flow[lay.F_FIRST] = slot + 1
    else:
        slots[flow[lay.F_LAST] - 1, lay.S_AFTER] = slot + 1
    flow[lay.F_LAST] = slot + 1
    # GRO must not merge two micro-flows: between them lie frames that are on another CPU.
    slots[slot, lay.S_KEY] += slots[slot, lay.S_NUMBER] // host[lay.KNOB, lay.K_MFLOW_BATCH] << 40


@inner
def arrive(state: State, cpu: int, slot: int, now: int) -> None:
    """The skb has passed all stages: to its socket when it is its turn, else it waits."""
    host, slots = state.host, state.slot
    flow = state.flow[slots[slot, lay.S_FLOW]]
    _forget_merged(state, slot)
    if flow[lay.F_FIRST] == slot + 1:
        _unlink(state, slot)
        sockets.enqueue(state, cpu, slot, now)
        let_go(state, cpu, slots[slot, lay.S_FLOW], now)
    elif flow[lay.F_WAITING] > host[lay.KNOB, lay.K_MAX_BACKLOG]:
        _unlink(state, slot)
        output.leave(state, slot, lay.DROP, lay.PLACE_RESEQUENCER, now, cpu)
    else:
        slots[slot, lay.S_ORDER] = lay.ORDER_WAITS
        flow[lay.F_WAITING] += 1
        host[lay.CPU + cpu, lay.C_EXTRA] += host[lay.COST, lay.X_REMOTE_ENQUEUE]


@inner
def forget(state: State, slot: int) -> None:
    """The skb is lost: nothing waits for its frames.  Then `let_go` what waited."""
    _forget_merged(state, slot)
    _unlink(state, slot)


@inner
def let_go(state: State, cpu: int, number: int, now: int) -> None:
    """Hand the skbs whose turn it is to their sockets; this CPU fetches them from others."""
    host, slots, flow = state.host, state.slot, state.flow[number]
    while flow[lay.F_FIRST] > 0:
        slot = flow[lay.F_FIRST] - 1
        if slots[slot, lay.S_ORDER] != lay.ORDER_WAITS:
            return
        _unlink(state, slot)
        flow[lay.F_WAITING] -= 1
        if slots[slot, lay.S_FROM] != cpu:
            host[lay.CPU + cpu, lay.C_EXTRA] += host[lay.COST, lay.X_CACHE_PENALTY]
            slots[slot, lay.S_FROM] = cpu
        sockets.enqueue(state, cpu, slot, now)


@inner
def _forget_merged(state: State, slot: int) -> None:
    """Frames that GRO appended to the skb go where its first one goes."""
    frame = state.slot[slot, lay.S_FRAME]
    while frame >= 0:
        _unlink(state, frame)
        frame = state.slot[frame, lay.S_FRAME]


@inner
def _unlink(state: State, slot: int) -> None:
    slots, flow = state.slot, state.flow[state.slot[slot, lay.S_FLOW]]
    if slots[slot, lay.S_ORDER] == lay.ORDER_NONE:
        return
    before, after = slots[slot, lay.S_BEFORE], slots[slot, lay.S_AFTER]
    if before > 0:
        slots[before - 1, lay.S_AFTER] = after
    else:
        flow[lay.F_FIRST] = after
    if after > 0:
        slots[after - 1, lay.S_BEFORE] = before
    else:
        flow[lay.F_LAST] = before
    slots[slot, lay.S_ORDER] = lay.ORDER_NONE
