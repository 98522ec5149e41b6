"""The order guard: no packet of a flow overtakes another where one of its stages changes CPUs.

For each hash and position in the chain an entry says at which NAPI instance the last packet was
queued, and that instance's tail then.  Until the instance's head has come to that tail, packets of
the flow are there.  What becomes of a packet for another CPU meanwhile is the knob `order`:

- none: it is queued there and may overtake, as with the published FALCON.
- rfs: it goes where the last one went, as with Receive Flow Steering [net/core/dev.c, get_rps_cpu;
  Documentation/networking/scaling].  A queue that never runs empty keeps its flows.
- handover: it goes to the new CPU at once and is held there until the old queue's head has come to
  the tail that it had at the move.  Then the old CPU releases what is held, in order.

Where a packet is held: a stage that only passes packets on works on them first and holds them when
they are to leave it, so that both CPUs work meanwhile.  The last stage, which ends at the socket,
holds them in front of the work, because its protocol, and the reassembly of IP fragments, have to
see them in order; the CPU does other work then.  A NAPI instance holds as many packets as its queue
may have (netdev_max_backlog).

A flow that is being handed over moves no further, so that a packet waits for one queue at most, and
for packets that are in it, never for held ones: nothing can wait for itself.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import backlog
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.packets import GuardEntry


@inner
def decide(state: State, slot: int, position: int, napi: int, choice: int) -> tuple[int, int]:
    """``napi``, or where the packet has to go instead; with the choice to be recorded."""
    order = state.knobs.order
    if order == codes.GUARD_NONE and state.usage.handovers == 0:
        return napi, choice
    skb_hash = state.slots[slot].hash
    entry = state.guard[_number(skb_hash, position)]
    last = entry.napi - 1
    if last < 0 or last == napi:
        return napi, choice
    if entry.old == 0:
        if order == codes.GUARD_NONE or state.napis[last].head >= entry.tail:
            return napi, choice
        if order == codes.GUARD_HANDOVER and napi >= 0:
            return napi, choice
    if entry.hash != skb_hash:
        return last, codes.CHOICE_KEPT
    return last, entry.choice


@inner
def queue(state: State, cpu: int, slot: int, position: int, napi: int, now: int) -> int:
    """Queue the packet at ``napi``, or hold it there; 0, or why it is lost."""
    if state.knobs.order == codes.GUARD_NONE and state.usage.handovers == 0:
        return backlog.enqueue(state, cpu, napi, slot, now)
    skb = state.slots[slot]
    number = _number(skb.hash, position)
    entry = state.guard[number]
    if entry.old != 0:
        napi = entry.napi - 1  # as `decide` said, unless the NIC moved the flow in between
    behind = state.stages[skb.stage + 1].kind
    is_last = behind == codes.SOCKET or behind == codes.DEFRAG
    if is_last and (entry.old != 0 or _moves(state, entry, napi)):
        lost = _admit(state, slot, napi)
        if lost == codes.NOT_DROPPED:
            _note(state, number, slot, napi)
            backlog.reach(state, cpu, napi)
            _hold(state, entry, slot, napi, now)
    else:
        lost = backlog.enqueue(state, cpu, napi, slot, now)
        if lost == codes.NOT_DROPPED:
            _note(state, number, slot, napi)
    return lost


@inner
def remember(state: State, slot: int, position: int, napi: int) -> None:
    """The present poll of ``napi`` goes on with the packet: GRO may hold it there."""
    if state.knobs.order != codes.GUARD_NONE or state.usage.handovers != 0:
        _note(state, _number(state.slots[slot].hash, position), slot, napi)


@inner
def must_wait(state: State, slot: int, position: int, napi: int) -> bool:
    """Whether the packet, which ``napi`` has worked on, may not leave the stage yet."""
    if state.usage.handovers == 0:
        return False
    entry = state.guard[_number(state.slots[slot].hash, position)]
    return entry.old != 0 and entry.old != napi + 1


@inner
def hold(state: State, slot: int, position: int, napi: int, now: int) -> int:
    """Hold a packet that has been worked on until it may leave; 0, or why it is lost."""
    lost = _admit(state, slot, napi)
    if lost == codes.NOT_DROPPED:
        entry = state.guard[_number(state.slots[slot].hash, position)]
        _hold(state, entry, slot, napi, now)
        state.slots[slot].worked = 1
    return lost


@inner
def take_released(state: State, cpu: int, old: int, now: int) -> int:
    """The next packet that may leave its stage now that the head of ``old`` moved on, or -1.

    What was held in front of its work is queued on the way: moved to the queue's end as a whole.
    """
    napi = state.napis[old]
    while napi.awaited != 0 and state.guard[napi.awaited - 1].until <= napi.head:
        entry = state.guard[napi.awaited - 1]
        while entry.aside != 0:
            slot = _take(state, entry, now)
            if state.slots[slot].worked:
                state.slots[slot].worked = 0
                return slot
            backlog.append(state, entry.napi - 1, slot)
            entry.tail = state.napis[entry.napi - 1].tail
            backlog.schedule(state, cpu, entry.napi - 1, now)
            if entry.aside == 0:
                backlog.reach(state, cpu, entry.napi - 1)  # once, whatever their number
        napi.awaited = entry.next
        entry.old = 0
        state.usage.handovers -= 1
    return codes.NONE


@inner
def _number(skb_hash: int, position: int) -> int:
    """The row of a hash's entry for one position."""
    return (skb_hash & (codes.GUARD_ENTRIES - 1)) * codes.MAX_STAGES + position


