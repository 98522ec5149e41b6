"""What the compiled loop works on: one NamedTuple of arrays, allocated once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath import frames, layout, toeplitz
from rxpath.afpacket import Rx, Tx
from rxpath.frames import Identity
from rxpath.jit import jit
from rxpath.live.clock import Clock
from rxpath.live.fdb import Fdb
from rxpath.live.recorder import Recorder

FLOWS_LOG2 = 14

# Places where a live frame is lost, beside the model's own (`layout.PLACE_NAMES`, below 16).
PLACE_MALFORMED = 16  # see the verdicts of `rxpath.frames`
PLACE_NOT_OURS = 17  # another machine's MAC, VTEP, protocol or port
PLACE_UNKNOWN_TENANT = 18  # a VNI or VLAN that nobody here has
PLACE_UNKNOWN_MAC = 19  # no container of the tenant has it
PLACE_VETH = 20  # the container's interface refused it
PLACE_AFPACKET = 21  # the kernel lost it before the driver saw it: never in a record
PLACES = 22
LIVE_PLACE_NAMES = {
    PLACE_MALFORMED: "malformed",
    PLACE_NOT_OURS: "not_ours",
    PLACE_UNKNOWN_TENANT: "unknown_tenant",
    PLACE_UNKNOWN_MAC: "unknown_mac",
    PLACE_VETH: "veth",
    PLACE_AFPACKET: "afpacket",
}
PLACE_NAMES = {code: name for code, name in enumerate(layout.PLACE_NAMES) if code}
PLACE_NAMES |= LIVE_PLACE_NAMES

# Counters, columns of `Plant.count`.
(
    C_RX,
    C_COPIES,  # of broadcast frames, beyond the first
    C_DELIVERED,
    C_TX,
    C_TX_LOCAL,
    C_TX_UPLINK,
    C_TX_TAGGED,
    C_TX_LONG,
    C_TX_SELF,
    C_TX_FAILED,
    C_UNFINISHED,  # checksums left to hardware
    C_SOCKET_ERRORS,
) = range(12)
COUNTERS = 12


class Pool(NamedTuple):
    """Frames inside the model: slot s holds the container's frame until an event names s."""

    data: np.ndarray  # uint8 [slots, slot size]
    size: np.ndarray  # int64 [slots]
    free: np.ndarray  # int64 [slots] a stack, so that few pages are ever touched
    top: np.ndarray  # int64 [1] how many are free


class Plant(NamedTuple):
    """All of the live path but the model."""

    me: Identity
    fdb: Fdb
    clock: Clock
    pool: Pool
    rx: Rx
    tx: Tx
    rec: Recorder
    count: np.ndarray  # int64 [COUNTERS]
    lost: np.ndarray  # int64 [PLACES] frames by drop place
    junk: np.ndarray  # int64 [verdicts] frames by the parser's verdict
    chains: np.ndarray  # int64 [2] the model's chain of a plain and of a tunnelled frame
    sequence: np.ndarray  # int64 [1] id of the next frame
    events: np.ndarray  # int64 [n, EVENT_COLUMNS]
    rss: np.ndarray  # int64 [36, 256] `toeplitz.key_table`
    fields: np.ndarray  # int64 [frames.FIELDS] scratch of one frame
    key: np.ndarray  # uint8 [frames.KEY_BYTES] scratch
    targets: np.ndarray  # int64 [containers] scratch
    polls: np.ndarray  # POLLFD [2 + containers]: control, uplink, containers
    time: np.ndarray  # int64 [2] scratch: a struct timespec
    sender: int  # file descriptor of the sending socket, -1: a replay without interfaces


POLLFD = np.dtype([("fd", "i4"), ("events", "i2"), ("revents", "i2")])  # uapi asm-generic/poll.h
POLLIN = 1


def make_pool(slots: int, slot_size: int) -> Pool:
    """Allocate `slots` frames of up to `slot_size` bytes, all free."""
    return Pool(
        data=np.empty((slots, slot_size), np.uint8),
        size=np.zeros(slots, np.int64),
        free=np.arange(slots, dtype=np.int64)[::-1].copy(),
        top=np.array([slots], np.int64),
    )


def make_plant(
    me: Identity, fdb: Fdb, clock: Clock, pool: Pool, rx: Rx, tx: Tx, rec: Recorder
) -> Plant:
    """Put the parts together, with counters at zero and no interface yet."""
    containers = len(fdb.tenant)
    return Plant(
        *(me, fdb, clock, pool, rx, tx, rec),
        count=np.zeros(COUNTERS, np.int64),
        lost=np.zeros(PLACES, np.int64),
        junk=np.zeros(len(frames.VERDICT_NAMES), np.int64),
        chains=np.zeros(2, np.int64),
        sequence=np.zeros(1, np.int64),
        events=np.zeros((512, layout.EVENT_COLUMNS), np.int64),
        rss=toeplitz.key_table(),
        fields=np.zeros(frames.FIELDS, np.int64),
        key=np.zeros(frames.KEY_BYTES, np.uint8),
        targets=np.zeros(max(containers, 1), np.int64),
        polls=np.zeros(2 + containers, POLLFD),
        time=np.zeros(2, np.int64),
        sender=-1,
    )


@jit
def take_slot(pool: Pool) -> int:
    """Take a free slot, or return -1 when none is left."""
    if pool.top[0] == 0:
        return -1
    pool.top[0] -= 1
    return pool.free[pool.top[0]]


@jit
def free_slot(pool: Pool, slot: int) -> None:
    """Give a slot back."""
    pool.free[pool.top[0]] = slot
    pool.top[0] += 1
