"""Egress queues: `v1switch.state.queues` for machine code, the same rules on the same words.

A program calls `offer` for each packet that has come through ingress. A packet that has to wait is
described by words in the program's memory (see `output`); `commit` puts it into its queue once the
frame is done, so that a frame that is handed over leaves nothing behind.
"""

from __future__ import annotations

from v1switch.engines.native.helpers.changes import change
from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.libc import free, malloc
from v1switch.engines.native.helpers.memory import copy, set_word, word
from v1switch.engines.native.output import (
    HELD,
    HELD_AT,
    HELD_DEPTH,
    HELD_FRAME,
    HELD_LENGTH,
    HELD_NOW,
    HELD_PORT,
    HELD_QUEUE,
    HELD_SEND,
    HELD_VALUES,
    HELD_WORDS,
    KEPT_AT,
    MAX_HELD,
    NO_ROOM,
    NODE_FRAME,
    NODE_LEFT,
    NODE_LENGTH,
    NODE_PORT,
    NODE_VALUES,
    NUMBER_OF_CODE,
    QUEUES,
)
from v1switch.state import queues as qs

FULL_TURN, NO_QUEUE_TURN = qs.FULL[0], qs.NO_QUEUE[0]
_SLACK = 16  # read beyond the last byte of a frame, and not used


@kernel
def _lost(out: int, queues: int, counter: int) -> None:
    """Count a packet that is dropped; the first sets NEWS."""
    if word(counter) == 0:
        set_word(queues + 8 * qs.NEWS, 1)
    change(out, counter, word(counter) + 1)


@kernel
def _last(queues: int, queue: int, port: int, now: int) -> int:
    """When the last packet could leave a queue; a new port's queues begin now."""
    if word(queue + 8 * qs.LAST) == 0:
        priorities = word(queues + 8 * qs.PRIORITIES)
        first = queues + 8 * (qs.HEAD_WORDS + qs.QUEUE_WORDS * port * priorities)
        for n in range(priorities):
            set_word(first + 8 * (qs.QUEUE_WORDS * n + qs.LAST), now + 1)
    return word(queue + 8 * qs.LAST) - 1


@kernel
def _setting(queue: int, default: int) -> int:
    """A setting of a queue, or its default."""
    own = word(queue)
    return (own if own != 0 else word(default)) - 1


@kernel
def offer(out: int, port: int, priority: int, now: int, origin: int) -> int:
    """Give a packet that came in at port `origin` its turn: `EgressQueues.offer`.

    Gives a `Turn`, or NO_ROOM; the words of one that waits still lack its frame and its values.
    """
    queues = word(out + 8 * QUEUES)
    if port > qs.MAX_PORT:
        return qs.LEAVES
    priorities = word(queues + 8 * qs.PRIORITIES)
    if priority >= priorities:
        _lost(out, queues, queues + 8 * qs.REFUSED)
        return NO_QUEUE_TURN
    queue = queues + 8 * (qs.HEAD_WORDS + qs.QUEUE_WORDS * (port * priorities + priority))
    size = word(queue + 8 * qs.SIZE)
    if size >= _setting(queue + 8 * qs.CAPACITY, queues + 8 * qs.DEFAULT_CAPACITY):
        _lost(out, queues, queue + 8 * qs.DROPPED)
        return FULL_TURN
    delay = _setting(queue + 8 * qs.DELAY, queues + 8 * qs.DEFAULT_DELAY)
    earliest = _last(queues, queue, port, now) + delay
    send = now if size == 0 and delay == 0 else max(now, earliest)
    if delay == 0:  # the same again, if the frame is handed over
        set_word(queue + 8 * qs.LAST, send + 1)
    else:
        change(out, queue + 8 * qs.LAST, send + 1)
    if size == 0 and send <= now and word(queue + 8 * qs.BLOCKED) == 0:
        return qs.LEAVES
    number = word(out + 8 * HELD)
    if number == word(out + 8 * MAX_HELD):
        return NO_ROOM
    change(out, queue + 8 * qs.SIZE, size + 1)
    at = word(out + 8 * HELD_AT) + 8 * word(out + 8 * HELD_WORDS) * number
    set_word(at + 8 * HELD_QUEUE, queue)
    set_word(at + 8 * HELD_SEND, send)
    set_word(at + 8 * HELD_NOW, now)
    set_word(at + 8 * HELD_DEPTH, size)
    set_word(at + 8 * HELD_PORT, origin)
    set_word(out + 8 * HELD, number + 1)
    return qs.WAITS


@kernel
def _octets(at: int, kept: int, n: int) -> int:
    """How many bytes the n-th variable of bytes has, whose values are at an address."""
    size = word(kept + 16 * n + 16)
    return size if size >= 0 else word(at + 8 * (word(kept + 16 * n + 8) + 1))


@kernel
def _room(at: int, kept: int) -> int:
    """How many bytes the variables of bytes have together."""
    total = 0
    for n in range(word(kept)):
        total += _octets(at, kept, n)
    return total


@kernel
def _append(queues: int, queue: int, node: int) -> None:
    """Put a node at the end of a queue: `EgressQueues._append`."""
    if word(queue + 8 * qs.FIRST) != 0:
        set_word(word(queue + 8 * qs.FINAL) + 8 * qs.NEXT, node)
    else:
        set_word(queue + 8 * qs.FIRST, node)
        set_word(queue + 8 * qs.DUE, word(node + 8 * qs.SEND))
        set_word(queue + 8 * qs.ORDER, word(node + 8 * qs.NUMBER))
        active = word(queues + 8 * qs.ACTIVE)
        index = (queue - queues) // 8
        set_word(word(queues + 8 * qs.ACTIVE_AT) + 8 * active, index)
        set_word(queues + 8 * qs.ACTIVE, active + 1)
    set_word(queue + 8 * qs.FINAL, node)


