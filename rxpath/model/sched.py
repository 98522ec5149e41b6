"""Threads of a CPU: the applications' and ksoftirqd, scheduled as by CFS.

The runnable thread with the least virtual runtime runs; the running one is replaced when it is
ahead of another by the minimum granularity, at the end of its message or of a net_rx_action; a
thread that slept comes back with a credit, so that it preempts a busy one [kernel/sched/fair.c].
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model import sockets, stages
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table


@inner
def wake(host: Table, task: int) -> int:
    """The thread becomes runnable; the CPU that it is on."""
    row = lay.TASK + task
    cpu: int = host[row, lay.T_CPU]
    floor = host[lay.CPU + cpu, lay.C_MIN_RUNTIME] - host[lay.COST, lay.X_SLEEPER_CREDIT]
    host[row, lay.T_RUNTIME] = max(host[row, lay.T_RUNTIME], floor)
    _ready(host, cpu, task)
    return cpu


@inner
def wake_ksoftirqd(host: Table, cpu: int) -> None:
    """Softirqs took too long: leave the rest of them to the CPU's ksoftirqd."""
    if host[lay.TASK + cpu, lay.T_STATE] == lay.ASLEEP:
        host[lay.CLOCK, lay.CK_KSOFTIRQD] += 1
        wake(host, cpu)


@inner
def sleep(host: Table, cpu: int) -> None:
    """The CPU's running thread has nothing to do."""
    row = lay.CPU + cpu
    host[lay.TASK + host[row, lay.C_TASK], lay.T_STATE] = lay.ASLEEP
    host[row, lay.C_TASK] = lay.NONE


@inner
def ksoftirqd_is_awake(host: Table, cpu: int) -> bool:
    """While it is, interrupts leave softirqs to it [kernel/softirq.c, ksoftirqd_running]."""
    awake: bool = host[lay.TASK + cpu, lay.T_STATE] != lay.ASLEEP
    return awake


@inner
def must_yield(host: Table, cpu: int) -> bool:
    """Whether the running thread is so far ahead of a runnable one that this one's turn is due."""
    row = lay.CPU + cpu
    best = _best(host, cpu)
    if best < 0 or host[row, lay.C_TASK] < 0:
        return best >= 0
    ahead = (
        host[lay.TASK + host[row, lay.C_TASK], lay.T_RUNTIME] - host[lay.TASK + best, lay.T_RUNTIME]
    )
    late: bool = ahead > host[lay.COST, lay.X_GRANULARITY]
    return late


@inner
def others_wait(host: Table, cpu: int) -> bool:
    """Whether threads besides the present one are runnable."""
    some: bool = host[lay.CPU + cpu, lay.C_RUN] >= 0
    return some


@inner
def pick(host: Table, cpu: int) -> int:
    """The thread to run now, or -1: the present one unless another's turn has come."""
    row = lay.CPU + cpu
    if must_yield(host, cpu):
        before = host[row, lay.C_TASK]
        best = _best(host, cpu)
        _remove(host, cpu, best)
        if before >= 0:
            _ready(host, cpu, before)
        host[row, lay.C_TASK] = best
        host[lay.TASK + best, lay.T_STATE] = lay.RUNNING
        floor = max(host[row, lay.C_MIN_RUNTIME], host[lay.TASK + best, lay.T_RUNTIME])
        host[row, lay.C_MIN_RUNTIME] = floor
        if host[row, lay.C_LAST_TASK] != best:
            host[row, lay.C_LAST_TASK] = best
            host[row, lay.C_EXTRA] += host[lay.COST, lay.X_CONTEXT_SWITCH]
    task: int = host[row, lay.C_TASK]
    return task


@inlined
def run(state: State, cpu: int, task: int, now: int) -> bool:
    """Let an application's thread go on with its message or take the next; False: it sleeps."""
    host, slots = state.host, state.slot
    row = lay.TASK + task
    if host[row, lay.T_SLOT] >= 0:
        slot, cost = host[row, lay.T_SLOT], host[row, lay.T_REMAINING]
        host[row, lay.T_SLOT] = -1
        cpus.start(state, cpu, now, lay.WORK_TASK, slot, cost)
        return True
    slot = sockets.take(state, task)
    if slot < 0:
        sleep(host, cpu)
        return False
    stages.begin(state, cpu, slot, lay.SOCKET, lay.CHOICE_NONE, now)
    cost = stages.stack_cost(host, slots, slot) + host[lay.KNOB, lay.K_SERVICE_NS]
    if slots[slot, lay.S_FROM] != cpu:
        cost += host[lay.COST, lay.X_CACHE_PENALTY]
    cpus.start(state, cpu, now, lay.WORK_TASK, slot, cost)
    return True


@inner
def _ready(host: Table, cpu: int, task: int) -> None:
    host[lay.TASK + task, lay.T_STATE] = lay.RUNNABLE
    host[lay.TASK + task, lay.T_NEXT] = host[lay.CPU + cpu, lay.C_RUN]
    host[lay.CPU + cpu, lay.C_RUN] = task


@inner
def _best(host: Table, cpu: int) -> int:
    """The runnable thread with the least runtime, the lowest task number among equals."""
    best = lay.NONE
    task = host[lay.CPU + cpu, lay.C_RUN]
    while task >= 0:
        if best < 0 or _precedes(host, task, best):
            best = task
        task = host[lay.TASK + task, lay.T_NEXT]
    return best


@inner
def _precedes(host: Table, task: int, other: int) -> bool:
    mine, its = host[lay.TASK + task, lay.T_RUNTIME], host[lay.TASK + other, lay.T_RUNTIME]
    first: bool = mine < its or (mine == its and task < other)
    return first


@inner
def _remove(host: Table, cpu: int, task: int) -> None:
    row = lay.CPU + cpu
    if host[row, lay.C_RUN] == task:
        host[row, lay.C_RUN] = host[lay.TASK + task, lay.T_NEXT]
        return
    before = host[row, lay.C_RUN]
    while host[lay.TASK + before, lay.T_NEXT] != task:
        before = host[lay.TASK + before, lay.T_NEXT]
    host[lay.TASK + before, lay.T_NEXT] = host[lay.TASK + task, lay.T_NEXT]
