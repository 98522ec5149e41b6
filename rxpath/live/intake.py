"""One frame from the uplink into the model, and the model's events out of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rxpath import kernel
from rxpath.afpacket import BATCH, CUT, UNFINISHED, put, send_batch
from rxpath.frames import (
    ADDRESS_LEN,
    ADDRESSES,
    DMAC,
    FLAT,
    INNER,
    INNER_END,
    KEY_LEN,
    L4,
    L4_END,
    NOT_OURS,
    OK,
    PROTO,
    SEGMENT,
    TCP,
    TOO_LONG,
    TUNNEL,
    be32,
    parse,
)
from rxpath.hashes import hash_32
from rxpath.jit import jit
from rxpath.layout import DELIVER, EV_KIND, EV_PLACE, EV_SLOT, EV_SOCKET, EV_TIME, PLACE_RX_MISSED
from rxpath.libc import memcpy, wall_ns
from rxpath.live import clock as ck
from rxpath.live import plant as pl
from rxpath.live import recorder as rc
from rxpath.live.fdb import NOWHERE, targets, tenant_of
from rxpath.live.plant import Plant, free_slot, take_slot
from rxpath.state import State
from rxpath.toeplitz import toeplitz


@jit
def flush(plant: Plant) -> None:
    """Send what waits; note lateness and refusals; free the slots."""
    tx = plant.tx
    if tx.count[0] == 0:
        return
    send_batch(plant.sender, tx)
    wall = wall_ns(plant.time)
    for i in range(tx.count[0]):
        slot = tx.slot[i]
        if slot < 0:
            plant.count[pl.C_TX_FAILED] += tx.failed[i]
            continue
        row = plant.rec.row_of[slot]
        if tx.failed[i]:
            plant.lost[pl.PLACE_VETH] += 1
            if row >= 0:
                plant.rec.rows[row, rc.R_PLACE] = pl.PLACE_VETH
        else:
            plant.count[pl.C_DELIVERED] += 1
            ck.delivered(plant.clock, tx.due[i], wall)
        _release(plant, slot)
    tx.count[0] = 0


@jit
def _release(plant: Plant, slot: int) -> None:
    plant.rec.row_of[slot] = -1
    free_slot(plant.pool, slot)


@jit
def _consume(plant: Plant, state: State, event: np.ndarray) -> None:
    """Do what an event of the model says: write the frame to its container, or drop it."""
    slot = event[EV_SLOT]
    rc.finish(plant.rec, state, event)
    if event[EV_KIND] != DELIVER:
        plant.lost[event[EV_PLACE]] += 1
        _release(plant, slot)
        return
    if plant.tx.count[0] == BATCH:
        flush(plant)
    pool = plant.pool
    base = pool.data.ctypes.data + slot * pool.data.shape[1]
    put(plant.tx, event[EV_SOCKET], base, pool.size[slot], slot, event[EV_TIME])


@jit
def settle(plant: Plant, state: State, choose: Any, until: int) -> None:
    """Run the model up to `until` (model ns) and do what its events say."""
    events = plant.events
    count = len(events)
    while count == len(events):
        count = kernel.advance(state, until, events, choose)
        for i in range(count):
            _consume(plant, state, events[i])
    plant.clock.time[ck.LAST] = max(plant.clock.time[ck.LAST], until)


@jit
def _flow(plant: Plant, frame: np.ndarray, tenant: int) -> int:
    """Number of the container's flow: a hash of tenant, protocol, addresses and ports.

    Two flows share a number with a probability of 2^-14.
    """
    fields = plant.fields
    size = 2 * fields[ADDRESS_LEN]
    value = tenant << 8 ^ fields[PROTO]
    value = hash_32(value, 32) ^ toeplitz(plant.rss, frame, fields[ADDRESSES], size, 0)
    if fields[FLAT]:
        value ^= toeplitz(plant.rss, frame, fields[L4], 4, size)
    return hash_32(value, pl.FLOWS_LOG2)


@jit
def _gro_key(frame: np.ndarray, tcp: int, header: int) -> int:
    """What must be equal for two segments to merge: acknowledgement and options (RFC 9293, 3.1)."""
    key = np.int64(be32(frame, tcp + 8))
    for at in range(tcp + 20, tcp + header, 4):
        key = key * 1_000_003 + be32(frame, at)
    return key


@jit
def _receive(
    plant: Plant,
    state: State,
    frame: np.ndarray,
    slot: int,
    now: int,
    flow: int,
    port: int,
    wire: int,
) -> int:
    """Hand a frame that lies in a slot to the model; returns its drop place, 0 for none."""
    fields = plant.fields
    rss = toeplitz(plant.rss, plant.key, 0, fields[KEY_LEN], 0)
    chain, protocol = plant.chains[fields[TUNNEL]], fields[PROTO]
    payload, seq, flags, gro = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    if protocol == TCP and fields[FLAT]:
        tcp = fields[L4]
        header = (np.int64(frame[tcp + 12]) >> 4) * 4
        payload, seq = fields[L4_END] - tcp - header, be32(frame, tcp + 4)
        flags, gro = np.int64(frame[tcp + 13]), _gro_key(frame, tcp, header)
    return kernel.receive(
        state, slot, now, rss, flow, port, chain, protocol, wire, payload, seq, flags, gro
    )


@jit
def _admit(plant: Plant, state: State, i: int, now: int, tenant: int, port: int) -> None:
    """One delivery of frame i of the batch, to one port: a slot, a copy, a record, the model."""
    pool, frame, fields, rec = plant.pool, plant.rx.frames[i], plant.fields, plant.rec
    length, tag = plant.rx.length[i], plant.rx.tag[i]
    wire = length + (4 if tag >= 0 else 0)
    row = rc.begin(rec, frame, length, tag, plant.sequence[0], now)
    flow = _flow(plant, frame, tenant)
    slot = take_slot(pool)
    place = PLACE_RX_MISSED
    if slot >= 0:
        size = fields[INNER_END] - fields[INNER]
        base = pool.data.ctypes.data + slot * pool.data.shape[1]
        memcpy(base, frame.ctypes.data + fields[INNER], size)
        pool.size[slot] = size
        rec.row_of[slot] = row
        place = _receive(plant, state, frame, slot, now, flow, port, wire)
        if place:
            _release(plant, slot)
    plant.lost[place] += place != 0
    if row >= 0:
        rec.rows[row, rc.R_PROTO], rec.rows[row, rc.R_FLOW] = fields[PROTO], flow
        rec.rows[row, rc.R_HASH] = toeplitz(plant.rss, plant.key, 0, fields[KEY_LEN], 0)
        rec.rows[row, rc.R_CONTAINER], rec.rows[row, rc.R_PLACE] = port, place


@jit
def _classify(plant: Plant, i: int) -> tuple[int, int, int]:
    """Say whose frame i of the batch is: (drop place or 0, tenant, number of `targets`)."""
    rx, fields = plant.rx, plant.fields
    verdict = TOO_LONG
    if not rx.flags[i] & CUT:
        vlan = rx.tag[i] & 0xFFF if rx.tag[i] >= 0 else 0
        verdict = parse(rx.frames[i], rx.length[i], vlan, plant.me, fields, plant.key)
    plant.junk[verdict] += 1
    if verdict != OK:
        return pl.PLACE_NOT_OURS if verdict == NOT_OURS else pl.PLACE_MALFORMED, 0, 0
    tenant = tenant_of(plant.fdb, fields[TUNNEL], fields[SEGMENT])
    if tenant == NOWHERE:
        return pl.PLACE_UNKNOWN_TENANT, 0, 0
    count = targets(plant.fdb, tenant, fields[DMAC], plant.targets)
    return pl.PLACE_UNKNOWN_MAC if count == 0 else 0, tenant, count


@jit
def intake(plant: Plant, state: State, choose: Any, i: int, wall: int) -> None:
    """Frame i of the batch enters the machine at its kernel timestamp (else at `wall`)."""
    rx = plant.rx
    now = ck.arrival_ns(plant.clock, rx.stamp[i] if rx.stamp[i] else wall)
    settle(plant, state, choose, now)
    plant.count[pl.C_RX] += 1
    plant.count[pl.C_UNFINISHED] += rx.flags[i] & UNFINISHED != 0
    place, tenant, count = _classify(plant, i)
    if place:
        plant.lost[place] += 1
        row = rc.begin(plant.rec, rx.frames[i], rx.length[i], rx.tag[i], plant.sequence[0], now)
        if row >= 0:
            plant.rec.rows[row, rc.R_PLACE] = place
    else:
        plant.count[pl.C_COPIES] += count - 1
    for copy in range(count):
        _admit(plant, state, i, now, tenant, plant.targets[copy])
    plant.sequence[0] += 1


@jit
def digest(plant: Plant, state: State, choose: Any, count: int, wall: int) -> None:
    """Take a batch of `count` frames, read at `wall`, and run the model as far as is known.

    A full batch may have left earlier frames than `wall` in the socket: the model then goes to
    the last arrival only, so that being late distorts nothing.
    """
    for i in range(count):
        intake(plant, state, choose, i, wall)
    if count < BATCH:
        settle(plant, state, choose, ck.model_ns(plant.clock, wall))
    flush(plant)
