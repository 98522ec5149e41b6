"""The receive side: frames from the uplink into the model, and the model's events out of it."""

from __future__ import annotations

import numpy as np

from rxpath.compile.jit import entry, inner
from rxpath.live import clock as ck
from rxpath.live import datapath as dp
from rxpath.live import flows, recorder, seen
from rxpath.live.datapath import Datapath, buffer_of, free_slot, take_slot
from rxpath.live.fdb import NOWHERE, targets, tenant_of
from rxpath.model import forget, kernel
from rxpath.model.frame import Frame
from rxpath.model.state.codes import DELIVER, RX_MISSED
from rxpath.model.state.host import State
from rxpath.model.state.packets import Event
from rxpath.wire import frames as fr
from rxpath.wire.afpacket import BATCH, put, send_batch
from rxpath.wire.frames import be32, octet
from rxpath.wire.libc import memcpy, wall_ns

WHOLE = 0  # fragments: the container's kernel reassembles them
TIMESTAMPS = 0x0101080A  # two NOPs, kind 8, length 10: as RFC 7323, appendix A, and Linux have it


@inner
def flush(datapath: Datapath) -> None:
    """Send the waiting frames; note lateness and refusals; free their slots."""
    batch, counters = datapath.tx.batch, datapath.counters
    if batch.waiting == 0:
        return
    send_batch(datapath.attachment.sender, datapath.tx)
    wall = wall_ns(datapath.scratch)
    for i in range(batch.waiting):
        descriptor = datapath.tx.descriptors[i]
        slot, failed = descriptor.slot, descriptor.failed
        if slot < 0:
            counters.tx_refused += failed
            continue
        if failed:
            counters.drops[dp.VETH] += 1
            recorder.dropped(datapath.recorder, datapath.slots[slot].record, dp.VETH)
        else:
            counters.delivered += 1
            ck.delivered(datapath.clock, descriptor.due, wall)
        free_slot(datapath, slot)
    batch.waiting = 0


@inner
def _apply(datapath: Datapath, state: State, event: Event) -> None:
    """Do what an event of the model says: write the frame to its container, or drop it."""
    slot = event.slot
    recorder.left(datapath.recorder, datapath.slots[slot].record, state, event)
    seen.left(datapath.seen, event)
    flows.left(datapath.flows, event.flow)
    if event.kind != DELIVER:
        datapath.counters.drops[event.reason] += 1
        free_slot(datapath, slot)
        return
    if datapath.tx.batch.waiting == BATCH:
        flush(datapath)
    base, size = buffer_of(datapath, slot), datapath.slots[slot].size
    put(datapath.tx, event.socket, base, size, slot, event.time)


@inner
def advance(datapath: Datapath, state: State, until: int) -> None:
    """Run the model up to `until` (model ns) and apply its events."""
    events = datapath.events
    count = len(events)
    while count == len(events):
        count = kernel.advance(state, until, events)
        for i in range(count):
            _apply(datapath, state, events[i])
    datapath.clock.last = max(datapath.clock.last, until)


@inner
def _gro_key(frame: np.ndarray, tcp: int, header: int, dilation: int) -> int:
    """What must be equal for two segments to merge: acknowledgement and options (RFC 9293, 3.1).

    A sender's timestamps count milliseconds of the wall. In model time they are ``dilation`` times
    as far apart, as those of a sender would be whose clock is the model's.
    """
    key, stamps = be32(frame, tcp + 8), 0
    for at in range(tcp + 20, tcp + header, 4):
        option = be32(frame, at)
        if stamps > 0:
            option //= dilation
            stamps -= 1
        elif option == TIMESTAMPS:
            stamps = 2
        key = key * 1_000_003 + option
    return key


@inner
def _frame(
    datapath: Datapath, data: np.ndarray, flow: int, port: int, chain: int, wire_len: int
) -> Frame:
    """The model's view of a frame of ``wire_len`` bytes for container ``port``."""
    parsed = datapath.parsed
    payload, seq, flags, gro = 0, 0, 0, 0
    if parsed.proto == fr.TCP and parsed.has_ports:
        tcp = parsed.l4
        header = (octet(data, tcp + 12) >> 4) * 4
        payload, seq = parsed.l4_end - tcp - header, be32(data, tcp + 4)
        flags, gro = octet(data, tcp + 13), _gro_key(data, tcp, header, datapath.clock.dilation)
    return Frame(
        parsed.rss_hash, flow, port, chain, parsed.proto, wire_len, payload, seq, flags, gro, WHOLE
    )


