"""NET_RX_SOFTIRQ of one CPU, as in net/core/dev.c and kernel/softirq.c.

net_rx_action polls the instances of the poll list in turn, each up to its weight, until its budget
or time is used up.  What was scheduled in the meantime, then what used up its weight, is left for
the next round.  The rounds are repeated a limited number of times, then ksoftirqd takes over.

A NAPI thread polls its one instance, without a budget, while softirqs wait; they run when the poll
ends [napi_threaded_poll, local_bh_enable].  Between polls it may have to yield to another thread.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import backlog, fifo, gro, nic, priority, sched, stages
from rxpath.model import cpu as cpus
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import Cpu

NO_COST = 0  # ns


@inner
def pending(core: Cpu) -> bool:
    """Whether NET_RX_SOFTIRQ is raised."""
    return core.poll_list.head >= 0 or core.raised != 0


@inner
def enter(state: State, cpu: int, context: int, now: int) -> None:
    """__do_softirq begins, on return from an interrupt or in ksoftirqd."""
    core = state.cpus[cpu]
    core.softirq = context
    core.softirq_start = now
    core.restarts = 0
    _begin_action(state, cpu, now)


@inner
def enter_poll(state: State, cpu: int, napi: int) -> bool:
    """The thread that polls ``napi`` runs: its next poll begins; False: there is nothing to poll.

    An instance that softirqs are polling since threads were switched off is not the thread's.
    """
    if state.napis[napi].scheduled != codes.BY_THREAD:
        return False
    core = state.cpus[cpu]
    core.softirq = codes.SOFTIRQ_POLL
    core.urgent = core.ahead = 0
    _begin_poll(state, core, napi)
    return True


@inner
def step(state: State, cpu: int, now: int) -> bool:
    """Start the next piece of softirq work; False when there is none left in this context."""
    core = state.cpus[cpu]
    while True:
        ready = fifo.pop(core.ready, state.slots)
        if ready >= 0:
            stages.start_stack(state, cpu, ready, now)
            return True
        if core.napi >= 0:
            if _poll(state, cpu, core.napi, now):
                return True
            _end_poll(state, cpu, now)
        elif core.softirq == codes.SOFTIRQ_POLL:
            if core.extra > 0:
                cpus.start(state, cpu, now, codes.WORK_OVERHEAD, codes.NONE, NO_COST)
                return True
            core.softirq = codes.SOFTIRQ_NONE
            return False
        elif not _next_napi(state, cpu):
            if core.ipi_list.head >= 0:
                cpus.start(state, cpu, now, codes.WORK_IPI, codes.NONE, state.costs.ipi_send)
                return True
            if core.extra > 0:
                cpus.start(state, cpu, now, codes.WORK_OVERHEAD, codes.NONE, NO_COST)
                return True
            if not _end_action(state, cpu, now):
                return False


@inlined
def finish(state: State, cpu: int, now: int) -> None:
    """The softirq work that was started is done."""
    core = state.cpus[cpu]
    work, napi = core.work, core.napi
    if work == codes.WORK_IPI:
        backlog.send_ipi(state, cpu, now)
    elif work != codes.WORK_OVERHEAD:
        stages.finish(state, cpu, napi, core.slot, work, now)
        if work != codes.WORK_STACK and work != codes.WORK_DATAGRAM:
            state.napis[napi].done += 1
    if napi >= 0 and core.ready.head < 0 and state.napis[napi].held == 0:
        state.napis[napi].head = state.napis[napi].done
        if state.napis[napi].awaited != 0:
            stages.release(state, cpu, napi, now)


@inlined
def _next_napi(state: State, cpu: int) -> bool:
    """Take the next instance of the round, while its budget lasts."""
    core = state.cpus[cpu]
    if core.squeezed:
        return False
    if state.knobs.prism == codes.OFF:
        napi = fifo.pop(core.action, state.napis)
    else:
        napi = priority.next_napi(state, core)
    if napi < 0:
        return False
    _begin_poll(state, core, napi)
    return True


@inlined
def _begin_poll(state: State, core: Cpu, napi: int) -> None:
    core.napi = napi
    core.polled = 0
    core.flushes = 0
    core.extra += state.costs.napi_poll


@inlined
def _poll(state: State, cpu: int, napi: int, now: int) -> bool:
    """Start the poll's next packet, or flush what GRO holds; False: the poll is over.

    The poll function ends at an empty queue, and GRO is flushed behind it [napi_complete_done].
    """
    core = state.cpus[cpu]
    if napi >= codes.BACKLOG_NAPI and core.polled == 0 and core.ipi_list.head >= 0:
        cpus.start(state, cpu, now, codes.WORK_IPI, codes.NONE, state.costs.ipi_send)
        return True
    if napi >= codes.BACKLOG_NAPI and state.knobs.prism != codes.OFF and core.flushes == 0:
        slot = priority.take(state, cpu, napi)
        if slot >= 0:
            core.polled += 1
            stages.start_skb(state, cpu, napi, slot, now)
            return True
        core.flushes = core.urgent
    if core.flushes == 0 and core.polled < state.knobs.weight:
        slot = nic.take(state, napi) if napi < codes.CELL_NAPI else backlog.take(state, napi)
        if slot >= 0:
            core.polled += 1
            if napi < codes.CELL_NAPI:
                stages.start_frame(state, cpu, napi, slot, now)
            else:
                stages.start_skb(state, cpu, napi, slot, now)
            return True
    core.flushes = 1  # what comes now waits for the next poll
    held = gro.take_oldest(state, napi)
    if held >= 0:
        stages.start_stack(state, cpu, held, now)
        return True
    return False


@inlined
def _end_poll(state: State, cpu: int, now: int) -> None:
    """The instance is done, or to be polled again; the round's budget shrinks."""
    core = state.cpus[cpu]
    napi = core.napi
    core.napi = -1
    more = core.polled >= state.knobs.weight
    if napi >= codes.CELL_NAPI and state.napis[napi].length > 0:
        more = True  # it came while GRO was flushed
    is_listed = False
    if state.knobs.prism != codes.OFF:
        is_listed = core.ahead != 0
        more = more or core.urgent != 0 or state.napis[napi].urgent_length > 0
    if is_listed:
        pass
    elif not more and napi < codes.CELL_NAPI:
        nic.complete(state, napi, now)
    elif not more:
        state.napis[napi].scheduled = codes.UNSCHEDULED
    elif core.softirq != codes.SOFTIRQ_POLL:
        fifo.push(core.repoll, state.napis, napi)
    if core.softirq == codes.SOFTIRQ_POLL:
        return
    core.budget -= core.polled
    late = now - core.action_start >= state.knobs.budget_ns
    if core.budget <= 0 or late:
        core.squeezed = 1
        state.counters.squeezed += 1


