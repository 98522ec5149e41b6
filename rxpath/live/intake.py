"""One frame from the uplink into the model, and the model's events out of it."""

from __future__ import annotations

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.jit import kernel as entry
from rxpath.live import clock as ck
from rxpath.live import plant as pl
from rxpath.live import recorder as rc
from rxpath.live.fdb import NOWHERE, TARGETS, targets, tenant_of
from rxpath.live.plant import Plant, free_slot, take_slot
from rxpath.model import kernel
from rxpath.model.frame import Frame
from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import DELIVER, RX_MISSED
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event
from rxpath.wire import frames as fr
from rxpath.wire.afpacket import (
    BATCH,
    CUT,
    DUE,
    FAILED,
    FLAGS,
    LENGTH,
    SLOT,
    STAMP,
    TAG,
    UNFINISHED,
    WAITING,
    put,
    send_batch,
)
from rxpath.wire.frames import be32, octet
from rxpath.wire.libc import memcpy, wall_ns


@inner
def flush(plant: Plant) -> None:
    """Send what waits; note lateness and refusals; free the slots."""
    info, counter = plant.tx.info, plant.counter
    waiting = info[BATCH, WAITING]
    if waiting == 0:
        return
    send_batch(counter[pl.C_SENDER], plant.tx)
    wall = wall_ns(counter[pl.C_SCRATCH :])
    for i in range(waiting):
        slot, failed = info[i, SLOT], info[i, FAILED]
        if slot < 0:
            counter[pl.C_TX_FAILED] += failed
            continue
        if failed:
            counter[pl.C_LOST + pl.PLACE_VETH] += 1
            if plant.slot[slot, pl.S_ROW] >= 0:
                plant.rec.rows[plant.slot[slot, pl.S_ROW], rc.R_PLACE] = pl.PLACE_VETH
        else:
            counter[pl.C_DELIVERED] += 1
            ck.delivered(plant.clock, info[i, DUE], wall)
        free_slot(counter, plant.slot, slot)
    info[BATCH, WAITING] = 0


@inner
def _consume(plant: Plant, state: State, event: Event) -> None:
    """Do what an event of the model says: write the frame to its container, or drop it."""
    slot, counter = event.slot, plant.counter
    rc.finish(plant.rec, state, plant.slot[slot, pl.S_ROW], event)
    if event.kind != DELIVER:
        counter[pl.C_LOST + event.reason] += 1
        free_slot(counter, plant.slot, slot)
        return
    if plant.tx.info[BATCH, WAITING] == BATCH:
        flush(plant)
    base = counter[pl.C_POOL_AT] + slot * counter[pl.C_POOL_STEP]
    size = plant.slot[slot, pl.S_SIZE]
    put(plant.tx, event.socket, base, size, slot, event.time)


@inner
def settle(plant: Plant, state: State, until: int) -> None:
    """Run the model up to `until` (model ns) and do what its events say."""
    events = plant.events
    count = len(events)
    while count == len(events):
        count = kernel.advance(state, until, events)
        for i in range(count):
            _consume(plant, state, events[i])
    plant.clock[ck.LAST] = max(plant.clock[ck.LAST], until)


@inner
def _gro_key(frame: np.ndarray, tcp: int, header: int) -> int:
    """What must be equal for two segments to merge: acknowledgement and options (RFC 9293, 3.1)."""
    key = be32(frame, tcp + 8)
    for at in range(tcp + 20, tcp + header, 4):
        key = key * 1_000_003 + be32(frame, at)
    return key


@inner
def _frame(
    data: np.ndarray, fields: np.ndarray, flow: int, port: int, chain: int, wire_len: int
) -> Frame:
    """What the model goes by of a frame of ``wire_len`` bytes for container ``port``."""
    payload, seq, flags, gro = 0, 0, 0, 0
    if fields[fr.PROTO] == fr.TCP and fields[fr.FLAT]:
        tcp = fields[fr.L4]
        header = (octet(data, tcp + 12) >> 4) * 4
        payload, seq = fields[fr.L4_END] - tcp - header, be32(data, tcp + 4)
        flags, gro = octet(data, tcp + 13), _gro_key(data, tcp, header)
    return Frame(
        fields[fr.RSS_HASH], flow, port, chain, fields[fr.PROTO], wire_len, payload, seq, flags, gro
    )


