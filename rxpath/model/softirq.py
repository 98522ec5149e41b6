"""NET_RX_SOFTIRQ of one CPU, as in net/core/dev.c and kernel/softirq.c.

net_rx_action polls the instances of the poll list in turn, each up to its weight, until its budget
or time is used up.  What was scheduled meanwhile, then what used up its weight, is left for the
next round.  The rounds are repeated a limited number of times, then ksoftirqd takes over.
"""

from __future__ import annotations

from typing import Any

from rxpath.compile.jit import inlined, inner
from rxpath.model import backlog, fifo, gro, nic, sched, stages
from rxpath.model import cpu as cpus
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table

NO_COST = 0  # ns


@inner
def pending(host: Table, cpu: int) -> bool:
    """Whether NET_RX_SOFTIRQ is raised."""
    some: bool = host[lay.CPU + cpu, lay.C_POLL] >= 0
    return some


@inner
def enter(host: Table, cpu: int, context: int, now: int) -> None:
    """__do_softirq begins, on return from an interrupt or in ksoftirqd."""
    row = lay.CPU + cpu
    host[row, lay.C_SOFTIRQ] = context
    host[row, lay.C_SOFTIRQ_START] = now
    host[row, lay.C_RESTARTS] = 0
    _begin_action(host, cpu, now)


@inner
def step(state: State, cpu: int, now: int, choose: Any) -> bool:
    """Start the next piece of softirq work; False when there is none left in this context."""
    host = state.host
    row = lay.CPU + cpu
    while True:
        ready = fifo.pop_slot(host, row, lay.C_READY, state.slot)
        if ready >= 0:
            stages.start_post(state, cpu, ready, now)
            return True
        if host[row, lay.C_NAPI] >= 0:
            if _poll(state, cpu, host[row, lay.C_NAPI], now, choose):
                return True
            _end_poll(state, cpu, now)
        elif not _next_napi(host, cpu):
            if host[row, lay.C_IPI] >= 0:
                cpus.start(state, cpu, now, lay.WORK_IPI, lay.NONE, host[lay.COST, lay.X_IPI_SEND])
                return True
            if host[row, lay.C_EXTRA] > 0:
                cpus.start(state, cpu, now, lay.WORK_OVERHEAD, lay.NONE, NO_COST)
                return True
            if not _end_action(host, cpu, now):
                return False


@inlined
def finish(state: State, cpu: int, now: int, choose: Any) -> None:
    """The softirq work that was started is done."""
    host = state.host
    row = lay.CPU + cpu
    work, slot, napi = host[row, lay.C_WORK], host[row, lay.C_SLOT], host[row, lay.C_NAPI]
    if work == lay.WORK_IPI:
        backlog.send_ipi(state, cpu, now)
    elif work != lay.WORK_OVERHEAD:
        stages.finish(state, cpu, napi, slot, work, now, choose)
        if work != lay.WORK_POST:
            host[lay.NAPIS + napi, lay.N_DONE] += 1
    if napi >= 0 and host[row, lay.C_READY] < 0 and not gro.holds_any(host, napi):
        host[lay.NAPIS + napi, lay.N_HEAD] = host[lay.NAPIS + napi, lay.N_DONE]


@inlined
def _next_napi(host: Table, cpu: int) -> bool:
    """Take the next instance of the round, while its budget lasts."""
    row = lay.CPU + cpu
    if host[row, lay.C_SQUEEZED]:
        return False
    napi = fifo.pop_napi(host, row, lay.C_LIST)
    if napi < 0:
        return False
    host[row, lay.C_NAPI] = napi
    host[row, lay.C_POLLED] = 0
    host[row, lay.C_EXTRA] += host[lay.COST, lay.X_NAPI_POLL]
    return True


