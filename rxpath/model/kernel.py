"""The model's entry points: a frame in, the next deadline, events out.

Time is an argument, int64 nanoseconds; nothing here reads a clock.  All functions are compiled
(`rxpath.compile.jit`), release the GIL and may be called from other compiled functions; there,
give the outer function an explicit signature with `rxpath.model.state.host.STATE`.

The driver's loop, under either clock::

    n = advance(state, now, out)             # again while n == len(out)
    ... each slot named in out[:n] belongs to the driver again ...
    reason = receive(state, slot, now, frame)  # 0, or why the frame was dropped at once
    now = min(next arrival, next_deadline(state))
"""

from __future__ import annotations

from numba import types

from rxpath.compile.jit import compile_for, entry, inlined, inner, shared
from rxpath.compile.pointers import SizedType
from rxpath.compile.tables import Rows
from rxpath.model import (
    backlog,
    bypass,
    events,
    load,
    nic,
    offload,
    output,
    rebalance,
    sched,
    sockets,
    softirq,
    stages,
)
from rxpath.model import cpu as cpus
from rxpath.model.frame import FRAME, Frame
from rxpath.model.state import codes
from rxpath.model.state.host import NEVER, STATE, State
from rxpath.model.state.packets import Event

NO_EVENTS = 0  # a name: a literal 0 is a type of its own and would compile `run_until` again


@entry
def receive(state: State, slot: int, now: int, frame: Frame) -> int:
    """A frame arrives at the NIC at ``now``.  Call `advance(state, now, ...)` first.

    Args:
        state: the host.
        slot: index of the frame's buffer, the model's until an event names it.
        now: arrival, model ns; taken as the model's clock when it lies before it.
        frame: see `Frame`.

    Returns:
        0, or the drop reason (`codes.RX_MISSED`): then the slot is the driver's again and no event
        will name it.
    """
    row, wire_len, priority = _chain(state, frame)
    now = max(now, state.output.now)
    state.output.now = now
    state.counters.received += 1
    state.hops[slot].count = 0
    _fill(state, slot, now, frame, row, wire_len)
    if state.knobs.prism != codes.OFF:
        state.slots[slot].priority = priority
    state.flows[frame.flow].sent += 1
    queue = nic.queue_of(state, frame.rss_hash)
    if state.stages[row].kind == codes.POLL:
        arrived = bypass.arrive(state, state.irq_cpus[queue], slot, now)
    else:
        if state.knobs.rebalance_ns > 0:
            queue = rebalance.queue_of(state, frame.rss_hash)
        arrived = nic.arrive(state, queue, slot, now)
    if arrived:
        return codes.NOT_DROPPED
    output.count_drop(state, codes.RX_MISSED)
    return codes.RX_MISSED


@inlined
def _fill(state: State, slot: int, now: int, frame: Frame, row: int, wire_len: int) -> None:
    """The frame becomes an skb of its own."""
    skb = state.slots[slot]
    skb.stage = row
    skb.protocol = frame.protocol
    skb.frames = 1
    skb.length = wire_len
    skb.came_from = 0
    skb.waits_for = codes.WORK_NONE
    skb.recorded = state.knobs.records
    skb.hash = frame.rss_hash & 0xFFFFFFFF
    skb.choice = codes.CHOICE_NONE
    skb.target = 0
    skb.held = 0
    skb.worked = 0
    skb.socket = frame.socket
    skb.hop = 0
    skb.enqueued = now
    skb.order = codes.ORDER_NONE
    skb.number = state.flows[frame.flow].sent
    skb.flow = frame.flow
    skb.arrival = now
    skb.wire = wire_len
    skb.frame = -1
    skb.truesize = wire_len + state.costs.skb_overhead
    skb.last = slot
    skb.payload = frame.payload
    skb.seq = frame.seq & 0xFFFFFFFF
    skb.flags = frame.fragments if frame.fragments else frame.tcp_flags
    skb.gro_key = frame.gro_key


@inner
def _chain(state: State, frame: Frame) -> tuple[int, int, int]:
    """The first row of the chain that the frame takes, its bytes as they come up, its priority."""
    chain, wire_len = state.chains[frame.chain], frame.wire_len
    priority = 0
    if chain.low_path:
        if state.flows[frame.flow].priority and frame.fragments <= 1:  # fragments have no ports
            priority = 1
        else:
            chain = state.chains[chain.low_path - 1]
    slow_path = chain.slow_path
    if slow_path and not offload.has_entry(state, frame.flow, frame.socket):
        chain = state.chains[slow_path - 1]
        wire_len += codes.VXLAN_BYTES  # the NIC has not taken the tunnel off
    if state.flows[frame.flow].rule == codes.RULE_DENIED:
        return chain.denied, wire_len, priority
    if frame.fragments > 1:
        return chain.fragments, wire_len, priority
    return chain.first, wire_len, priority


