"""Threads of a CPU: the applications', NAPI threads and ksoftirqd, scheduled as by CFS.

The runnable thread with the least virtual runtime runs; the running one is replaced when it is
ahead of another by the minimum granularity, at the end of its message, poll or net_rx_action; a
thread that slept comes back with a credit, so that it preempts a busy one [kernel/sched/fair.c].
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model import sockets, stages
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import Cpu


@inner
def wake(state: State, number: int) -> int:
    """The thread becomes runnable; the CPU that it is on."""
    task = state.tasks[number]
    floor = state.cpus[task.cpu].min_runtime - state.costs.sched_sleeper_credit
    task.runtime = max(task.runtime, floor)
    _ready(state, task.cpu, number)
    return task.cpu


@inner
def wake_ksoftirqd(state: State, cpu: int) -> None:
    """Softirqs took too long: leave the rest of them to the CPU's ksoftirqd."""
    if not ksoftirqd_is_awake(state, cpu):
        state.counters.ksoftirqd += 1
        wake(state, cpu)


@inner
def sleep(state: State, cpu: int) -> None:
    """The CPU's running thread has nothing to do."""
    core = state.cpus[cpu]
    state.tasks[core.task].state = codes.ASLEEP
    core.task = codes.NONE


@inner
def ksoftirqd_is_awake(state: State, cpu: int) -> bool:
    """While it is, interrupts leave softirqs to it [kernel/softirq.c, ksoftirqd_running]."""
    return state.tasks[cpu].state != codes.ASLEEP


@inner
def must_yield(state: State, cpu: int) -> bool:
    """Whether the running thread is so far ahead of a runnable one that this one's turn is due."""
    core, tasks = state.cpus[cpu], state.tasks
    best = _best(state, cpu)
    if best < 0 or core.task < 0:
        return best >= 0
    return tasks[core.task].runtime - tasks[best].runtime > state.costs.sched_granularity


@inner
def others_wait(core: Cpu) -> bool:
    """Whether threads other than the running one are runnable."""
    return core.runnable >= 0


@inner
def pick(state: State, cpu: int) -> int:
    """The thread to run now, or -1: the present one unless another's turn has come."""
    core = state.cpus[cpu]
    if must_yield(state, cpu):
        before = core.task
        best = _best(state, cpu)
        _remove(state, cpu, best)
        if before >= 0:
            _ready(state, cpu, before)
        core.task = best
        state.tasks[best].state = codes.RUNNING
        core.min_runtime = max(core.min_runtime, state.tasks[best].runtime)
        if core.last_task == codes.NONE:
            core.extra += state.costs.idle_switch
        elif core.last_task != best:
            core.extra += state.costs.context_switch
        core.last_task = best
    return core.task


@inlined
def run(state: State, cpu: int, number: int, now: int) -> bool:
    """Let an application's thread go on with its message or take the next; False: it sleeps."""
    task = state.tasks[number]
    if task.slot >= 0:
        slot, cost = task.slot, task.remaining
        task.slot = -1
        cpus.start(state, cpu, now, codes.WORK_TASK, slot, cost)
        return True
    slot = sockets.take(state, number)
    if slot < 0:
        sleep(state, cpu)
        return False
    skb = state.slots[slot]
    stages.begin(state, cpu, slot, codes.SOCKET, codes.CHOICE_NONE, now)
    cost = stages.stack_cost(state.stages[skb.stage], skb) + state.knobs.service_ns
    if skb.came_from != cpu:
        cost += state.costs.cache_penalty
    cpus.start(state, cpu, now, codes.WORK_TASK, slot, cost)
    return True


@inner
def _ready(state: State, cpu: int, number: int) -> None:
    task = state.tasks[number]
    task.state = codes.RUNNABLE
    task.next = state.cpus[cpu].runnable
    state.cpus[cpu].runnable = number


@inner
def _best(state: State, cpu: int) -> int:
    """The runnable thread with the least runtime, the lowest task number among equals."""
    best = codes.NONE
    task = state.cpus[cpu].runnable
    while task >= 0:
        if best < 0 or _precedes(state, task, best):
            best = task
        task = state.tasks[task].next
    return best


@inner
def _precedes(state: State, task: int, other: int) -> bool:
    mine, its = state.tasks[task].runtime, state.tasks[other].runtime
    return mine < its or (mine == its and task < other)


@inner
def _remove(state: State, cpu: int, task: int) -> None:
    core, tasks = state.cpus[cpu], state.tasks
    if core.runnable == task:
        core.runnable = tasks[task].next
        return
    before = core.runnable
    while tasks[before].next != task:
        before = tasks[before].next
    tasks[before].next = tasks[task].next
