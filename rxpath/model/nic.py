"""The NIC: RSS picks a queue, its ring takes the frame, moderated interrupts wake NAPI.

Moderation as in mlx5 and most drivers: an interrupt after rx-frames frames, or rx-usecs after the
first one.  While NAPI polls a queue, its interrupt is off.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu, events
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
    return slot


@inlined
def raise_interrupt(state: State, queue: int, now: int) -> int:
    """The interrupt fires: its handler schedules NAPI and masks it; the CPU it went to."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    target = state.irq_cpus[queue]
    state.counters.interrupts += 1
    napi.pending = 0
    napi.scheduled = 1
    push(state.cpus[target].poll_list, state.napis, codes.QUEUE_NAPI + queue)
    cpu.interrupt(state, target, now, state.costs.hardirq)
    return target


@inner
def complete(state: State, queue: int, now: int) -> None:
    """NAPI is done: the interrupt is armed, due at once for frames that came while it was off."""
    napi = state.napis[codes.QUEUE_NAPI + queue]
    napi.scheduled = 0
    napi.pending = napi.length
    if napi.pending > 0:
        _moderate(state, queue, now)


@inner
def _moderate(state: State, queue: int, now: int) -> None:
    source = codes.INTERRUPT + queue
    time = now + state.knobs.rx_ns
    if state.napis[codes.QUEUE_NAPI + queue].pending >= state.knobs.rx_frames:
        time = now
    before = state.sources[source].when
    if before <= time:
        return
    if before != NEVER:
        events.cancel(state.sources, codes.RING_INTERRUPT, source)
    events.schedule(state.sources, codes.RING_INTERRUPT, source, time)
