"""Generic receive offload: consecutive segments of a TCP connection become one skb.

The rules are those of net/core/dev.c (dev_gro_receive) and net/ipv4/tcp_offload.c
(tcp_gro_receive): eight buckets by hash of at most eight skbs; a segment joins when it follows
directly, is not longer than the first one and the whole stays below 64 KB; a short segment or one
with PSH, URG, RST, SYN or FIN closes its skb; all are flushed when the poll ends (HZ < 1000).
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.fifo import push
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.machine import GroBucket, Napi
from rxpath.model.state.packets import Slot

MAX_SIZE = 65_536
FIN, SYN, RST, PSH, URG, CWR = 0x01, 0x02, 0x04, 0x08, 0x20, 0x80
CLOSING = FIN | SYN | RST | PSH | URG
IGNORED = FIN | PSH | CWR  # in comparing two segments' flags


@inner
def applies(state: State, skb: Slot) -> bool:
    """Whether GRO handles the frame; others go up the stack as they are."""
    return skb.protocol == codes.TCP and state.knobs.gro != 0


@inner
def receive(state: State, number: int, cpu: int, slot: int) -> None:
    """Merge ``slot`` into a held skb, hold it, or pass it to the CPU's ready list."""
    napi, skb = state.napis[number], state.slots[slot]
    bucket = napi.gro[skb.hash & (codes.GRO_BUCKETS - 1)]
    held = _find(state, bucket, skb)
    closing = skb.flags & CLOSING != 0
    if held >= 0:
        if _joins(state.slots[held], skb):
            short = skb.payload < state.slots[held].payload
            _merge(state, held, slot)
            if short or closing:
                _release(state, napi, bucket, cpu, held)
            return
        _release(state, napi, bucket, cpu, held)
    if closing or skb.payload == 0:
        push(state.cpus[cpu].ready, state.slots, slot)
        return
    if bucket.count >= codes.GRO_DEPTH:
        _release(state, napi, bucket, cpu, bucket.oldest)
    _hold(state, napi, bucket, slot)


@inner
def take_oldest(state: State, number: int) -> int:
    """Take a held skb out, bucket by bucket and the oldest first, or -1 [napi_gro_flush]."""
    napi = state.napis[number]
    if napi.held == 0:
        return -1
    for index in range(codes.GRO_BUCKETS):
        bucket = napi.gro[index]
        slot = bucket.oldest
        if slot >= 0:
            _unlink(state, napi, bucket, slot)
            return slot
    return -1


@inlined
def _find(state: State, bucket: GroBucket, skb: Slot) -> int:
    """The held skb of the same connection, or -1."""
    held = bucket.oldest
    while held >= 0:
        other = state.slots[held]
        if other.flow == skb.flow and other.stage == skb.stage:
            break
        held = other.next
    return held


@inlined
def _joins(held: Slot, skb: Slot) -> bool:
    """Whether the segment follows the held skb directly and may be appended to it."""
    if skb.flags & CWR or (skb.flags ^ held.flags) & ~IGNORED & 0xFF:
        return False
    if skb.gro_key != held.gro_key:
        return False
    if skb.payload == 0 or skb.payload > held.payload:
        return False
    merged = held.length - held.wire  # bytes of payload behind the first segment's
    if skb.seq != (held.seq + held.payload + merged) & 0xFFFFFFFF:
        return False
    return held.length + skb.payload < MAX_SIZE


@inlined
def _merge(state: State, held: int, slot: int) -> None:
    first, skb = state.slots[held], state.slots[slot]
    state.slots[first.last].frame = slot
    first.last = slot
    first.frames += 1
    first.length += skb.payload
    first.truesize += skb.truesize
    skb.merged = first.hop
    state.counters.merged += 1


@inlined
def _hold(state: State, napi: Napi, bucket: GroBucket, slot: int) -> None:
    """Put an skb behind the bucket's others."""
    state.slots[slot].next = -1
    last = bucket.oldest
    if last < 0:
        bucket.oldest = slot
    else:
        while state.slots[last].next >= 0:
            last = state.slots[last].next
        state.slots[last].next = slot
    bucket.count += 1
    napi.held += 1


@inner
def _release(state: State, napi: Napi, bucket: GroBucket, cpu: int, slot: int) -> None:
    """Pass a held skb to the CPU's ready list."""
    _unlink(state, napi, bucket, slot)
    push(state.cpus[cpu].ready, state.slots, slot)


@inner
def _unlink(state: State, napi: Napi, bucket: GroBucket, slot: int) -> None:
    before = bucket.oldest
    if before == slot:
        bucket.oldest = state.slots[slot].next
    else:
        while state.slots[before].next != slot:
            before = state.slots[before].next
        state.slots[before].next = state.slots[slot].next
    bucket.count -= 1
    napi.held -= 1
