"""What is due when: an indexed binary heap over a fixed set of event sources.

Each source (a CPU's work, a queue's interrupt, an IPI, a wake-up, the load's tick) is due at most
once at a time, so the heap never grows.  Order is (time, tie); a tie is the source's priority and
then the order of scheduling, so that equal times always come out the same way.
"""

from __future__ import annotations

from rxpath import layout as lay
from rxpath.jit import inner
from rxpath.state import Table


@inner
def schedule(host: Table, source: int, time: int, priority: int) -> None:
    """Make ``source`` due at ``time``, whether or not it was due before."""
    base = host[lay.CLOCK, lay.CK_SOURCE]
    host[lay.CLOCK, lay.CK_SEQUENCE] += 1
    host[base + source, lay.E_TIME] = time
    host[base + source, lay.E_TIE] = priority | host[lay.CLOCK, lay.CK_SEQUENCE]
    place = host[base + source, lay.E_PLACE]
    if place < 0:
        place = host[lay.CLOCK, lay.CK_HEAP]
        host[lay.CLOCK, lay.CK_HEAP] = place + 1
    _rise(host, base, _sink(host, base, place, source), source)


@inner
def cancel(host: Table, source: int) -> None:
    """Make ``source`` not due."""
    base = host[lay.CLOCK, lay.CK_SOURCE]
    place = host[base + source, lay.E_PLACE]
    if place < 0:
        return
    host[base + source, lay.E_PLACE] = -1
    last = host[lay.CLOCK, lay.CK_HEAP] - 1
    host[lay.CLOCK, lay.CK_HEAP] = last
    if place < last:
        mover = host[base + last, lay.E_HEAP]
        _rise(host, base, _sink(host, base, place, mover), mover)


@inner
def is_due(host: Table, source: int) -> bool:
    """Whether ``source`` is scheduled."""
    due: bool = host[host[lay.CLOCK, lay.CK_SOURCE] + source, lay.E_PLACE] >= 0
    return due


@inner
def due_time(host: Table, source: int) -> int:
    """When ``source`` is due."""
    time: int = host[host[lay.CLOCK, lay.CK_SOURCE] + source, lay.E_TIME]
    return time


@inner
def first(host: Table) -> int:
    """The source that is due next, or -1."""
    if host[lay.CLOCK, lay.CK_HEAP] == 0:
        return -1
    source: int = host[host[lay.CLOCK, lay.CK_SOURCE], lay.E_HEAP]
    return source


@inner
def _before(host: Table, a: int, b: int) -> bool:
    if host[a, lay.E_TIME] != host[b, lay.E_TIME]:
        earlier: bool = host[a, lay.E_TIME] < host[b, lay.E_TIME]
        return earlier
    tied: bool = host[a, lay.E_TIE] < host[b, lay.E_TIE]
    return tied


@inner
def _settle(host: Table, base: int, place: int, source: int) -> None:
    host[base + place, lay.E_HEAP] = source
    host[base + source, lay.E_PLACE] = place


@inner
def _sink(host: Table, base: int, place: int, source: int) -> int:
    """Make room for ``source`` from ``place`` downwards; the place where it would stand."""
    size = host[lay.CLOCK, lay.CK_HEAP]
    while True:
        child = 2 * place + 1
        if child >= size:
            return place
        below = host[base + child, lay.E_HEAP]
        if child + 1 < size:
            other = host[base + child + 1, lay.E_HEAP]
            if _before(host, base + other, base + below):
                child, below = child + 1, other
        if not _before(host, base + below, base + source):
            return place
        _settle(host, base, place, below)
        place = child


@inner
def _rise(host: Table, base: int, place: int, source: int) -> None:
    """Put ``source`` at ``place`` or above."""
    while place > 0:
        parent = (place - 1) >> 1
        above = host[base + parent, lay.E_HEAP]
        if not _before(host, base + source, base + above):
            break
        _settle(host, base, place, above)
        place = parent
    _settle(host, base, place, source)