@inner
def _admit(plant: Plant, state: State, i: int, now: int, tenant: int, port: int) -> None:
    """One delivery of frame i of the batch, to one port: a record, a slot, a copy, the model.

    The flow's number is a hash over tenant and inner 5-tuple: two share one with 2^-14.
    """
    counter, fields = plant.counter, plant.fields
    frame, info = plant.rx.frames[i], plant.rx.info[i]
    row = rc.begin(plant.rec, frame, info, counter[pl.C_SEQUENCE], now)
    inner = fr.flow_hash(frame, fields, plant.rss) ^ hash_32(tenant << 8 | fields[fr.PROTO], 32)
    flow = hash_32(inner, pl.FLOWS_LOG2)
    slot = take_slot(counter, plant.slot)
    place = RX_MISSED
    if slot >= 0:
        size = fields[fr.INNER_END] - fields[fr.INNER]
        base = counter[pl.C_POOL_AT] + slot * counter[pl.C_POOL_STEP]
        memcpy(base, frame.ctypes.data + fields[fr.INNER], size)
        plant.slot[slot, pl.S_SIZE], plant.slot[slot, pl.S_ROW] = size, row
        wire = info[LENGTH] + (4 if info[TAG] >= 0 else 0)
        chain = counter[pl.C_CHAIN + fields[fr.TUNNEL]]
        place = kernel.receive(state, slot, now, _frame(frame, fields, flow, port, chain, wire))
        if place:
            free_slot(counter, plant.slot, slot)
    if place:
        counter[pl.C_LOST + place] += 1
    if row >= 0:
        rows = plant.rec.rows
        rows[row, rc.R_HASH], rows[row, rc.R_PROTO] = fields[fr.RSS_HASH], fields[fr.PROTO]
        rows[row, rc.R_FLOW], rows[row, rc.R_CONTAINER] = flow, port
        rows[row, rc.R_PLACE] = place


@inner
def _classify(plant: Plant, i: int) -> tuple[int, int, int]:
    """Say whose frame i of the batch is: (drop place or 0, tenant, number of targets)."""
    info, fields = plant.rx.info[i], plant.fields
    verdict = fr.TOO_LONG
    if not info[FLAGS] & CUT:
        vlan = info[TAG] & 0xFFF if info[TAG] >= 0 else 0
        frame = plant.rx.frames[i]
        verdict = fr.parse(frame, info[LENGTH], vlan, plant.me, plant.rss, fields)
    plant.counter[pl.C_VERDICT + verdict] += 1
    if verdict != fr.OK:
        return pl.PLACE_NOT_OURS if verdict == fr.NOT_OURS else pl.PLACE_MALFORMED, 0, 0
    tenant = tenant_of(plant.fdb, fields[fr.TUNNEL], fields[fr.SEGMENT])
    if tenant == NOWHERE:
        return pl.PLACE_UNKNOWN_TENANT, 0, 0
    count = targets(plant.fdb, tenant, fields[fr.DMAC], NOWHERE)
    return pl.PLACE_UNKNOWN_MAC if count == 0 else 0, tenant, count


@inner
def intake(plant: Plant, state: State, i: int, wall: int) -> None:
    """Frame i of the batch enters the machine at its kernel timestamp (else at `wall`)."""
    info, counter = plant.rx.info[i], plant.counter
    now = ck.arrival_ns(plant.clock, info[STAMP] if info[STAMP] else wall)
    settle(plant, state, now)
    place, tenant, count = _classify(plant, i)
    counter[pl.C_RX] += 1
    counter[pl.C_UNFINISHED] += info[FLAGS] & UNFINISHED != 0
    if place:
        counter[pl.C_LOST + place] += 1
        row = rc.begin(plant.rec, plant.rx.frames[i], info, counter[pl.C_SEQUENCE], now)
        if row >= 0:
            plant.rec.rows[row, rc.R_PLACE] = place
    else:
        counter[pl.C_COPIES] += count - 1
    for copy in range(count):
        _admit(plant, state, i, now, tenant, plant.fdb[TARGETS, copy])
    counter[pl.C_SEQUENCE] += 1


@entry
def digest(plant: Plant, state: State, count: int, wall: int) -> None:
    """Take a batch of `count` frames, read at `wall`, and run the model as far as is known.

    A full batch may have left earlier frames than `wall` in the socket: the model then goes to
    the last arrival only, so that being late distorts nothing.
    """
    for i in range(count):
        intake(plant, state, i, wall)
    if count < BATCH:
        settle(plant, state, ck.model_ns(plant.clock, wall))
    flush(plant)
