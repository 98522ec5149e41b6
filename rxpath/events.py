"""What is due when: an indexed binary heap over a fixed set of event sources.

Each source (a CPU's work, a queue's interrupt, an IPI, a wake-up, the load's tick) is due at most
once at a time, so the heap never grows.  Order is (time, tie); a tie is the source's priority and
then the order of scheduling, so that equal times always come out the same way.

The heap's entries lie one after another in `State.due`, the first at place 1, so that the two
below one share a cache line; behind the last stands one that is due `NEVER`.
"""

from __future__ import annotations

import numpy as np

from rxpath import layout as lay
from rxpath.jit import inner
from rxpath.state import Table

NEVER = np.iinfo(np.int64).max


@inner
def schedule(due: Table, source: int, time: int, priority: int) -> None:
    """Make ``source`` due at ``time``, whether or not it was due before."""
    sequence = due[lay.D_HEADER, lay.D_SEQUENCE] + 1
    due[lay.D_HEADER, lay.D_SEQUENCE] = sequence
    tie = priority | sequence
    place = due[source, lay.D_PLACE]
    if place == lay.NOT_DUE:
        place = due[lay.D_HEADER, lay.D_SIZE] + 1
        due[lay.D_HEADER, lay.D_SIZE] = place
    else:
        place = _sink(due, place, time, tie)
    _rise(due, place, time, tie, source)


@inner
def cancel(due: Table, source: int) -> None:
    """Make ``source`` not due."""
    place = due[source, lay.D_PLACE]
    if place == lay.NOT_DUE:
        return
    due[source, lay.D_PLACE] = lay.NOT_DUE
    last = due[lay.D_HEADER, lay.D_SIZE]
    due[lay.D_HEADER, lay.D_SIZE] = last - 1
    time, tie, mover = due[last, lay.D_TIME], due[last, lay.D_TIE], due[last, lay.D_SOURCE]
    due[last, lay.D_TIME] = NEVER
    if place < last:
        _rise(due, _sink(due, place, time, tie), time, tie, mover)


@inner
def is_due(due: Table, source: int) -> bool:
    """Whether ``source`` is scheduled."""
    scheduled: bool = due[source, lay.D_PLACE] != lay.NOT_DUE
    return scheduled


@inner
def due_time(due: Table, source: int) -> int:
    """When ``source``, which is scheduled, is due."""
    time: int = due[due[source, lay.D_PLACE], lay.D_TIME]
    return time


@inner
def first(due: Table) -> int:
    """The source that is due next, or -1."""
    if due[lay.D_HEADER, lay.D_SIZE] == 0:
        return -1
    source: int = due[1, lay.D_SOURCE]
    return source


@inner
def first_time(due: Table) -> int:
    """When it is due; `NEVER` when none is."""
    time: int = due[1, lay.D_TIME]
    return time


@inner
def _before(due: Table, place: int, time: int, tie: int) -> bool:
    """Whether the entry at ``place`` comes before (time, tie)."""
    its = due[place, lay.D_TIME]
    earlier: bool = (its < time) | ((its == time) & (due[place, lay.D_TIE] < tie))
    return earlier


@inner
def _put(due: Table, place: int, time: int, tie: int, source: int) -> None:
    due[place, lay.D_TIME] = time
    due[place, lay.D_TIE] = tie
    due[place, lay.D_SOURCE] = source
    due[source, lay.D_PLACE] = place


@inner
def _move(due: Table, place: int, to: int) -> None:
    _put(due, to, due[place, lay.D_TIME], due[place, lay.D_TIE], due[place, lay.D_SOURCE])


@inner
def _sink(due: Table, place: int, time: int, tie: int) -> int:
    """Make room for (time, tie) from ``place`` downwards; the place where it would stand."""
    size = due[lay.D_HEADER, lay.D_SIZE]
    while 2 * place <= size:
        below = 2 * place
        below += _before(due, below + 1, due[below, lay.D_TIME], due[below, lay.D_TIE])
        if not _before(due, below, time, tie):
            break
        _move(due, below, place)
        place = below
    return place


@inner
def _rise(due: Table, place: int, time: int, tie: int, source: int) -> None:
    """Put ``source`` at ``place`` or above."""
    while place > 1 and not _before(due, place >> 1, time, tie):
        _move(due, place >> 1, place)
        place >>= 1
    _put(due, place, time, tie, source)
