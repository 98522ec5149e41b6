"""The receive path's doors: a frame in, the next deadline, events out.

Time is an argument, int64 nanoseconds; nothing here reads a clock.  All functions are compiled
(`rxpath.compile.jit`), release the GIL and may be called from other compiled functions; there,
give the outer function an explicit signature with `rxpath.model.state.host.STATE_TYPE` and
`rxpath.model.policy.CHOOSE_TYPE`, so that one compilation serves every policy.

The driver's loop, under either clock::

    n = advance(state, now, out, choose)     # again while n == len(out)
    ... each slot named in out[:n] belongs to the driver again ...
    place = receive(state, slot, now, ...)   # 0, or the place where the frame was lost at once
    now = min(next arrival, next_deadline(state))
"""

from __future__ import annotations

from typing import Any

from numba import types

from rxpath.compile.jit import compile_for, inlined, inner, kernel, shared
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
from rxpath.model.policy import CHOOSE_TYPE
from rxpath.model.state import layout as lay
from rxpath.model.state.bare import BARE_STATE_TYPE, Bare, bare, rows_of
from rxpath.model.state.host import STATE_TYPE, State, Table

NEVER = events.NEVER

bare_events = rows_of(lay.EVENT_COLUMNS)


@kernel
def receive(
    state: State,
    slot: int,
    now: int,
    rss_hash: int,
    flow: int,
    socket: int,
    chain: int,
    protocol: int,
    wire_len: int,
    payload: int,
    seq: int,
    tcp_flags: int,
    gro_key: int,
) -> int:
    """A frame arrives at the NIC at ``now``.  Call `advance(state, now, ...)` first.

    Args:
        state: the host.
        slot: index of the frame's buffer, the model's until an event names it.
        now: arrival, model ns; taken as the model's clock when it lies before it.
        rss_hash: Toeplitz hash of the outer headers (32 bits): picks the RX queue, is skb_hash.
        flow: 0 <= flow < flows: reordering is measured, and GRO merges, per flow.
        socket: 0 <= socket < sockets: who reads it.
        chain: the frame's chain of stages, `Model.chain(...)`.
        protocol: the inner IP protocol (6 TCP, 17 UDP, others as UDP without GRO).
        wire_len: bytes on the wire, outer headers included.
        payload: bytes of TCP payload (GRO); 0 for others.
        seq: TCP sequence number (GRO); 0 for others.
        tcp_flags: the TCP header's flag byte (GRO); 0 for others.
        gro_key: anything that must be equal for two segments to merge (ack number, options).

    Returns:
        0, or the drop place (`layout.PLACE_RX_MISSED`): then the slot is the driver's again and
        no event will name it.
    """
    return take_in(
        bare(state),
        slot,
        now,
        rss_hash,
        flow,
        socket,
        chain,
        protocol,
        wire_len,
        payload,
        seq,
        tcp_flags,
        gro_key,
    )


