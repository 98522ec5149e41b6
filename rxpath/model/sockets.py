"""Sockets and who reads them.

A receive buffer is charged with the skb's true size and refuses when it is over its limit before
the skb is added [net/ipv4/udp.c, __udp_enqueue_schedule_skb].  TCP has a buffer of its own size,
which follows the connection; its window keeps a real one from overflowing.  A thread may read many
sockets (epoll): one message of the first ready socket at a time.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import events, output
from rxpath.model.fifo import pop, pop_slot, push, push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inner
def row_of(state: State, slot: int) -> int:
    """The row of the socket that the skb is for."""
    row: int = state.host[lay.CLOCK, lay.CK_SOCKET] + state.slot[slot, lay.S_SOCKET]
    return row


@inner
def enqueue(state: State, cpu: int, slot: int, now: int) -> None:
    """The protocol hands the skb to its socket, and wakes the thread that sleeps on it."""
    host, slots = state.host, state.slot
    row = row_of(state, slot)
    of_tcp = slots[slot, lay.S_PROTOCOL] == lay.TCP
    if host[row, lay.SO_MEMORY] > host[lay.KNOB, lay.K_RCVBUF + of_tcp]:
        output.leave(state, slot, lay.DROP, lay.PLACE_SOCKET, now, cpu)
        return
    host[row, lay.SO_MEMORY] += slots[slot, lay.S_TRUESIZE]
    host[row, lay.SO_LENGTH] += 1
    slots[slot, lay.S_ENQUEUED] = now
    push_slot(host, row, lay.SO_QUEUE, slots, slot)
    task = host[row, lay.SO_TASK]
    if not host[row, lay.SO_LISTED]:
        _list(host, task, row)
    if host[lay.TASK + task, lay.T_STATE] == lay.ASLEEP:
        host[lay.TASK + task, lay.T_STATE] = lay.WAKING
        host[lay.CPU + cpu, lay.C_EXTRA] += host[lay.COST, lay.X_WAKE_UP]
        delay = host[lay.COST, lay.X_WAKE_LATENCY]
        events.schedule(state.due, lay.RING_WAKE, lay.WAKE + task, now + delay)


@inner
def take(state: State, task: int) -> int:
    """The thread takes the next message of its first ready socket, or -1."""
    host = state.host
    base = host[lay.CLOCK, lay.CK_SOCKET]
    socket = pop(host, lay.TASK + task, lay.T_READY, host, base, lay.SO_NEXT)
    if socket < 0:
        return -1
    row = base + socket
    host[row, lay.SO_LISTED] = 0
    host[row, lay.SO_LENGTH] -= 1
    slot = pop_slot(host, row, lay.SO_QUEUE, state.slot)
    if host[row, lay.SO_LENGTH] > 0:
        _list(host, task, row)
    return slot


@inner
def deliver(state: State, cpu: int, slot: int, now: int) -> None:
    """The application has the message: its memory is free, its frames are delivered."""
    row = row_of(state, slot)
    state.host[row, lay.SO_MEMORY] -= state.slot[slot, lay.S_TRUESIZE]
    output.leave(state, slot, lay.DELIVER, lay.PLACE_NONE, now, cpu)


@inner
def _list(host: Table, task: int, row: int) -> None:
    base = host[lay.CLOCK, lay.CK_SOCKET]
    host[row, lay.SO_LISTED] = 1
    push(host, lay.TASK + task, lay.T_READY, host, base, lay.SO_NEXT, row - base)