@entry
def next_deadline(state: State) -> int:
    """When the model next has something to do, model ns; `NEVER` when it is idle."""
    if output.waiting(state):
        return state.output.now
    return events.first_time(state)


@entry
def advance(state: State, until: int, out: Rows[Event]) -> int:
    """Run the host up to and including ``until``; write events to ``out``.

    Returns the number of rows written.  When it is ``len(out)`` there may be more: consume them
    and call again with the same ``until`` (the model stands where it stopped).  Events come in
    order of time; ties are broken by (time, priority of the source, sequence).
    """
    return run_until(state, until, out, NO_EVENTS)


@shared
def run_until(state: State, until: int, out: Rows[Event], count: int) -> int:
    """`advance`, when ``count`` rows of ``out`` are already written."""
    if output.waiting(state):
        count = output.drain(state, out, count)
    while not output.waiting(state):
        cpu_done, other = state.schedule.first, events.first_other(state)
        now = min(cpu_done, other)
        if now > until or now == NEVER:
            state.output.now = max(until, state.output.now)
            break
        state.output.now = now
        if cpu_done < other:
            free = events.take_cpu(state)
            _finish(state, free, now)
        else:
            free = _dispatch(state, now)
        if free != codes.NONE:
            _next_work(state, free, now)
        if output.waiting(state):
            count = output.drain(state, out, count)
    return count


@entry
def set_tick(state: State, time: int) -> None:
    """CPU load is next measured at ``time`` (and then at the knob's interval)."""
    events.schedule_tick(state, time)


@inlined
def _dispatch(state: State, now: int) -> int:
    """Handle what is due now other than a CPU's work; the CPU that is free for new work, or -1."""
    sources = state.sources
    if sources[codes.TICK].when == now:
        load.tick(state, now)
    elif sources[codes.RING_INTERRUPT].first == now:
        queue = events.take(sources, codes.RING_INTERRUPT) - codes.INTERRUPT
        nic.raise_interrupt(state, queue, now)
    elif sources[codes.RING_IPI].first == now:
        napi = events.take(sources, codes.RING_IPI) - codes.IPI + codes.CELL_NAPI
        backlog.receive_ipi(state, napi, now)
    else:
        task = events.take(sources, codes.RING_WAKE) - codes.WAKE
        return _resume(state, sched.wake(state, task), now)
    return codes.NONE


@inlined
def _finish(state: State, cpu: int, now: int) -> None:
    """A CPU's work is done."""
    cpus.account(state, cpu, now)
    core = state.cpus[cpu]
    if core.work == codes.WORK_TASK:
        slot = core.slot
        stages.end(state, slot, now)
        sockets.deliver(state, cpu, slot, now)
    elif core.work == codes.WORK_POLL:
        bypass.finish(state, cpu, core.slot, now)
    elif core.work != codes.WORK_IRQ:
        softirq.finish(state, cpu, now)


@inlined
def _resume(state: State, cpu: int, now: int) -> int:
    """A thread woke up: its CPU, when that is idle or the running thread has to yield; or -1."""
    bypass.stop_spinning(state, cpu, now)
    work = state.cpus[cpu].work
    if work == codes.WORK_TASK and sched.must_yield(state, cpu):
        cpus.suspend(state, cpu, now)
        work = codes.WORK_NONE
    return cpu if work == codes.WORK_NONE else codes.NONE


@inner
def _next_work(state: State, cpu: int, now: int) -> None:
    """Give a free CPU its next work: softirqs, then threads, then rest."""
    core = state.cpus[cpu]
    while True:
        raised = softirq.pending(core) and not sched.ksoftirqd_is_awake(state, cpu)
        if raised and core.softirq == codes.SOFTIRQ_NONE:
            softirq.enter(state, cpu, codes.SOFTIRQ_INLINE, now)
        if core.softirq != codes.SOFTIRQ_NONE:
            if softirq.step(state, cpu, now):
                return
            continue
        if bypass.take(state, cpu, now):
            return
        task = sched.pick(state, cpu)
        if task < 0:
            cpus.rest(state, cpu)
            bypass.spin(state, cpu, now)
            return
        if task >= codes.THREADS:
            if sched.run(state, cpu, task, now):
                return
        elif task < codes.NAPI_THREADS:
            softirq.enter(state, cpu, codes.SOFTIRQ_THREAD, now)
        elif not softirq.enter_poll(state, cpu, task - codes.NAPI_THREADS):
            sched.sleep(state, cpu)


def warm() -> None:
    """Compile all of it, or load it from the disk cache: about 10 s, then milliseconds."""
    out = SizedType(Event)
    compile_for(run_until, (STATE, types.int64, out, types.int64))
    compile_for(receive, (STATE, types.int64, types.int64, FRAME))
    compile_for(next_deadline, (STATE,))
    compile_for(set_tick, (STATE, types.int64))
    compile_for(advance, (STATE, types.int64, out))
