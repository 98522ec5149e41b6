"""The event queue over a fixed set of sources, each of which is due at most once at a time.

Sources of one kind usually have one delay: an interrupt comes rx-usecs after a frame, an IPI and a
wake-up after their latency.  So the source that is scheduled last is due last, and each kind has a
ring of its sources in order of time that is extended at its end.  CPUs' works have lengths of their
own: they are a list with what is due next at its end, so that taking it off moves nothing and a new
one moves those that are due before it.  The load's tick is alone.

Order is (time, kind, order of scheduling), kinds as they were named here, with the tick first, so
that equal times always come out the same way.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.compile.tables import Rows
from rxpath.model.state import codes
from rxpath.model.state.host import NEVER, State
from rxpath.model.state.schedule import Source


@inner
def schedule_tick(state: State, time: int) -> None:
    """The load's tick is at ``time``, whenever it was before."""
    state.sources[codes.TICK].when = time


@inner
def schedule(sources: Rows[Source], ring: int, source: int, time: int) -> None:
    """Make ``source``, which is of the kind of ``ring``, due at ``time``; it was not due."""
    before = sources[ring].before
    while before != ring and sources[before].when > time:
        before = sources[before].before
    after = sources[before].next
    new = sources[source]
    new.when = time
    new.before = before
    new.next = after
    sources[before].next = source
    sources[after].before = source
    if before == ring:
        sources[ring].first = time


@inner
def cancel(sources: Rows[Source], ring: int, source: int) -> None:
    """Make ``source``, which is due and in ``ring``, not due."""
    before, after = sources[source].before, sources[source].next
    sources[before].next = after
    sources[after].before = before
    sources[source].when = NEVER
    if before == ring:
        sources[ring].first = sources[after].when


@inner
def schedule_cpu(state: State, cpu: int, time: int) -> None:
    """The CPU, which had no work, is done with its new one at ``time``."""
    running, place = state.running, state.schedule.count
    state.schedule.count = place + 1
    while running[place].time <= time:
        _move(state, place, place + 1)
        place -= 1
    running[place + 1].time = time
    running[place + 1].cpu = cpu
    state.schedule.first = running[state.schedule.count].time


@inner
def cancel_cpu(state: State, cpu: int) -> int:
    """Take the work of a CPU that has one off the list; when it would have been done."""
    running, last = state.running, state.schedule.count
    place = last
    while running[place].cpu != cpu:
        place -= 1
    time = running[place].time
    while place < last:
        _move(state, place + 1, place)
        place += 1
    state.schedule.count = last - 1
    state.schedule.first = running[last - 1].time
    return time


@inner
def first_time(state: State) -> int:
    """When something is due next; `NEVER` when nothing is."""
    time: int = min(state.schedule.first, first_other(state))
    return time


@inner
def first_other(state: State) -> int:
    """When the tick or the first of the rings is due."""
    sources = state.sources
    early = min(sources[codes.RING_INTERRUPT].first, sources[codes.RING_IPI].first)
    time: int = min(early, min(sources[codes.RING_WAKE].first, sources[codes.TICK].when))
    return time


@inner
def take(sources: Rows[Source], ring: int) -> int:
    """Take the first source off a ring that is not empty."""
    source = sources[ring].next
    cancel(sources, ring, source)
    return source


@inner
def take_cpu(state: State) -> int:
    """Take the CPU that is done first off the list; there must be one."""
    place = state.schedule.count
    state.schedule.count = place - 1
    state.schedule.first = state.running[place - 1].time
    return state.running[place].cpu


@inlined
def _move(state: State, place: int, to: int) -> None:
    state.running[to].time = state.running[place].time
    state.running[to].cpu = state.running[place].cpu
