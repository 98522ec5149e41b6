"""A CPU does one piece of work at a time; interrupts take time out of it, or go before a thread.

Softirq work is not preempted, only prolonged by interrupts, as in the kernel (interrupts are on
while softirqs run).  A thread's work is set aside when an interrupt comes and goes on after the
softirqs that the interrupt raised.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model import events, observe
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import Cpu

NO_TIME = 0  # ns


@inner
def start(state: State, cpu: int, now: int, work: int, slot: int, cost: int) -> None:
    """Begin ``work`` of ``cost`` ns, and of what was left to be added to it."""
    core = state.cpus[cpu]
    cost += core.extra
    core.extra = 0
    core.work = work
    core.slot = slot
    core.start = now
    core.stolen = 0
    core.booked = _busy_kind(core, work)
    events.schedule_cpu(state, cpu, now + cost)


@inner
def rest(state: State, cpu: int) -> None:
    """Nothing to do: the idle task runs until an interrupt."""
    core = state.cpus[cpu]
    core.work = codes.WORK_NONE
    core.last_task = codes.NONE


@inner
def account(state: State, cpu: int, now: int) -> None:
    """Book the time since the work's start to who used it; threads pay with their runtime."""
    core = state.cpus[cpu]
    elapsed = now - core.start - core.stolen
    kind = core.booked
    core.busy[kind] += elapsed
    if kind >= codes.BUSY_KSOFTIRQD and kind != codes.BUSY_POLLING:
        state.tasks[core.task].runtime += elapsed
    if state.knobs.observed:
        observe.note(state, cpu, elapsed, now)


@inner
def _busy_kind(core: Cpu, work: int) -> int:
    if work == codes.WORK_IRQ:
        return codes.BUSY_HARDIRQ
    if work == codes.WORK_TASK:
        return codes.BUSY_TASK
    if work == codes.WORK_POLL:
        return codes.BUSY_POLLING
    if core.softirq == codes.SOFTIRQ_INLINE:
        return codes.BUSY_SOFTIRQ
    return codes.BUSY_KSOFTIRQD if core.softirq == codes.SOFTIRQ_THREAD else codes.BUSY_NAPI


@inner
def interrupt(state: State, cpu: int, now: int, cost: int) -> None:
    """A hardware interrupt of ``cost`` ns; softirqs that it raises run when it is over."""
    core = state.cpus[cpu]
    work = core.work
    wake_up = state.knobs.idle_exit_ns if work == codes.WORK_NONE else NO_TIME
    if work == codes.WORK_TASK:
        suspend(state, cpu, now)
        work = codes.WORK_NONE
    elif work == codes.WORK_SPIN:
        account(state, cpu, now)
        work = codes.WORK_NONE
    if work == codes.WORK_NONE:
        start(state, cpu, now, codes.WORK_IRQ, codes.NONE, cost + wake_up)
        core.stolen = wake_up  # the CPU still counts as idle
        return
    core.stolen += cost
    core.busy[codes.BUSY_HARDIRQ] += cost
    if state.knobs.observed:
        state.observed.cpus[cpu].ns[codes.ACTIVITY_HARDIRQ] += cost
    end = events.cancel_cpu(state, cpu)
    events.schedule_cpu(state, cpu, end + cost)


@inner
def suspend(state: State, cpu: int, now: int) -> None:
    """Set the thread's work aside; its task remembers how much of it is left."""
    core = state.cpus[cpu]
    account(state, cpu, now)
    task = state.tasks[core.task]
    task.remaining = events.cancel_cpu(state, cpu) - now
    task.slot = core.slot
    core.work = codes.WORK_NONE


@inner
def busy_ns(core: Cpu, now: int) -> int:
    """How long the CPU was busy since the counters were zeroed, the present work included."""
    total = 0
    for kind in range(len(codes.BUSY_NAMES)):
        total += core.busy[kind]
    if core.work != codes.WORK_NONE:
        total += now - core.start - core.stolen
    return total
