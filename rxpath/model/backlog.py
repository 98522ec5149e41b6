"""Queues between two stages: the per-CPU backlog and the per-CPU gro_cell of virtual devices.

[net/core/dev.c enqueue_to_backlog, process_backlog; net/core/gro_cells.c].  Packets for another
CPU's idle backlog need an inter-processor interrupt, which is sent when this CPU's net_rx_action
ends or polls its own backlog.  To note one raises NET_RX_SOFTIRQ here, too [rps_ipi_queued]: one
more run of net_rx_action follows, even with nothing to poll.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import cpu as cpus
from rxpath.model import events, priority, wakeup
from rxpath.model.fifo import pop, push, splice
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def enqueue(state: State, cpu: int, number: int, slot: int, now: int) -> int:
    """Queue an skb at a NAPI instance; 0, or why it is lost: that is over netdev_max_backlog."""
    if priority.applies(state, number, slot):
        return _enqueue_first(state, cpu, number, slot, now)
    if state.napis[number].length > state.knobs.max_backlog:
        return overflow(state, slot, number)
    state.slots[slot].enqueued = now
    reach(state, cpu, number)
    append(state, number, slot)
    schedule(state, cpu, number, now)
    return codes.NOT_DROPPED


@inner
def _enqueue_first(state: State, cpu: int, number: int, slot: int, now: int) -> int:
    """As `enqueue`, in front of the packets without priority."""
    napi = state.napis[number]
    if napi.urgent_length > state.knobs.max_backlog:
        return overflow(state, slot, number)
    state.slots[slot].enqueued = now
    reach(state, cpu, number)
    if napi.urgent_length == 0:
        schedule(state, cpu, number, now)
        if napi.cpu == cpu:
            priority.move_ahead(state, cpu, number)
    priority.put(state, number, slot)
    return codes.NOT_DROPPED


@inner
def overflow(state: State, slot: int, number: int) -> int:
    """Why an skb is lost that finds a NAPI instance full; notes where, in ``out_cpu``."""
    state.slots[slot].out_cpu = state.napis[number].cpu
    return codes.GRO_CELL_OVERFLOW if number < codes.BACKLOG_NAPI else codes.CPU_BACKLOG


@inner
def reach(state: State, cpu: int, number: int) -> None:
    """Pay for reaching the instance, whose lock and lines may be another CPU's."""
    if state.napis[number].cpu != cpu:
        state.cpus[cpu].extra += state.costs.remote_enqueue


@inner
def append(state: State, number: int, slot: int) -> None:
    """The skb is the queue's last."""
    napi = state.napis[number]
    push(napi.queue, state.slots, slot)
    napi.length += 1
    napi.tail += 1


@inner
def schedule(state: State, cpu: int, number: int, now: int) -> None:
    """The instance has packets: its thread, or its CPU after an IPI, is to poll it."""
    napi, core = state.napis[number], state.cpus[cpu]
    if napi.scheduled:
        return
    if napi.threaded:
        napi.scheduled = codes.BY_THREAD
        core.extra += wakeup.cost(state, codes.NAPI_THREADS + number)
        wakeup.send(state, codes.NAPI_THREADS + number, now)
        return
    napi.scheduled = codes.BY_SOFTIRQ
    if napi.cpu == cpu:
        push(core.poll_list, state.napis, number)
    else:
        push(core.ipi_list, state.napis, number)
        core.raised = 1


@inner
def take(state: State, number: int) -> int:
    """The next skb, or -1.  A backlog is emptied by moving all of it to its process queue."""
    napi = state.napis[number]
    if number < codes.BACKLOG_NAPI:
        slot = pop(napi.queue, state.slots)
        if slot >= 0:
            napi.length -= 1
        return slot
    slot = pop(napi.process, state.slots)
    if slot < 0 and napi.length > 0:
        splice(napi.process, napi.queue, state.slots)
        napi.length = 0
        slot = pop(napi.process, state.slots)
    return slot


@inner
def send_ipi(state: State, cpu: int, now: int) -> None:
    """The first of the waiting IPIs is on its way."""
    napi = pop(state.cpus[cpu].ipi_list, state.napis)
    state.counters.ipis += 1
    time = now + state.costs.ipi_latency
    events.schedule(state.sources, codes.RING_IPI, codes.IPI + napi - codes.CELL_NAPI, time)


@inner
def receive_ipi(state: State, napi: int, now: int) -> int:
    """The IPI's handler schedules the NAPI instance [rps_trigger_softirq]; the CPU it is on."""
    cpu = state.napis[napi].cpu
    push(state.cpus[cpu].poll_list, state.napis, napi)
    cpus.interrupt(state, cpu, now, state.costs.ipi_handle)
    return cpu
