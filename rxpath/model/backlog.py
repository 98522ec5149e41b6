"""Queues between two stages: the per-CPU backlog and the per-CPU gro_cell of virtual devices.

[net/core/dev.c enqueue_to_backlog, process_backlog; net/core/gro_cells.c].  Packets for another
CPU's idle backlog need an inter-processor interrupt, which is sent when this CPU's net_rx_action
ends or polls its own backlog.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import cpu as cpus
from rxpath.model import events
from rxpath.model.fifo import pop_napi, pop_slot, push_napi, push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inner
def enqueue(state: State, cpu: int, napi: int, slot: int, now: int) -> bool:
    """Queue an skb at ``napi``; False when the queue is over netdev_max_backlog."""
    host = state.host
    row = lay.NAPIS + napi
    if host[row, lay.N_LENGTH] > host[lay.KNOB, lay.K_MAX_BACKLOG]:
        return False
    state.slot[slot, lay.S_ENQUEUED] = now
    push_slot(host, row, lay.N_QUEUE, state.slot, slot)
    host[row, lay.N_LENGTH] += 1
    host[row, lay.N_TAIL] += 1
    remote = host[row, lay.N_CPU] != cpu
    if remote:
        host[lay.CPU + cpu, lay.C_EXTRA] += host[lay.COST, lay.X_REMOTE_ENQUEUE]
    if not host[row, lay.N_SCHEDULED]:
        host[row, lay.N_SCHEDULED] = 1
        if not remote:
            push_napi(host, lay.CPU + cpu, lay.C_POLL, napi)
        else:
            push_napi(host, lay.CPU + cpu, lay.C_IPI, napi)
    return True


@inner
def take(state: State, napi: int) -> int:
    """The next skb, or -1.  A backlog is emptied by moving all of it to its process queue."""
    host = state.host
    row = lay.NAPIS + napi
    if napi < lay.BACKLOG_NAPI:
        slot = pop_slot(host, row, lay.N_QUEUE, state.slot)
        if slot >= 0:
            host[row, lay.N_LENGTH] -= 1
        return slot
    slot = pop_slot(host, row, lay.N_PROCESS, state.slot)
    if slot < 0 and host[row, lay.N_LENGTH] > 0:
        host[row, lay.N_PROCESS] = host[row, lay.N_QUEUE]
        host[row, lay.N_PROCESS_TAIL] = host[row, lay.N_QUEUE_TAIL]
        host[row, lay.N_QUEUE] = -1
        host[row, lay.N_LENGTH] = 0
        slot = pop_slot(host, row, lay.N_PROCESS, state.slot)
    return slot


@inner
def send_ipi(state: State, cpu: int, now: int) -> None:
    """The first of the waiting IPIs is on its way."""
    host = state.host
    napi = pop_napi(host, lay.CPU + cpu, lay.C_IPI)
    host[lay.CLOCK, lay.CK_IPIS] += 1
    time = now + host[lay.COST, lay.X_IPI_LATENCY]
    events.schedule(state.due, lay.RING_IPI, lay.IPI + napi - lay.CELL_NAPI, time)


@inner
def receive_ipi(state: State, napi: int, now: int) -> int:
    """The IPI's handler schedules the NAPI instance [rps_trigger_softirq]; the CPU it is on."""
    host = state.host
    cpu: int = host[lay.NAPIS + napi, lay.N_CPU]
    push_napi(host, lay.CPU + cpu, lay.C_POLL, napi)
    cpus.interrupt(state, cpu, now, host[lay.COST, lay.X_IPI_HANDLE])
    return cpu
