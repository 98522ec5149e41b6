"""The loop from socket to socket: poll, read, model, send; back to Python only for control work."""

from __future__ import annotations

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.jit import kernel as entry
from rxpath.live import clock as ck
from rxpath.live import plant as pl
from rxpath.live.fdb import TARGETS, TENANT, containers, targets
from rxpath.live.intake import digest, flush
from rxpath.live.plant import Plant
from rxpath.model import kernel
from rxpath.model.state.host import State
from rxpath.wire.afpacket import (
    BATCH,
    CUT,
    FLAGS,
    LENGTH,
    TAG,
    UNFINISHED,
    WAITING,
    put,
    put_tagged,
    read_batch,
)
from rxpath.wire.frames import ETH_HEADER, GROUP, mac
from rxpath.wire.libc import nanosleep, ppoll, wall_ns

POLLFD = np.dtype([("fd", "i4"), ("events", "i2"), ("revents", "i2")])  # uapi asm-generic/poll.h
POLLIN = 1
COALESCE_NS = 50_000  # frames and deadlines within this much wall time are taken together
CONTROL, UPLINK, PORTS = 0, 1, 2  # rows of `polls`; PORTS + i is container i


@inner
def _send(plant: Plant, port: int, i: int, source: int) -> None:
    """Frame i of the batch out of `port`; out of the uplink with the source's tag."""
    if plant.tx.info[BATCH, WAITING] == BATCH:
        flush(plant)
    base, size = plant.rx.frames[i].ctypes.data, plant.rx.info[i, LENGTH]
    if port == containers(plant.fdb):
        put_tagged(plant.tx, port, base, size, source)
        plant.counter[pl.C_TX_UPLINK] += 1
    else:
        put(plant.tx, port, base, size, -1, -1)
        plant.counter[pl.C_TX_LOCAL] += 1


@inner
def forward(plant: Plant, source: int, i: int) -> None:
    """Frame i of the batch leaves container `source`: to neighbours, to the uplink, or both."""
    info, fdb, counter = plant.rx.info[i], plant.fdb, plant.counter
    counter[pl.C_TX] += 1
    counter[pl.C_UNFINISHED] += info[FLAGS] & UNFINISHED != 0
    if info[FLAGS] & CUT or info[LENGTH] < ETH_HEADER:
        counter[pl.C_TX_LONG] += 1
        return
    if info[TAG] >= 0:  # an access port carries untagged frames (IEEE 802.1Q, 8.6.2)
        counter[pl.C_TX_TAGGED] += 1
        return
    target = mac(plant.rx.frames[i], 0)
    count = targets(fdb, fdb[TENANT, 1 + source], target, source)
    if count == 1 and fdb[TARGETS, 0] == source:
        counter[pl.C_TX_SELF] += 1
        return
    for copy in range(count):
        _send(plant, fdb[TARGETS, copy], i, source)
    if count == 0 or target & GROUP:
        _send(plant, containers(fdb), i, source)


@inner
def _count(plant: Plant, result: int) -> int:
    """Number of frames read; a socket's error is counted and is no frame."""
    if result < 0:
        plant.counter[pl.C_SOCKET_ERRORS] += 1
        return 0
    return result


@inner
def _wait(polls: np.ndarray, scratch: np.ndarray, wait: int) -> None:
    scratch[0], scratch[1] = wait // 1_000_000_000, wait % 1_000_000_000
    for i in range(len(polls)):
        polls[i]["revents"] = 0
    ppoll(polls.ctypes.data, len(polls), scratch.ctypes.data, 0)


@inner
def _containers(plant: Plant, polls: np.ndarray) -> bool:
    """Forward what the containers sent, a batch each; say whether one may have more."""
    more = False
    for source in range(containers(plant.fdb)):
        if polls[PORTS + source]["revents"] == 0:
            continue
        count = _count(plant, read_batch(polls[PORTS + source]["fd"], plant.rx))
        for i in range(count):
            forward(plant, source, i)
        flush(plant)  # the frames lie in the batch's buffers: out before the next is read
        more |= count == BATCH
    return more


@inner
def _pause(scratch: np.ndarray) -> None:
    """Sleep COALESCE_NS whatever comes, as a NIC's interrupt moderation does.

    Arrivals are stamped by the kernel, so this makes frames late by at most so much wall time and
    distorts nothing; without it, each frame of a busy host would cost a wake-up.
    """
    scratch[0], scratch[1] = 0, COALESCE_NS
    nanosleep(scratch.ctypes.data, 0)


@entry
def run(plant: Plant, state: State, polls: np.ndarray, until: int) -> bool:
    """Carry frames until control work waits or the wall clock reaches `until` ns.

    `polls` is POLLFD [2 + containers]. Returns whether control work waits. Sleeps in ppoll(2)
    whenever there is nothing to do.
    """
    wait, scratch = 0, plant.counter[pl.C_SCRATCH :]
    while True:
        _wait(polls, scratch, wait)
        wall = wall_ns(scratch)  # before reading: what arrived earlier is read now
        count = _count(plant, read_batch(polls[UPLINK]["fd"], plant.rx))
        digest(plant, state, count, wall)
        more = _containers(plant, polls)
        if polls[CONTROL]["revents"] & POLLIN:
            return True
        wall = wall_ns(scratch)
        if wall >= until:
            return False
        busy = more or count == BATCH
        deadline = kernel.next_deadline(state)
        wait = 0 if busy else ck.wait_ns(plant.clock, deadline, wall, until - wall)
        if not busy and wait < COALESCE_NS:
            _pause(scratch)
            wait = 0
