"""What is due when, over a fixed set of sources, each of which is due at most once at a time.

Sources of one kind usually have one delay: an interrupt comes rx-usecs after a frame, an IPI and a
wake-up after their latency.  So who is scheduled last is due last, and each kind has a ring of its
sources in order of time that is extended at its end.  CPUs' works have lengths of their own: they
are a list, one after another, with what is due next at its end, so that taking it off moves nothing
and a new one moves what comes before it.  The load's tick is alone.

Order is (time, kind, order of scheduling), kinds as they were named here, with the tick first, so
that equal times always come out the same way.
"""

from __future__ import annotations

import numpy as np

from rxpath.compile.jit import inlined, inner
from rxpath.model.state import layout as lay
from rxpath.model.state.host import Table

NEVER = np.iinfo(np.int64).max


@inner
def schedule_tick(due: Table, time: int) -> None:
    """The load's tick is at ``time``, whenever it was before."""
    due[lay.TICK, lay.D_WHEN] = time


@inner
def schedule(due: Table, ring: int, source: int, time: int) -> None:
    """Make ``source``, which is of the kind of ``ring``, due at ``time``; it was not due."""
    before = due[ring, lay.D_BEFORE]
    while before != ring and due[before, lay.D_WHEN] > time:
        before = due[before, lay.D_BEFORE]
    after = due[before, lay.D_NEXT]
    due[source, lay.D_WHEN] = time
    due[source, lay.D_BEFORE] = before
    due[source, lay.D_NEXT] = after
    due[before, lay.D_NEXT] = source
    due[after, lay.D_BEFORE] = source
    if before == ring:
        due[ring, lay.D_FIRST] = time


@inner
def cancel(due: Table, ring: int, source: int) -> None:
    """Make ``source``, which is due and in ``ring``, not due."""
    before, after = due[source, lay.D_BEFORE], due[source, lay.D_NEXT]
    due[before, lay.D_NEXT] = after
    due[after, lay.D_BEFORE] = before
    due[source, lay.D_WHEN] = NEVER
    if before == ring:
        due[ring, lay.D_FIRST] = due[after, lay.D_WHEN]


@inner
def due_time(due: Table, source: int) -> int:
    """When ``source``, one in a ring, is due; `NEVER` when it is not."""
    time: int = due[source, lay.D_WHEN]
    return time


@inner
def schedule_cpu(due: Table, cpu: int, time: int) -> None:
    """The CPU, which had no work, is done with its new one at ``time``."""
    place = due[0, lay.D_SIZE]
    due[0, lay.D_SIZE] = place + 1
    while due[place, lay.D_TIME] <= time:
        _move(due, place, place + 1)
        place -= 1
    due[place + 1, lay.D_TIME] = time
    due[place + 1, lay.D_CPU] = cpu
    due[0, lay.D_FIRST] = due[due[0, lay.D_SIZE], lay.D_TIME]


@inner
def cancel_cpu(due: Table, cpu: int) -> int:
    """Take the work of a CPU that has one off the list; when it would have been done."""
    last = due[0, lay.D_SIZE]
    place = last
    while due[place, lay.D_CPU] != cpu:
        place -= 1
    time: int = due[place, lay.D_TIME]
    while place < last:
        _move(due, place + 1, place)
        place += 1
    due[0, lay.D_SIZE] = last - 1
    due[0, lay.D_FIRST] = due[last - 1, lay.D_TIME]
    return time


@inner
def first_time(due: Table) -> int:
    """When something is due next; `NEVER` when nothing is."""
    time: int = min(first_cpu(due), first_other(due))
    return time


@inner
def first_other(due: Table) -> int:
    """When the tick or the first of the rings is due."""
    tick = due[lay.TICK, lay.D_WHEN]
    early = min(first_of(due, lay.RING_INTERRUPT), first_of(due, lay.RING_IPI))
    time: int = min(early, min(first_of(due, lay.RING_WAKE), tick))
    return time


@inner
def first_of(due: Table, ring: int) -> int:
    """When the first of a ring is due; `NEVER` when it is empty."""
    time: int = due[ring, lay.D_FIRST]
    return time


@inner
def first_cpu(due: Table) -> int:
    """When the first CPU is done; `NEVER` when all are idle."""
    time: int = due[0, lay.D_FIRST]
    return time


@inner
def take(due: Table, ring: int) -> int:
    """Take the first source off a ring that is not empty."""
    source: int = due[ring, lay.D_NEXT]
    cancel(due, ring, source)
    return source


@inner
def take_cpu(due: Table) -> int:
    """Take the CPU that is done first off the list; there must be one."""
    place = due[0, lay.D_SIZE]
    due[0, lay.D_SIZE] = place - 1
    due[0, lay.D_FIRST] = due[place - 1, lay.D_TIME]
    cpu: int = due[place, lay.D_CPU]
    return cpu


@inlined
def _move(due: Table, place: int, to: int) -> None:
    due[to, lay.D_TIME] = due[place, lay.D_TIME]
    due[to, lay.D_CPU] = due[place, lay.D_CPU]
