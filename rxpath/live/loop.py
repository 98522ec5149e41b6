"""The loop from socket to socket: poll, read, model, send; back to Python only for control work."""

from __future__ import annotations

from typing import Any

from rxpath import kernel
from rxpath.afpacket import BATCH, CUT, put, put_tagged, read_batch
from rxpath.frames import ETH_HEADER, GROUP, mac
from rxpath.jit import jit
from rxpath.libc import ppoll, wall_ns
from rxpath.live import clock as ck
from rxpath.live import plant as pl
from rxpath.live.fdb import NOWHERE, port_of
from rxpath.live.intake import digest, flush
from rxpath.live.plant import POLLIN, Plant
from rxpath.state import State

CONTROL, UPLINK, PORTS = 0, 1, 2  # rows of `Plant.polls`; PORTS + i is container i


@jit
def _send_local(plant: Plant, port: int, i: int) -> None:
    if plant.tx.count[0] == BATCH:
        flush(plant)
    rx = plant.rx
    put(plant.tx, port, rx.frames[i].ctypes.data, rx.length[i], -1, -1)
    plant.count[pl.C_TX_LOCAL] += 1


@jit
def _send_uplink(plant: Plant, source: int, i: int) -> None:
    if plant.tx.count[0] == BATCH:
        flush(plant)
    rx, uplink = plant.rx, len(plant.fdb.tenant)
    put_tagged(plant.tx, uplink, rx.frames[i].ctypes.data, rx.length[i], source)
    plant.count[pl.C_TX_UPLINK] += 1


@jit
def forward(plant: Plant, source: int, i: int) -> None:
    """Frame i of the batch leaves container `source`: to neighbours, to the uplink, or both."""
    rx, fdb, count = plant.rx, plant.fdb, plant.count
    count[pl.C_TX] += 1
    count[pl.C_UNFINISHED] += rx.flags[i] >> 1 & 1
    if rx.flags[i] & CUT or rx.length[i] < ETH_HEADER:
        count[pl.C_TX_LONG] += 1
        return
    if rx.tag[i] >= 0:  # an access port carries untagged frames (IEEE 802.1Q, 8.6.2)
        count[pl.C_TX_TAGGED] += 1
        return
    tenant, target = fdb.tenant[source], mac(rx.frames[i], 0)
    if target & GROUP:
        for k in range(fdb.first[tenant], fdb.first[tenant + 1]):
            if fdb.members[k] != source:
                _send_local(plant, fdb.members[k], i)
        _send_uplink(plant, source, i)
        return
    port = port_of(fdb, tenant, target)
    if port == NOWHERE:
        _send_uplink(plant, source, i)
    elif port != source:
        _send_local(plant, port, i)
    else:
        count[pl.C_TX_SELF] += 1


@jit
def _count(plant: Plant, result: int) -> int:
    """Number of frames read; a socket's error is counted and is no frame."""
    if result < 0:
        plant.count[pl.C_SOCKET_ERRORS] += 1
        return 0
    return result


@jit
def _wait(plant: Plant, wait: int) -> None:
    plant.time[0], plant.time[1] = wait // 1_000_000_000, wait % 1_000_000_000
    polls = plant.polls
    polls["revents"][:] = 0
    ppoll(polls.ctypes.data, len(polls), plant.time.ctypes.data, 0)


@jit
def _containers(plant: Plant) -> bool:
    """Forward what the containers sent, a batch each; say whether one may have more."""
    more = False
    for source in range(len(plant.fdb.tenant)):
        if plant.polls[PORTS + source]["revents"] == 0:
            continue
        count = _count(plant, read_batch(plant.polls[PORTS + source]["fd"], plant.rx))
        for i in range(count):
            forward(plant, source, i)
        flush(plant)  # the frames lie in the batch's buffers: out before the next is read
        more |= count == BATCH
    return more


@jit
def run(plant: Plant, state: State, choose: Any, until: int) -> bool:
    """Carry frames until control work waits or the wall clock reaches `until` ns.

    Returns whether control work waits.  Sleeps in ppoll(2) whenever there is nothing to do.
    """
    wait = 0
    while True:
        _wait(plant, wait)
        wall = wall_ns(plant.time)  # before reading: what arrived earlier is read now
        count = _count(plant, read_batch(plant.polls[UPLINK]["fd"], plant.rx))
        digest(plant, state, choose, count, wall)
        more = _containers(plant)
        if plant.polls[CONTROL]["revents"] & POLLIN:
            return True
        wall = wall_ns(plant.time)
        if wall >= until:
            return False
        deadline = kernel.next_deadline(state)
        busy = more or count == BATCH
        wait = 0 if busy else ck.wait_ns(plant.clock, deadline, wall, until - wall)
