"""Generic receive offload: consecutive segments of a TCP connection become one skb.

The rules are those of net/core/dev.c (dev_gro_receive) and net/ipv4/tcp_offload.c
(tcp_gro_receive): eight buckets by hash of at most eight skbs; a segment joins when it follows
directly, is not longer than the first one and the whole stays below 64 KB; a short segment or one
with PSH, URG, RST, SYN or FIN closes its skb; all are let go when the poll ends (HZ < 1000).
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.fifo import push_slot
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table

MAX_SIZE = 65_536
FIN, SYN, RST, PSH, URG, CWR = 0x01, 0x02, 0x04, 0x08, 0x20, 0x80
CLOSING = FIN | SYN | RST | PSH | URG
IGNORED = FIN | PSH | CWR  # in comparing two segments' flags


@inner
def applies(state: State, slot: int) -> bool:
    """Whether GRO looks at the frame at all; others go up the stack as they come."""
    tcp: bool = state.slot[slot, lay.S_PROTOCOL] == lay.TCP
    return tcp and state.host[lay.KNOB, lay.K_GRO] != 0


@inner
def receive(state: State, napi: int, cpu: int, slot: int) -> None:
    """Merge ``slot`` into a held skb, hold it, or let it go to the CPU's ready list."""
    host, slots = state.host, state.slot
    row = lay.NAPIS + napi
    bucket = lay.N_GRO + 2 * (slots[slot, lay.S_HASH] & (lay.GRO_BUCKETS - 1))
    held = _find(state, row, bucket, slot)
    closing = slots[slot, lay.S_FLAGS] & CLOSING != 0
    if held >= 0:
        if _joins(state, held, slot):
            short = slots[slot, lay.S_PAYLOAD] < slots[held, lay.S_PAYLOAD]
            _merge(state, held, slot)
            if short or closing:
                _release(state, row, bucket, cpu, held)
            return
        _release(state, row, bucket, cpu, held)
    if closing or slots[slot, lay.S_PAYLOAD] == 0:
        push_slot(host, lay.CPU + cpu, lay.C_READY, slots, slot)
        return
    if host[row, bucket + 1] >= lay.GRO_DEPTH:
        _release(state, row, bucket, cpu, host[row, bucket])
    _hold(state, row, bucket, slot)


@inner
def take_oldest(state: State, napi: int) -> int:
    """Take a held skb out, bucket by bucket and the oldest first, or -1 [napi_gro_flush]."""
    row = lay.NAPIS + napi
    if state.host[row, lay.N_HELD] == 0:
        return -1
    for bucket in range(lay.N_GRO, lay.N_GRO + 2 * lay.GRO_BUCKETS, 2):
        slot: int = state.host[row, bucket]
        if slot >= 0:
            _unlink(state, row, bucket, slot)
            return slot
    return -1


@inlined
def _find(state: State, row: int, bucket: int, slot: int) -> int:
    """The held skb of the same connection, or -1."""
    slots = state.slot
    held: int = state.host[row, bucket]
    while held >= 0:
        if (
            slots[held, lay.S_FLOW] == slots[slot, lay.S_FLOW]
            and slots[held, lay.S_ROW] == slots[slot, lay.S_ROW]
        ):
            break
        held = slots[held, lay.S_NEXT]
    return held


@inlined
def _joins(state: State, held: int, slot: int) -> bool:
    slots = state.slot
    flags = slots[slot, lay.S_FLAGS]
    payload = slots[slot, lay.S_PAYLOAD]
    if flags & CWR or (flags ^ slots[held, lay.S_FLAGS]) & ~IGNORED & 0xFF:
        return False
    if slots[slot, lay.S_KEY] != slots[held, lay.S_KEY]:
        return False
    if payload == 0 or payload > slots[held, lay.S_PAYLOAD]:
        return False
    if slots[slot, lay.S_SEQ] != slots[held, lay.S_NEXT_SEQ]:
        return False
    fits: bool = slots[held, lay.S_LENGTH] + payload < MAX_SIZE
    return fits


@inlined
def _merge(state: State, held: int, slot: int) -> None:
    slots = state.slot
    payload = slots[slot, lay.S_PAYLOAD]
    slots[slots[held, lay.S_LAST], lay.S_FRAME] = slot
    slots[held, lay.S_LAST] = slot
    slots[held, lay.S_FRAMES] += 1
    slots[held, lay.S_LENGTH] += payload
    slots[held, lay.S_TRUESIZE] += slots[slot, lay.S_TRUESIZE]
    slots[held, lay.S_NEXT_SEQ] = (slots[slot, lay.S_SEQ] + payload) & 0xFFFFFFFF
    slots[slot, lay.S_MERGED] = slots[held, lay.S_HOP]
    state.host[lay.CLOCK, lay.CK_MERGED] += 1


@inlined
def _hold(state: State, row: int, bucket: int, slot: int) -> None:
    """Put an skb behind the bucket's others."""
    slots = state.slot
    slots[slot, lay.S_NEXT_SEQ] = (slots[slot, lay.S_SEQ] + slots[slot, lay.S_PAYLOAD]) & 0xFFFFFFFF
    slots[slot, lay.S_NEXT] = -1
    last = state.host[row, bucket]
    if last < 0:
        state.host[row, bucket] = slot
    else:
        while slots[last, lay.S_NEXT] >= 0:
            last = slots[last, lay.S_NEXT]
        slots[last, lay.S_NEXT] = slot
    state.host[row, bucket + 1] += 1
    state.host[row, lay.N_HELD] += 1


@inner
def _release(state: State, row: int, bucket: int, cpu: int, slot: int) -> None:
    """Let a held skb go to the CPU's ready list."""
    _unlink(state, row, bucket, slot)
    push_slot(state.host, lay.CPU + cpu, lay.C_READY, state.slot, slot)


@inner
def _unlink(state: State, row: int, bucket: int, slot: int) -> None:
    host, slots = state.host, state.slot
    before = host[row, bucket]
    if before == slot:
        host[row, bucket] = slots[slot, lay.S_NEXT]
    else:
        while slots[before, lay.S_NEXT] != slot:
            before = slots[before, lay.S_NEXT]
        slots[before, lay.S_NEXT] = slots[slot, lay.S_NEXT]
    host[row, bucket + 1] -= 1
    host[row, lay.N_HELD] -= 1


@inner
def holds_any(host: Table, napi: int) -> bool:
    """Whether GRO holds skbs of this NAPI instance back."""
    some: bool = host[lay.NAPIS + napi, lay.N_HELD] > 0
    return some
