"""What is under way between the machines: a binary heap by (time, order of entry)."""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.tcp.state import Senders

NEVER = 2**63 - 1


@inner
def first_time(senders: Senders) -> int:
    """When the next entry is due; `NEVER` when there is none."""
    if senders.pending == 0:
        return NEVER
    return senders.queue[0].time


@inner
def push(senders: Senders, time: int, kind: int, conn: int, value: int) -> None:
    """Enter something; raises IndexError when the queue is full."""
    queue, place = senders.queue, senders.pending
    if place >= senders.most_pending:
        raise IndexError("the event queue is full")
    senders.pending = place + 1
    senders.entered += 1
    while place > 0:
        parent = (place - 1) >> 1
        if queue[parent].time <= time:  # an older entry has the lower number
            break
        move(senders, place, parent)
        place = parent
    entry = queue[place]
    entry.time = time
    entry.number = senders.entered
    entry.kind = kind
    entry.conn = conn
    entry.value = value


@inner
def drop_first(senders: Senders) -> None:
    """Take out the entry that is due next."""
    size = senders.pending - 1
    senders.pending = size
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _before(senders, child + 1, child):
            child += 1
        if not _before(senders, child, size):
            break
        move(senders, place, child)
        place = child
    move(senders, place, size)


@inner
def move(senders: Senders, place: int, source: int) -> None:
    """Copy one entry over another, field by field: a kernel allocates nothing."""
    to, entry = senders.queue[place], senders.queue[source]
    to.time = entry.time
    to.number = entry.number
    to.kind = entry.kind
    to.conn = entry.conn
    to.value = entry.value


@inner
def _before(senders: Senders, a: int, b: int) -> bool:
    one, other = senders.queue[a], senders.queue[b]
    if one.time != other.time:
        return one.time < other.time
    return one.number < other.number