@inner
def _flow_of(datapath: Datapath, state: State, frame: np.ndarray, tenant: int, port: int) -> int:
    """The number of the flow of the parsed frame for container `port`: `rxpath.live.flows`."""
    flows.ask(datapath.flows, frame, datapath.parsed, tenant, port)
    flow = flows.find(datapath.flows)
    if flow == flows.NONE:
        flow = flows.take(datapath.flows)
        forget.flow(state, flow)
        seen.forget(datapath.seen, flow)
    return flow


@inner
def _deliver(datapath: Datapath, state: State, i: int, now: int, tenant: int, port: int) -> None:
    """Hand frame i of the batch, for one port, to the model: a record, a slot, a copy."""
    parsed, frame, descriptor = datapath.parsed, datapath.rx.frames[i], datapath.rx.descriptors[i]
    next_id = datapath.attachment.next_id
    row = recorder.begin(datapath.recorder, frame, descriptor, next_id, now)
    flow = _flow_of(datapath, state, frame, tenant, port)
    wire_len = descriptor.length + (4 if descriptor.tag >= 0 else 0)
    seen.arrived(datapath.seen, flow, now, wire_len)
    slot, reason = take_slot(datapath), RX_MISSED
    if slot >= 0:
        size = parsed.inner_end - parsed.inner
        memcpy(buffer_of(datapath, slot), frame.ctypes.data + parsed.inner, size)
        datapath.slots[slot].size, datapath.slots[slot].record = size, row
        attachment = datapath.attachment
        chain = attachment.tunnel_chain if parsed.tunnel else attachment.plain_chain
        described = _frame(datapath, frame, flow, port, chain, wire_len)
        reason = kernel.receive(state, slot, now, described)
        if reason:
            free_slot(datapath, slot)
    if reason:
        datapath.counters.drops[reason] += 1
        seen.refused(datapath.seen, flow, reason)
        flows.refused(datapath.flows, flow)
    else:
        flows.entered(datapath.flows, flow)
    recorder.parsed(datapath.recorder, row, parsed.rss_hash, parsed.proto, flow, port)
    recorder.dropped(datapath.recorder, row, reason)


@inner
def _classify(datapath: Datapath, i: int) -> tuple[int, int, int]:
    """Find the receivers of frame i of the batch: (drop reason or 0, tenant, number of ports)."""
    descriptor, parsed = datapath.rx.descriptors[i], datapath.parsed
    verdict = fr.TOO_LONG
    if not descriptor.truncated:
        vlan = descriptor.tag & 0xFFF if descriptor.tag >= 0 else 0
        frame = datapath.rx.frames[i]
        verdict = fr.parse(frame, descriptor.length, vlan, datapath.me, datapath.rss, parsed)
    datapath.counters.verdicts[verdict] += 1
    if verdict != fr.OK:
        return dp.NOT_OURS if verdict == fr.NOT_OURS else dp.MALFORMED, 0, 0
    if fr.is_link_local(parsed.dmac):
        return dp.LINK_LOCAL, 0, 0
    tenant = tenant_of(datapath.fdb, parsed.tunnel, parsed.segment)
    if tenant == NOWHERE:
        return dp.UNKNOWN_TENANT, 0, 0
    count = targets(datapath.fdb, tenant, parsed.dmac, NOWHERE)
    return dp.UNKNOWN_MAC if count == 0 else 0, tenant, count


@inner
def _receive(datapath: Datapath, state: State, i: int, wall: int) -> None:
    """Frame i of the batch enters the machine at its kernel timestamp (else at `wall`)."""
    descriptor, counters = datapath.rx.descriptors[i], datapath.counters
    now = ck.arrival_ns(datapath.clock, descriptor.stamp if descriptor.stamp else wall)
    advance(datapath, state, now)
    reason, tenant, count = _classify(datapath, i)
    counters.rx += 1
    counters.unfinished_checksums += descriptor.unfinished
    if reason:
        counters.drops[reason] += 1
        frame, next_id = datapath.rx.frames[i], datapath.attachment.next_id
        row = recorder.begin(datapath.recorder, frame, descriptor, next_id, now)
        recorder.dropped(datapath.recorder, row, reason)
    else:
        counters.copies += count - 1
    for copy in range(count):
        _deliver(datapath, state, i, now, tenant, datapath.fdb.targets[copy].port)
    datapath.attachment.next_id += 1


@entry
def process_batch(datapath: Datapath, state: State, count: int, wall: int) -> None:
    """Process a batch of `count` frames, read at `wall`; run the model as far as input is known.

    A full batch may have left earlier frames than `wall` in the socket: the model then goes to
    the last arrival only, so that being late distorts nothing.
    """
    for i in range(count):
        _receive(datapath, state, i, wall)
    if count < BATCH:
        advance(datapath, state, ck.model_ns(datapath.clock, wall))
    flush(datapath)