@inlined
def _poll(state: State, cpu: int, napi: int, now: int, choose: Any) -> bool:
    """Start the poll's next packet, or let GRO go of what it holds; False: the poll is over."""
    host = state.host
    row = lay.CPU + cpu
    is_backlog = napi >= lay.BACKLOG_NAPI
    if is_backlog and host[row, lay.C_POLLED] == 0 and host[row, lay.C_IPI] >= 0:
        cpus.start(state, cpu, now, lay.WORK_IPI, lay.NONE, host[lay.COST, lay.X_IPI_SEND])
        return True
    if host[row, lay.C_POLLED] < host[lay.KNOB, lay.K_WEIGHT]:
        slot = nic.take(state, napi) if napi < lay.CELL_NAPI else backlog.take(state, napi)
        if slot >= 0:
            host[row, lay.C_POLLED] += 1
            if napi < lay.CELL_NAPI:
                stages.start_frame(state, cpu, napi, slot, now, choose)
            else:
                stages.start_skb(state, cpu, slot, now)
            return True
    held = gro.take_oldest(state, napi)
    if held >= 0:
        stages.start_post(state, cpu, held, now)
        return True
    return False


@inlined
def _end_poll(state: State, cpu: int, now: int) -> None:
    """The instance is done, or to be polled again; the round's budget shrinks."""
    host, row = state.host, lay.CPU + cpu
    napi = host[row, lay.C_NAPI]
    host[row, lay.C_NAPI] = -1
    more = host[row, lay.C_POLLED] >= host[lay.KNOB, lay.K_WEIGHT]
    if napi >= lay.CELL_NAPI and host[lay.NAPIS + napi, lay.N_LENGTH] > 0:
        more = True  # came while GRO let go of what it held
    if more:
        fifo.push_napi(host, row, lay.C_REPOLL, napi)
    elif napi < lay.CELL_NAPI:
        nic.complete(state, napi, now)
    else:
        host[lay.NAPIS + napi, lay.N_SCHEDULED] = 0
    host[row, lay.C_BUDGET] -= host[row, lay.C_POLLED]
    late = now - host[row, lay.C_ACTION_START] >= host[lay.KNOB, lay.K_BUDGET_NS]
    if host[row, lay.C_BUDGET] <= 0 or late:
        host[row, lay.C_SQUEEZED] = 1
        host[lay.CLOCK, lay.CK_SQUEEZED] += 1


@inner
def _begin_action(host: Table, cpu: int, now: int) -> None:
    row = lay.CPU + cpu
    host[row, lay.C_BUDGET] = host[lay.KNOB, lay.K_BUDGET]
    host[row, lay.C_ACTION_START] = now
    host[row, lay.C_SQUEEZED] = 0
    host[row, lay.C_EXTRA] += host[lay.COST, lay.X_SOFTIRQ_ENTRY]
    fifo.splice(host, row, lay.C_LIST, lay.C_POLL)


@inner
def _end_action(host: Table, cpu: int, now: int) -> bool:
    """What is left goes back to the poll list; True when another round begins at once."""
    row = lay.CPU + cpu
    fifo.splice(host, row, lay.C_LIST, lay.C_POLL)
    fifo.splice(host, row, lay.C_LIST, lay.C_REPOLL)
    fifo.splice(host, row, lay.C_POLL, lay.C_LIST)
    again = pending(host, cpu)
    if host[row, lay.C_SOFTIRQ] == lay.SOFTIRQ_THREAD:
        if not again:
            sched.sleep(host, cpu)
        again = again and not sched.must_yield(host, cpu)
    elif again and _took_too_long(host, cpu, now):
        sched.wake_ksoftirqd(host, cpu)
        again = False
    if again:
        host[row, lay.C_RESTARTS] += 1
        _begin_action(host, cpu, now)
    else:
        host[row, lay.C_SOFTIRQ] = lay.SOFTIRQ_NONE
    return again


@inner
def _took_too_long(host: Table, cpu: int, now: int) -> bool:
    """2 ms, ten rounds, or a thread that wants the CPU [__do_softirq]."""
    row = lay.CPU + cpu
    if now - host[row, lay.C_SOFTIRQ_START] >= host[lay.COST, lay.X_SOFTIRQ_TIME]:
        return True
    rounds = host[row, lay.C_RESTARTS] + 1 >= host[lay.COST, lay.X_SOFTIRQ_RESTARTS]
    return rounds or sched.others_wait(host, cpu)
