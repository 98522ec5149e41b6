"""IP fragments become their datagram again, in front of its protocol [ip_defrag].

The rules are those of net/ipv4/inet_fragment.c and ip_fragment.c since Linux 4.18: fragments wait
in a queue for each datagram, found by a hash table.  While all of them together use more than
ipfrag_high_thresh, every further fragment is dropped, whether its datagram waits already or not,
and nothing is evicted.  A datagram that is not whole ipfrag_time after its first fragment came is
dropped; until then nobody notices that a fragment was lost.

Not as there: a datagram has a number that does not repeat, where the kernel has 16 bits and
ipfrag_max_dist; a queue's own memory is not counted; the host's namespaces share one limit.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import output
from rxpath.model.fifo import push
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.packets import Datagram, Slot


@inner
def receive(state: State, cpu: int, slot: int, now: int) -> None:
    """Queue a fragment; with the last one, the datagram goes to the CPU's ready list."""
    skb, reassembly = state.slots[slot], state.reassembly
    if reassembly.memory > state.knobs.frag_memory:
        output.leave(state, slot, codes.FRAG_MEMORY, now, cpu)
        return
    reassembly.memory += skb.truesize
    skb.enqueued = now
    number = _find(state, skb)
    if number < 0:
        number = slot
        _begin(state, slot, now)
    else:
        _insert(state, state.datagrams[number], slot)
    datagram = state.datagrams[number]
    datagram.fragments += 1
    datagram.payload += skb.payload
    datagram.truesize += skb.truesize
    if datagram.fragments == skb.flags:
        first = _take(state, number)
        state.slots[first].came_from = cpu
        state.slots[first].waits_for = codes.WORK_DATAGRAM
        push(state.cpus[cpu].ready, state.slots, first)


@inner
def expire(state: State, now: int) -> None:
    """Drop the datagrams whose time is over [ip_expire].

    Called at the tick of the load, which is finer than the kernel's timers of half a minute
    (512 jiffies, kernel/time/timer.c).
    """
    reassembly = state.reassembly
    while reassembly.oldest > 0:
        number = reassembly.oldest - 1
        if now - state.datagrams[number].created < state.knobs.frag_ns:
            return
        first = _take(state, number)
        join_records(state, first)
        cpu = state.slots[first].came_from
        output.leave(state, first, codes.FRAG_REASM_TIMEOUT, now, cpu)


@inner
def join_records(state: State, first: int) -> None:
    """The records of the datagram's fragments go on as the first one's does, from here."""
    hop = state.slots[first].hop
    frame = state.slots[first].frame
    while frame >= 0:
        state.slots[frame].merged = hop
        frame = state.slots[frame].frame


@inlined
def _bucket(skb: Slot) -> int:
    return (skb.seq + 61 * skb.flow) & (codes.FRAGMENT_BUCKETS - 1)


@inlined
def _find(state: State, skb: Slot) -> int:
    """The datagram that the fragment belongs to, or -1."""
    number = state.reassembly.buckets[_bucket(skb)]
    while number >= 0:
        other = state.slots[number]  # its fragment that came first
        if other.flow == skb.flow and other.seq == skb.seq:
            break
        number = state.datagrams[number].next
    return number


@inlined
def _begin(state: State, slot: int, now: int) -> None:
    """The fragment is the first that came of its datagram."""
    datagram, reassembly = state.datagrams[slot], state.reassembly
    bucket = _bucket(state.slots[slot])
    datagram.first = slot
    datagram.last = slot
    datagram.fragments = 0
    datagram.payload = 0
    datagram.truesize = 0
    datagram.created = now
    datagram.next = reassembly.buckets[bucket]
    datagram.older = reassembly.newest
    datagram.newer = 0
    reassembly.buckets[bucket] = slot
    if reassembly.newest > 0:
        state.datagrams[reassembly.newest - 1].newer = slot + 1
    else:
        reassembly.oldest = slot + 1
    reassembly.newest = slot + 1


@inlined
def _insert(state: State, datagram: Datagram, slot: int) -> None:
    """Chain the fragment to the others, in order of sending, which is that of their offsets."""
    slots = state.slots
    number = slots[slot].number
    if number > slots[datagram.last].number:
        slots[datagram.last].frame = slot
        datagram.last = slot
    elif number < slots[datagram.first].number:
        slots[slot].frame = datagram.first
        datagram.first = slot
    else:
        before = datagram.first
        while slots[slots[before].frame].number < number:
            before = slots[before].frame
        slots[slot].frame = slots[before].frame
        slots[before].frame = slot


@inner
def _take(state: State, number: int) -> int:
    """Take a datagram out of the tables; its first fragment's slot, which is one skb with all."""
    datagram, reassembly = state.datagrams[number], state.reassembly
    bucket = _bucket(state.slots[number])
    if reassembly.buckets[bucket] == number:
        reassembly.buckets[bucket] = datagram.next
    else:
        before = reassembly.buckets[bucket]
        while state.datagrams[before].next != number:
            before = state.datagrams[before].next
        state.datagrams[before].next = datagram.next
    if datagram.older > 0:
        state.datagrams[datagram.older - 1].newer = datagram.newer
    else:
        reassembly.oldest = datagram.newer
    if datagram.newer > 0:
        state.datagrams[datagram.newer - 1].older = datagram.older
    else:
        reassembly.newest = datagram.older
    reassembly.memory -= datagram.truesize
    first = datagram.first
    skb = state.slots[first]
    skb.frames = datagram.fragments
    skb.length += datagram.payload - skb.payload
    skb.truesize = datagram.truesize
    skb.last = datagram.last
    return first
