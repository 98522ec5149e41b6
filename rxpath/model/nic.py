"""The NIC: RSS picks a queue, its ring takes the frame, moderated interrupts wake NAPI.

When an armed queue interrupts is said by `rxpath.model.moderation`.  While NAPI polls a queue, its
interrupt is off.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu, events, moderation, wakeup
from rxpath.model.fifo import pop, push
from rxpath.model.state import codes
from rxpath.model.state.host import NEVER, State


@inlined
def queue_of(state: State, rss_hash: int) -> int:
    """The RX queue: the hash's low 7 bits index the indirection table."""
    return state.rss[rss_hash & (codes.RSS_ENTRIES - 1)].queue


@inner
def arrive(state: State, queue: int, slot: int, now: int) -> bool:
    """Put a frame into the ring; False when no descriptor is free (rx_missed)."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    if napi.length >= state.knobs.ring:
        return False
    push(napi.queue, state.slots, slot)
    napi.length += 1
    moderation.complete(state, queue, now)
    if not napi.scheduled:
        napi.pending += 1
        _moderate(state, queue, now)
    return True


@inlined
def take(state: State, queue: int) -> int:
    """The driver takes the next frame off the ring, or -1."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    slot = pop(napi.queue, state.slots)
    if slot >= 0:
        napi.length -= 1
        napi.tail += 1
        state.moderation[queue].bytes += state.slots[slot].length
    return slot


@inlined
def raise_interrupt(state: State, queue: int, now: int) -> int:
    """The interrupt fires: its handler schedules NAPI and masks it; the CPU it went to."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    target = state.irq_cpus[queue]
    state.counters.interrupts += 1
    moderation.interrupt(state, queue, now)
    napi.pending = 0
    if napi.threaded:
        _wake_thread(state, queue, target, now)
        return target
    napi.scheduled = codes.BY_SOFTIRQ
    push(state.cpus[target].poll_list, state.napis, codes.QUEUE_NAPI + queue)
    cpu.interrupt(state, target, now, state.costs.hardirq)
    return target


@inner
def complete(state: State, queue: int, now: int) -> None:
    """NAPI is done: the interrupt is armed, for frames that came while it was off, too."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    moderation.sample(state, queue, now)
    napi.scheduled = codes.UNSCHEDULED
    napi.pending = napi.length
    if napi.pending > 0:
        _moderate(state, queue, now)


@inner
def _moderate(state: State, queue: int, now: int) -> None:
    """Set the interrupt of an armed queue, in which frames wait, to when it is due."""
    source = codes.INTERRUPT + queue
    time = moderation.due(state, queue, state.napis[codes.QUEUE_NAPI + queue].pending, now)
    before = state.sources[source].when
    if before == time:
        return
    if before != NEVER:
        events.cancel(state.sources, codes.RING_INTERRUPT, source)
    events.schedule(state.sources, codes.RING_INTERRUPT, source, time)


@inner
def _wake_thread(state: State, queue: int, target: int, now: int) -> None:
    """The interrupt's handler, on CPU ``target``, wakes the thread that polls the queue."""
    task, begin = codes.NAPI_THREADS + queue, now
    if state.cpus[target].work == codes.WORK_NONE:
        begin += state.knobs.idle_exit_ns
    state.napis[codes.QUEUE_NAPI + queue].scheduled = codes.BY_THREAD
    cpu.interrupt(state, target, now, state.costs.hardirq + wakeup.cost(state, task))
    wakeup.send(state, task, begin)
