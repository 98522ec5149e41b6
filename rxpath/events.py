"""What is due when: a sorted list over a fixed set of event sources.

Each source (a CPU's work, a queue's interrupt, an IPI, a wake-up, the load's tick) is due at most
once at a time, so the list never grows.  Order is (time, tie); a tie is the source's priority and
then the order of scheduling, so that equal times always come out the same way.

The list's entries lie one after another in `State.due`, what is due next at the end.  So the next
event is taken off without moving anything, and a new one moves what comes before it: with a dozen
or two of sources due at a time that is less work than a heap's, and easier to predict.
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
    cancel(due, source)
    due[source, lay.D_WHEN] = time
    sequence = due[lay.D_SEQUENCE, lay.D_HEADER] + 1
    due[lay.D_SEQUENCE, lay.D_HEADER] = sequence
    tie = priority | sequence << lay.SOURCE_BITS | source
    place = due[lay.D_SIZE, lay.D_HEADER]
    due[lay.D_SIZE, lay.D_HEADER] = place + 1
    while _before(due, place, time, tie):
        _move(due, place, place + 1)
        place -= 1
    due[place + 1, lay.D_TIME] = time
    due[place + 1, lay.D_TIE] = tie


@inner
def cancel(due: Table, source: int) -> None:
    """Make ``source`` not due."""
    if not is_due(due, source):
        return
    due[source, lay.D_WHEN] = lay.NOT_DUE
    last = due[lay.D_SIZE, lay.D_HEADER]
    place = last
    while due[place, lay.D_TIE] & lay.SOURCE_MASK != source:
        place -= 1
    while place < last:
        _move(due, place + 1, place)
        place += 1
    due[lay.D_SIZE, lay.D_HEADER] = last - 1


@inner
def is_due(due: Table, source: int) -> bool:
    """Whether ``source`` is scheduled."""
    scheduled: bool = due[source, lay.D_WHEN] != lay.NOT_DUE
    return scheduled


@inner
def due_time(due: Table, source: int) -> int:
    """When ``source``, which is scheduled, is due."""
    time: int = due[source, lay.D_WHEN]
    return time


@inner
def first(due: Table) -> int:
    """The source that is due next, or -1."""
    size = due[lay.D_SIZE, lay.D_HEADER]
    if size == 0:
        return -1
    source: int = due[size, lay.D_TIE] & lay.SOURCE_MASK
    return source


@inner
def first_time(due: Table) -> int:
    """When it is due; `NEVER` when none is."""
    time: int = due[due[lay.D_SIZE, lay.D_HEADER], lay.D_TIME]
    return time


@inner
def take_first(due: Table) -> int:
    """Take the source that is due next off the list; there must be one."""
    size = due[lay.D_SIZE, lay.D_HEADER]
    source: int = due[size, lay.D_TIE] & lay.SOURCE_MASK
    due[lay.D_SIZE, lay.D_HEADER] = size - 1
    due[source, lay.D_WHEN] = lay.NOT_DUE
    return source


@inner
def _before(due: Table, place: int, time: int, tie: int) -> bool:
    """Whether the entry at ``place`` comes before (time, tie)."""
    its = due[place, lay.D_TIME]
    earlier: bool = (its < time) | ((its == time) & (due[place, lay.D_TIE] < tie))
    return earlier


@inner
def _move(due: Table, place: int, to: int) -> None:
    due[to, lay.D_TIME] = due[place, lay.D_TIME]
    due[to, lay.D_TIE] = due[place, lay.D_TIE]
