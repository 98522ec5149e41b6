"""A CPU does one piece of work at a time; interrupts take time out of it, or go before a thread.

Softirq work is not preempted, only prolonged by interrupts, as in the kernel (interrupts are on
while softirqs run).  A thread's work is set aside when an interrupt comes and goes on after the
softirqs that the interrupt raised.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import events
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inner
def start(state: State, cpu: int, now: int, work: int, slot: int, cost: int) -> None:
    """Begin ``work`` of ``cost`` ns, and of what was left to be added to it."""
    host, row = state.host, lay.CPU + cpu
    cost += host[row, lay.C_EXTRA]
    host[row, lay.C_EXTRA] = 0
    host[row, lay.C_WORK] = work
    host[row, lay.C_SLOT] = slot
    host[row, lay.C_START] = now
    host[row, lay.C_STOLEN] = 0
    host[row, lay.C_BOOKED] = _busy_kind(host, row, work)
    events.schedule_cpu(state.due, cpu, now + cost)


@inner
def rest(state: State, cpu: int) -> None:
    """Nothing to do: idle until an interrupt."""
    state.host[lay.CPU + cpu, lay.C_WORK] = lay.WORK_NONE


@inner
def account(host: Table, cpu: int, now: int) -> None:
    """Book the time since the work's start to who used it; threads pay with their runtime."""
    row = lay.CPU + cpu
    elapsed = now - host[row, lay.C_START] - host[row, lay.C_STOLEN]
    kind = host[row, lay.C_BOOKED]
    host[row, lay.C_BUSY + kind] += elapsed
    if kind == lay.BUSY_TASK or kind == lay.BUSY_KSOFTIRQD:
        host[lay.TASK + host[row, lay.C_TASK], lay.T_RUNTIME] += elapsed


@inner
def _busy_kind(host: Table, row: int, work: int) -> int:
    if work == lay.WORK_IRQ:
        return lay.BUSY_HARDIRQ
    if work == lay.WORK_TASK:
        return lay.BUSY_TASK
    if work == lay.WORK_POLL:
        return lay.BUSY_POLLING
    if host[row, lay.C_SOFTIRQ] == lay.SOFTIRQ_THREAD:
        return lay.BUSY_KSOFTIRQD
    return lay.BUSY_SOFTIRQ


@inner
def interrupt(state: State, cpu: int, now: int, cost: int) -> None:
    """A hardware interrupt of ``cost`` ns; softirqs that it raises run when it is over."""
    host, row = state.host, lay.CPU + cpu
    work = host[row, lay.C_WORK]
    if work == lay.WORK_TASK:
        suspend(state, cpu, now)
        work = lay.WORK_NONE
    elif work == lay.WORK_SPIN:
        account(host, cpu, now)
        work = lay.WORK_NONE
    if work == lay.WORK_NONE:
        start(state, cpu, now, lay.WORK_IRQ, lay.NONE, cost)
        return
    host[row, lay.C_STOLEN] += cost
    host[row, lay.C_BUSY + lay.BUSY_HARDIRQ] += cost
    end = events.cancel_cpu(state.due, cpu)
    events.schedule_cpu(state.due, cpu, end + cost)


@inner
def suspend(state: State, cpu: int, now: int) -> None:
    """Set the thread's work aside; its task remembers how much of it is left."""
    host, row = state.host, lay.CPU + cpu
    account(host, cpu, now)
    task = lay.TASK + host[row, lay.C_TASK]
    host[task, lay.T_REMAINING] = events.cancel_cpu(state.due, cpu) - now
    host[task, lay.T_SLOT] = host[row, lay.C_SLOT]
    host[row, lay.C_WORK] = lay.WORK_NONE


@inner
def busy_ns(host: Table, cpu: int, now: int) -> int:
    """How long the CPU was busy since the counters were zeroed, the present work included."""
    row = lay.CPU + cpu
    total = 0
    for kind in range(len(lay.BUSY_NAMES)):
        total += host[row, lay.C_BUSY + kind]
    if host[row, lay.C_WORK] != lay.WORK_NONE:
        total += now - host[row, lay.C_START] - host[row, lay.C_STOLEN]
    return total