@kernel
def _keep(out: int, held: int) -> None:
    """Make a node of a packet: its values, the bytes that they refer to, its frame."""
    queues, kept = word(out + 8 * QUEUES), word(out + 8 * KEPT_AT)
    queue, length = word(held + 8 * HELD_QUEUE), word(held + 8 * HELD_LENGTH)
    values, words = held + 8 * HELD_VALUES, word(out + 8 * HELD_WORDS) - HELD_VALUES
    fixed = 8 * (NODE_VALUES + words)
    node = malloc(fixed + _room(values, kept) + length + _SLACK)
    if node == 0:  # no memory: as if the queue were full
        set_word(queue + 8 * qs.SIZE, word(queue + 8 * qs.SIZE) - 1)
        set_word(queue + 8 * qs.DROPPED, word(queue + 8 * qs.DROPPED) + 1)
        return
    number = word(queues + 8 * qs.HELD)
    set_word(queues + 8 * qs.HELD, number + 1)
    set_word(node + 8 * qs.NEXT, 0)
    set_word(node + 8 * qs.SEND, word(held + 8 * HELD_SEND))
    set_word(node + 8 * qs.NUMBER, number)
    set_word(node + 8 * qs.ENQUEUED, word(held + 8 * HELD_NOW))
    set_word(node + 8 * qs.DEPTH, word(held + 8 * HELD_DEPTH))
    set_word(node + 8 * qs.OWNER, word(out + 8 * NUMBER_OF_CODE))
    set_word(node + 8 * NODE_PORT, word(held + 8 * HELD_PORT))
    set_word(node + 8 * NODE_LENGTH, length)
    copy(node + 8 * NODE_VALUES, values, 8 * words)
    place = node + fixed
    for n in range(word(kept)):
        at, size = values + 8 * word(kept + 16 * n + 8), _octets(values, kept, n)
        if word(at) != 0:  # not zeros that no memory stands for
            copy(place, word(at), size)
            set_word(node + 8 * (NODE_VALUES + word(kept + 16 * n + 8)), place)
        place += size
    copy(place, word(held + 8 * HELD_FRAME), length)
    set_word(node + 8 * NODE_FRAME, place)
    _append(queues, queue, node)


@kernel
def commit(out: int) -> None:
    """Put the packets of a frame that is done into their queues."""
    for n in range(word(out + 8 * HELD)):
        _keep(out, word(out + 8 * HELD_AT) + 8 * word(out + 8 * HELD_WORDS) * n)
    set_word(out + 8 * HELD, 0)


@kernel
def next_due(queues: int) -> int:
    """When the next packet may leave; -1 when none may: `EgressQueues.next_due`."""
    due = -1
    for n in range(word(queues + 8 * qs.ACTIVE)):
        queue = queues + 8 * word(word(queues + 8 * qs.ACTIVE_AT) + 8 * n)
        send = word(queue + 8 * qs.DUE)
        if word(queue + 8 * qs.BLOCKED) == 0 and (due < 0 or send < due):
            due = send
    return due


@kernel
def _turn(queues: int, now: int) -> int:
    """The place in the list of the queue whose turn it is; -1 when it is none's."""
    best = -1
    priority = due = order = 0
    priorities = word(queues + 8 * qs.PRIORITIES)
    for n in range(word(queues + 8 * qs.ACTIVE)):
        index = word(word(queues + 8 * qs.ACTIVE_AT) + 8 * n)
        queue = queues + 8 * index
        send, number = word(queue + 8 * qs.DUE), word(queue + 8 * qs.ORDER)
        if word(queue + 8 * qs.BLOCKED) != 0 or send > now:
            continue
        own = (index - qs.HEAD_WORDS) // qs.QUEUE_WORDS % priorities
        earlier = send < due or (send == due and number < order)
        if best < 0 or own > priority or (own == priority and earlier):
            best, priority, due, order = n, own, send, number
    return best


@kernel
def take(queues: int, now: int, owner: int) -> int:
    """Take out the packet whose turn it is, if it is of this owner: `EgressQueues.pop`.

    Gives its node, 0 when it is none's turn, and -1 when it is that of another owner's packet.
    """
    place = _turn(queues, now)
    if place < 0:
        return 0
    listed = word(queues + 8 * qs.ACTIVE_AT)
    queue = queues + 8 * word(listed + 8 * place)
    node = word(queue + 8 * qs.FIRST)
    if word(node + 8 * qs.OWNER) != owner:
        return -1
    follower = word(node + 8 * qs.NEXT)
    set_word(queue + 8 * qs.FIRST, follower)
    left = word(queue + 8 * qs.SIZE) - 1
    set_word(queue + 8 * qs.SIZE, left)
    set_word(node + 8 * NODE_LEFT, left)
    if follower != 0:
        set_word(queue + 8 * qs.DUE, word(follower + 8 * qs.SEND))
        set_word(queue + 8 * qs.ORDER, word(follower + 8 * qs.NUMBER))
    else:
        active = word(queues + 8 * qs.ACTIVE) - 1
        set_word(queues + 8 * qs.ACTIVE, active)
        set_word(listed + 8 * place, word(listed + 8 * active))
    return node


@kernel
def release(address: int) -> None:
    """Give the memory of a node, or of a frame that waited to be sent, back."""
    free(address)
