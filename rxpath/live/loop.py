"""The loop from socket to socket: poll, read, run the model, send. Python only serves control."""

from __future__ import annotations

import numpy as np

from rxpath.compile.jit import entry, inner
from rxpath.live import clock as ck
from rxpath.live.datapath import Datapath
from rxpath.live.fdb import targets
from rxpath.live.receive import flush, process_batch
from rxpath.model import kernel
from rxpath.model.state.host import State
from rxpath.wire.afpacket import BATCH, put, put_tagged, read_batch
from rxpath.wire.frames import ETH_HEADER, GROUP, is_link_local, mac
from rxpath.wire.libc import nanosleep, ppoll, wall_ns

POLLFD = np.dtype([("fd", "i4"), ("events", "i2"), ("revents", "i2")])  # uapi asm-generic/poll.h
POLLIN = 1
COALESCE_NS = 50_000  # frames and deadlines within this much wall time are taken together
# A frame with a tag needs two bytes behind it, or the kernel at the other end of the link frees it
# and counts nothing [net/core/skbuff.c, skb_vlan_untag]. Ethernet has no frames that short.
SHORTEST_TAGGED = ETH_HEADER + 2  # without the tag
CONTROL, UPLINK, PORTS = 0, 1, 2  # rows of `polls`; PORTS + i is container i


@inner
def _send(datapath: Datapath, port: int, i: int, source: int) -> None:
    """Frame i of the batch out of `port`; out of the uplink with the source's tag."""
    if datapath.tx.batch.waiting == BATCH:
        flush(datapath)
    base, size = datapath.rx.frames[i].ctypes.data, datapath.rx.descriptors[i].length
    if port == len(datapath.fdb.ports):
        if size < SHORTEST_TAGGED:
            datapath.counters.tx_too_short += 1
            return
        put_tagged(datapath.tx, port, base, size, source)
        datapath.counters.tx_uplink += 1
    else:
        put(datapath.tx, port, base, size, -1, -1)
        datapath.counters.tx_local += 1


@inner
def _forward(datapath: Datapath, source: int, i: int) -> None:
    """Frame i of the batch leaves container `source`: to neighbours, to the uplink, or both."""
    descriptor, fdb, counters = datapath.rx.descriptors[i], datapath.fdb, datapath.counters
    counters.tx += 1
    counters.unfinished_checksums += descriptor.unfinished
    if descriptor.truncated or descriptor.length < ETH_HEADER:
        counters.tx_too_long += 1
        return
    if descriptor.tag >= 0:  # an access port carries untagged frames (IEEE 802.1Q, 8.6.2)
        counters.tx_tagged += 1
        return
    target = mac(datapath.rx.frames[i], 0)
    if is_link_local(target):
        counters.tx_link_local += 1
        return
    count = targets(fdb, fdb.ports[source].tenant, target, source)
    if count == 1 and fdb.targets[0].port == source:
        counters.tx_to_itself += 1
        return
    for copy in range(count):
        _send(datapath, fdb.targets[copy].port, i, source)
    if count == 0 or target & GROUP:
        _send(datapath, len(fdb.ports), i, source)


@inner
def _count(datapath: Datapath, result: int) -> int:
    """Number of frames read: 0 for a socket's error, which is counted."""
    if result < 0:
        datapath.counters.socket_errors += 1
        return 0
    return result


@inner
def _wait(polls: np.ndarray, scratch: np.ndarray, wait: int) -> None:
    scratch[0], scratch[1] = wait // 1_000_000_000, wait % 1_000_000_000
    for i in range(len(polls)):
        polls[i]["revents"] = 0
    ppoll(polls.ctypes.data, len(polls), scratch.ctypes.data, 0)


@inner
def _forward_all(datapath: Datapath, polls: np.ndarray) -> bool:
    """Forward what the containers sent, a batch each; return whether one may have more."""
    more = False
    for source in range(len(datapath.fdb.ports)):
        if polls[PORTS + source]["revents"] == 0:
            continue
        count = _count(datapath, read_batch(polls[PORTS + source]["fd"], datapath.rx))
        for i in range(count):
            _forward(datapath, source, i)
        flush(datapath)  # the frames are in the batch's buffers: send them before the next is read
        more |= count == BATCH
    return more


@inner
def _pause(scratch: np.ndarray) -> None:
    """Sleep COALESCE_NS whatever arrives, as a NIC's interrupt moderation does.

    Arrivals are stamped by the kernel, so this makes frames late by at most so much wall time and
    distorts nothing; without it, each frame of a busy host would cost a wake-up.
    """
    scratch[0], scratch[1] = 0, COALESCE_NS
    nanosleep(scratch.ctypes.data, 0)


@entry
def run(datapath: Datapath, state: State, polls: np.ndarray, until: int) -> bool:
    """Carry frames until control work waits or the wall clock reaches `until` ns.

    `polls` is POLLFD [2 + containers]. Returns whether control work waits. Sleeps in ppoll(2)
    whenever there is nothing to do.
    """
    wait, scratch = 0, datapath.scratch
    while True:
        _wait(polls, scratch, wait)
        wall = wall_ns(scratch)  # before reading: what arrived earlier is read now
        count = _count(datapath, read_batch(polls[UPLINK]["fd"], datapath.rx))
        process_batch(datapath, state, count, wall)
        more = _forward_all(datapath, polls)
        if polls[CONTROL]["revents"] & POLLIN:
            return True
        wall = wall_ns(scratch)
        if wall >= until:
            return False
        busy = more or count == BATCH
        deadline = kernel.next_deadline(state)
        wait = 0 if busy else ck.wait_ns(datapath.clock, deadline, wall, until - wall)
        if not busy and wait < COALESCE_NS:
            _pause(scratch)
            wait = 0