@inner
def _begin_action(state: State, cpu: int, now: int) -> None:
    core = state.cpus[cpu]
    core.budget = state.knobs.budget
    core.action_start = now
    core.squeezed = 0
    core.raised = 0
    core.net_rx += 1
    core.extra += state.costs.softirq_entry
    if state.knobs.prism == codes.OFF:
        fifo.splice(core.action, core.poll_list, state.napis)


@inner
def _end_action(state: State, cpu: int, now: int) -> bool:
    """What is left goes back to the poll list; True when another round begins at once."""
    core = state.cpus[cpu]
    fifo.splice(core.action, core.poll_list, state.napis)
    fifo.splice(core.action, core.repoll, state.napis)
    fifo.splice(core.poll_list, core.action, state.napis)
    again = pending(core)
    if core.softirq == codes.SOFTIRQ_THREAD:
        if not again:
            sched.sleep(state, cpu)
        again = again and not sched.must_yield(state, cpu)
    elif again and _took_too_long(state, cpu, now):
        sched.wake_ksoftirqd(state, cpu)
        again = False
    if again:
        core.restarts += 1
        _begin_action(state, cpu, now)
    else:
        core.softirq = codes.SOFTIRQ_NONE
    return again


@inner
def _took_too_long(state: State, cpu: int, now: int) -> bool:
    """2 ms, ten rounds, or a thread that wants the CPU [__do_softirq]."""
    core, costs = state.cpus[cpu], state.costs
    if now - core.softirq_start >= costs.softirq_time_limit:
        return True
    return core.restarts + 1 >= costs.softirq_restarts or sched.others_wait(core)