@inner
def _moves(state: State, entry: GuardEntry, napi: int) -> bool:
    """Whether packets of the flow still wait at another instance than ``napi``."""
    last = entry.napi - 1
    if state.knobs.order == codes.GUARD_NONE or last < 0 or last == napi:
        return False
    waits: bool = state.napis[last].head < entry.tail
    return waits


@inner
def _note(state: State, number: int, slot: int, napi: int) -> None:
    """The packet is at ``napi``; a hand-over begins when others still wait elsewhere."""
    entry = state.guard[number]
    if entry.old != 0:
        if entry.napi - 1 != napi:
            return  # the NIC moved the flow in between
    elif state.knobs.order == codes.GUARD_NONE:
        return
    elif _moves(state, entry, napi):
        _begin(state, number, entry.napi - 1)
    entry.napi = napi + 1
    entry.tail = state.napis[napi].tail
    entry.choice = state.slots[slot].choice
    entry.hash = state.slots[slot].hash


@inlined
def _begin(state: State, number: int, old: int) -> None:
    """A hand-over begins: the entry waits for all that ``old`` has now."""
    entry, napi = state.guard[number], state.napis[old]
    entry.old = old + 1
    entry.until = napi.tail
    entry.next = 0
    if napi.awaited == 0:
        napi.awaited = number + 1
    else:
        state.guard[napi.awaited_last - 1].next = number + 1
    napi.awaited_last = number + 1
    state.usage.handovers += 1
    state.counters.handovers += 1


@inner
def _admit(state: State, slot: int, napi: int) -> int:
    """0 when the instance may hold one more packet, or why it is lost."""
    if state.napis[napi].aside > state.knobs.max_backlog:
        return backlog.overflow(state, slot, napi)
    return codes.NOT_DROPPED


@inner
def _hold(state: State, entry: GuardEntry, slot: int, napi: int, now: int) -> None:
    """The packet is the last one of the entry's ring."""
    skb = state.slots[slot]
    if entry.aside == 0:
        skb.next = slot
    else:
        last = state.slots[entry.aside - 1]
        skb.next = last.next
        last.next = slot
    entry.aside = slot + 1
    skb.enqueued = now
    skb.target = napi
    state.napis[napi].aside += 1


@inner
def _take(state: State, entry: GuardEntry, now: int) -> int:
    """The first packet of the entry's ring."""
    last = state.slots[entry.aside - 1]
    slot = last.next
    skb = state.slots[slot]
    if slot == entry.aside - 1:
        entry.aside = 0
    else:
        last.next = skb.next
    skb.held = now - skb.enqueued
    state.napis[skb.target].aside -= 1
    state.counters.held += 1
    state.counters.held_ns += skb.held
    return slot
