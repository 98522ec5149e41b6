"""The NIC: RSS picks a queue, its ring takes the frame, moderated interrupts wake NAPI.

Moderation as in mlx5 and most drivers: an interrupt after rx-frames frames, or rx-usecs after the
first one.  While NAPI polls a queue, its interrupt is off.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu, events
from rxpath.model.fifo import pop_slot, push_napi, push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inlined
def queue_of(state: State, rss_hash: int) -> int:
    """The RX queue: the hash's low 7 bits index the indirection table."""
    queue: int = state.lists[lay.LIST_RSS, rss_hash & 127]
    return queue


@inner
def arrive(state: State, queue: int, slot: int, now: int) -> bool:
    """Put a frame into the ring; False when no descriptor is free (rx_missed)."""
    host = state.host
    row = lay.NAPIS + lay.QUEUE_NAPI + queue
    if host[row, lay.N_LENGTH] >= host[lay.KNOB, lay.K_RING]:
        return False
    push_slot(host, row, lay.N_QUEUE, state.slot, slot)
    host[row, lay.N_LENGTH] += 1
    if not host[row, lay.N_SCHEDULED]:
        host[row, lay.N_PENDING] += 1
        _moderate(state, queue, now)
    return True


@inlined
def take(state: State, queue: int) -> int:
    """The driver takes the next frame off the ring, or -1."""
    row = lay.NAPIS + lay.QUEUE_NAPI + queue
    slot = pop_slot(state.host, row, lay.N_QUEUE, state.slot)
    if slot >= 0:
        state.host[row, lay.N_LENGTH] -= 1
        state.host[row, lay.N_TAIL] += 1
    return slot


@inlined
def raise_interrupt(state: State, queue: int, now: int) -> int:
    """The interrupt fires: its handler schedules NAPI and masks it; the CPU it went to."""
    host = state.host
    row = lay.NAPIS + lay.QUEUE_NAPI + queue
    target: int = state.lists[lay.LIST_IRQ, queue]
    host[lay.CLOCK, lay.CK_INTERRUPTS] += 1
    host[row, lay.N_PENDING] = 0
    host[row, lay.N_SCHEDULED] = 1
    push_napi(host, lay.CPU + target, lay.C_POLL, lay.QUEUE_NAPI + queue)
    cpu.interrupt(state, target, now, host[lay.COST, lay.X_HARDIRQ])
    return target


@inner
def complete(state: State, queue: int, now: int) -> None:
    """NAPI is done: the interrupt is armed again, at once due for what came meanwhile."""
    host, row = state.host, lay.NAPIS + lay.QUEUE_NAPI + queue
    host[row, lay.N_SCHEDULED] = 0
    host[row, lay.N_PENDING] = host[row, lay.N_LENGTH]
    if host[row, lay.N_PENDING] > 0:
        _moderate(state, queue, now)


@inner
def _moderate(state: State, queue: int, now: int) -> None:
    host, due = state.host, state.due
    row = lay.NAPIS + lay.QUEUE_NAPI + queue
    source = lay.INTERRUPT + queue
    time = now + host[lay.KNOB, lay.K_RX_NS]
    if host[row, lay.N_PENDING] >= host[lay.KNOB, lay.K_RX_FRAMES]:
        time = now
    before = events.due_time(due, source)
    if before <= time:
        return
    if before != events.NEVER:
        events.cancel(due, lay.RING_INTERRUPT, source)
    events.schedule(due, lay.RING_INTERRUPT, source, time)
