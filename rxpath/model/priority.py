"""PRISM: packets of flows with priority go first at each backlog.

ICDCS 2022; github munikarmanish/ppsync, net/core/dev.c and gro_cells.c (Linux 5.4).  A backlog has
a second queue, for packets with priority.  The first of them moves the backlog to the head of its
CPU's poll list, and net_rx_action takes one instance after the other off that list, what was
scheduled meanwhile included.  A poll that finds packets with priority processes all of them,
without a quota, and no others.  They do not pass gro_cells: their chain has a backlog instead.

There a packet for another CPU moves that CPU's backlog without a lock; here it waits for its IPI.
The order guard counts packets by queue and does not know who went first: PRISM is for flows that
stay on their CPU.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.fifo import pop, push, push_front, remove, splice
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import Cpu


@inner
def applies(state: State, number: int, slot: int) -> bool:
    """Whether the skb goes into the instance's queue of packets with priority."""
    if state.knobs.prism != codes.ON or number < codes.BACKLOG_NAPI:
        return False
    return state.slots[slot].priority != 0


@inner
def put(state: State, number: int, slot: int) -> None:
    """The skb is the last one with priority."""
    napi = state.napis[number]
    push(napi.urgent, state.slots, slot)
    napi.urgent_length += 1
    napi.tail += 1


@inner
def move_ahead(state: State, cpu: int, number: int) -> None:
    """The instance, which is scheduled on this CPU, is the first to be polled next."""
    core = state.cpus[cpu]
    if core.napi == number and not core.ahead:
        core.ahead = 1
    elif not remove(core.poll_list, state.napis, number):
        return  # its IPI is to come, or net_rx_action took it before PRISM was switched on
    push_front(core.poll_list, state.napis, number)


@inlined
def take(state: State, cpu: int, number: int) -> int:
    """The next packet with priority for a poll that has had no others, or -1."""
    core, napi = state.cpus[cpu], state.napis[number]
    if core.polled > 0 and not core.urgent:
        return codes.NONE
    slot = pop(napi.urgent_process, state.slots)
    if slot < 0 and napi.urgent_length > 0:
        splice(napi.urgent_process, napi.urgent, state.slots)
        napi.urgent_length = 0
        slot = pop(napi.urgent_process, state.slots)
    if slot >= 0:
        core.urgent = 1
    return slot


@inlined
def next_napi(state: State, core: Cpu) -> int:
    """The head of the poll list, to whose end goes what used up its weight; or -1."""
    core.urgent = core.ahead = 0
    splice(core.poll_list, core.action, state.napis)
    splice(core.poll_list, core.repoll, state.napis)
    return pop(core.poll_list, state.napis)