@inner
def take_in(
    state: State,
    slot: int,
    now: int,
    rss_hash: int,
    flow: int,
    socket: int,
    chain: int,
    protocol: int,
    wire_len: int,
    payload: int,
    seq: int,
    tcp_flags: int,
    gro_key: int,
) -> int:
    """`receive` of a bare state."""
    host, slots = state.host, state.slot
    row, wire_len = _way(state, flow, socket, chain, wire_len)
    now = max(now, host[lay.CLOCK, lay.CK_NOW])
    host[lay.CLOCK, lay.CK_NOW] = now
    host[lay.CLOCK, lay.CK_RECEIVED] += 1
    state.hop[slot] = 0
    slots[slot, lay.S_ROW] = row
    slots[slot, lay.S_PROTOCOL] = protocol
    slots[slot, lay.S_FRAMES] = 1
    slots[slot, lay.S_LENGTH] = wire_len
    slots[slot, lay.S_FROM] = 0
    slots[slot, lay.S_SPLIT] = lay.SPLIT_NONE
    slots[slot, lay.S_RECORDED] = host[lay.KNOB, lay.K_RECORDS]
    slots[slot, lay.S_HASH] = rss_hash & 0xFFFFFFFF
    slots[slot, lay.S_CHOICE] = lay.CHOICE_NONE
    slots[slot, lay.S_TARGET] = 0
    slots[slot, lay.S_SOCKET] = socket
    slots[slot, lay.S_HOP] = 0
    slots[slot, lay.S_ENQUEUED] = now
    slots[slot, lay.S_ORDER] = lay.ORDER_NONE
    slots[slot, lay.S_NUMBER] = state.flow[flow, lay.F_SENT]
    slots[slot, lay.S_FLOW] = flow
    slots[slot, lay.S_ARRIVAL] = now
    slots[slot, lay.S_WIRE] = wire_len
    slots[slot, lay.S_FRAME] = -1
    slots[slot, lay.S_TRUESIZE] = wire_len + host[lay.COST, lay.X_SKB_OVERHEAD]
    slots[slot, lay.S_LAST] = slot
    slots[slot, lay.S_PAYLOAD] = payload
    slots[slot, lay.S_SEQ] = seq & 0xFFFFFFFF
    slots[slot, lay.S_FLAGS] = tcp_flags
    slots[slot, lay.S_KEY] = gro_key
    state.flow[flow, lay.F_SENT] += 1
    queue = nic.queue_of(state, rss_hash)
    if host[row, lay.R_KIND] == lay.POLL:
        arrived = bypass.arrive(state, state.lists[lay.LIST_IRQ, queue], slot, now)
    else:
        if host[lay.KNOB, lay.K_REBALANCE_NS] > 0:
            queue = rebalance.queue_of(state, rss_hash)
        arrived = nic.arrive(state, queue, slot, now)
    if arrived:
        return lay.PLACE_NONE
    host[lay.CLOCK, lay.CK_DROPS + lay.PLACE_RX_MISSED] += 1
    return lay.PLACE_RX_MISSED


@inner
def _way(state: State, flow: int, socket: int, chain: int, wire_len: int) -> tuple[int, int]:
    """The first stage's row of the chain that the frame takes, and its bytes as they come up."""
    row = state.lists[lay.LIST_CHAIN, chain]
    slow_path = state.host[row, lay.R_SLOW]
    if slow_path and not offload.has_entry(state, flow, socket):
        chain = slow_path - 1
        row = state.lists[lay.LIST_CHAIN, chain]
        wire_len += lay.VXLAN_BYTES  # the NIC has not taken the tunnel off
    if state.flow[flow, lay.F_RULE] == lay.RULE_DENIED:
        row = state.lists[lay.LIST_DENIED, chain]
    return row, wire_len


@kernel
def next_deadline(state: State) -> int:
    """When the model next has something to do, model ns; `NEVER` when it is idle."""
    return deadline(bare(state))


@inner
def deadline(state: State) -> int:
    """`next_deadline` of a bare state."""
    host = state.host
    if output.waiting(host):
        now: int = host[lay.CLOCK, lay.CK_NOW]
        return now
    return events.first_time(state.due)


@kernel
def advance(state: State, until: int, out: Table, choose: Any) -> int:
    """Run the host up to and including ``until``; write events to ``out`` [rows, EV_*].

    Returns the number of rows written.  When it is ``len(out)`` there may be more: consume them
    and call again with the same ``until`` (the model stands where it stopped).  Events come in
    order of time; ties are broken by (time, priority of the source, sequence).
    """
    return run_until(bare(state), until, bare_events(out), lay.NO_EVENTS, len(out), choose)


@shared
def run_until(state: State, until: int, out: Table, count: int, room: int, choose: Any) -> int:
    """`advance` of a bare state: `out` has ``room`` rows and ``count`` of them are written."""
    host, due = state.host, state.due
    if output.waiting(host):
        count = output.drain(state, out, count, room)
    while not output.waiting(host):
        cpu_done, other = events.first_cpu(due), events.first_other(due)
        now = min(cpu_done, other)
        if now > until or now == NEVER:
            host[lay.CLOCK, lay.CK_NOW] = max(until, host[lay.CLOCK, lay.CK_NOW])
            break
        host[lay.CLOCK, lay.CK_NOW] = now
        if cpu_done < other:
            free = events.take_cpu(due)
            _finish(state, free, now, choose)
        else:
            free = _happen(state, now)
        if free != lay.NONE:
            _next_work(state, free, now, choose)
        if output.waiting(host):
            count = output.drain(state, out, count, room)
    return count


