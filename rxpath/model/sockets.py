"""Sockets and who reads them.

A receive buffer is charged with the skb's true size and refuses when it is over its limit before
the skb is added [net/ipv4/udp.c, __udp_enqueue_schedule_skb].  TCP has a buffer of its own size,
which follows the connection; its window keeps a real one from overflowing.  A thread may read many
sockets (epoll): one message of the first ready socket at a time.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import cache, output, wakeup
from rxpath.model.fifo import pop, push
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def enqueue(state: State, cpu: int, slot: int, now: int) -> None:
    """The protocol hands the skb to its socket, and wakes the thread that sleeps on it."""
    skb = state.slots[slot]
    socket = state.sockets[skb.socket]
    if socket.memory > state.knobs.rcvbuf[skb.protocol == codes.TCP]:
        output.leave(state, slot, codes.SOCKET_RCVBUFF, now, cpu)
        return
    if state.usage.cache_asked:
        cache.learn(state, skb)
    socket.memory += skb.truesize
    socket.length += 1
    skb.enqueued = now
    push(socket.queue, state.slots, slot)
    if not socket.listed:
        _list(state, skb.socket)
    if state.tasks[socket.task].state == codes.ASLEEP:
        state.cpus[cpu].extra += state.costs.wake_up
        wakeup.send(state, socket.task, now)


@inner
def take(state: State, task: int) -> int:
    """The thread takes the next message of its first ready socket, or -1."""
    number = pop(state.tasks[task].ready, state.sockets)
    if number < 0:
        return -1
    socket = state.sockets[number]
    socket.listed = 0
    socket.length -= 1
    slot = pop(socket.queue, state.slots)
    if socket.length > 0:
        _list(state, number)
    return slot


@inner
def deliver(state: State, cpu: int, slot: int, now: int) -> None:
    """The application has the message: its memory is free, its frames are delivered."""
    skb = state.slots[slot]
    state.sockets[skb.socket].memory -= skb.truesize
    output.deliver(state, slot, now, cpu)


@inner
def _list(state: State, number: int) -> None:
    """The socket has messages: its thread is to read it."""
    socket = state.sockets[number]
    socket.listed = 1
    push(state.tasks[socket.task].ready, state.sockets, number)