@kernel
def set_tick(state: State, time: int) -> None:
    """CPU load is next measured at ``time`` (and then at the knob's interval)."""
    events.schedule_tick(bare(state).due, time)


@inlined
def _happen(state: State, now: int) -> int:
    """What is due now besides CPUs' works takes place; the CPU that is to look for work, or -1."""
    due = state.due
    if due[lay.TICK, lay.D_WHEN] == now:
        load.tick(state, now)
    elif events.first_of(due, lay.RING_INTERRUPT) == now:
        queue = events.take(due, lay.RING_INTERRUPT) - lay.INTERRUPT
        nic.raise_interrupt(state, queue, now)
    elif events.first_of(due, lay.RING_IPI) == now:
        napi = events.take(due, lay.RING_IPI) - lay.IPI + lay.CELL_NAPI
        backlog.receive_ipi(state, napi, now)
    else:
        task = events.take(due, lay.RING_WAKE) - lay.WAKE
        return _resume(state, sched.wake(state.host, task), now)
    return lay.NONE


@inlined
def _finish(state: State, cpu: int, now: int, choose: Any) -> None:
    """A CPU's work is done."""
    host = state.host
    cpus.account(host, cpu, now)
    work = host[lay.CPU + cpu, lay.C_WORK]
    if work == lay.WORK_TASK:
        slot = host[lay.CPU + cpu, lay.C_SLOT]
        stages.end(state, slot, now)
        sockets.deliver(state, cpu, slot, now)
    elif work == lay.WORK_POLL:
        bypass.finish(state, cpu, host[lay.CPU + cpu, lay.C_SLOT], now)
    elif work != lay.WORK_IRQ:
        softirq.finish(state, cpu, now, choose)


@inlined
def _resume(state: State, cpu: int, now: int) -> int:
    """A thread woke up: the CPU, when it is idle or what runs there has to yield; or -1."""
    host = state.host
    bypass.stop_spinning(host, cpu, now)
    work = host[lay.CPU + cpu, lay.C_WORK]
    if work == lay.WORK_TASK and sched.must_yield(host, cpu):
        cpus.suspend(state, cpu, now)
        work = lay.WORK_NONE
    return cpu if work == lay.WORK_NONE else lay.NONE


@inner
def _next_work(state: State, cpu: int, now: int, choose: Any) -> None:
    """Give a free CPU its next work: softirqs, then threads, then rest."""
    host = state.host
    row = lay.CPU + cpu
    while True:
        raised = softirq.pending(host, cpu) and not sched.ksoftirqd_is_awake(host, cpu)
        if raised and host[row, lay.C_SOFTIRQ] == lay.SOFTIRQ_NONE:
            softirq.enter(host, cpu, lay.SOFTIRQ_INLINE, now)
        if host[row, lay.C_SOFTIRQ] != lay.SOFTIRQ_NONE:
            if softirq.step(state, cpu, now, choose):
                return
            continue
        if bypass.take(state, cpu, now):
            return
        task = sched.pick(host, cpu)
        if task < 0:
            cpus.rest(state, cpu)
            bypass.spin(host, cpu, now)
            return
        if task < lay.THREADS:
            softirq.enter(host, cpu, lay.SOFTIRQ_THREAD, now)
        elif sched.run(state, cpu, task, now):
            return


def warm() -> None:
    """Compile all of it, or load it from the disk cache: about 10 s, then milliseconds."""
    integer = types.int64
    events = types.Array(integer, 2, "C")
    out = Bare((lay.EVENT_COLUMNS,))
    compile_for(run_until, (BARE_STATE_TYPE, integer, out, integer, integer, CHOOSE_TYPE))
    compile_for(receive, (STATE_TYPE, *(integer,) * 12))
    compile_for(next_deadline, (STATE_TYPE,))
    compile_for(set_tick, (STATE_TYPE, integer))
    compile_for(advance, (STATE_TYPE, integer, events, CHOOSE_TYPE))
