"""What the compiled loop works on: one NamedTuple of arrays, allocated once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.tables import Rows
from rxpath.live.recorder import Recorder
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.wire import frames, toeplitz
from rxpath.wire.afpacket import Rx, Tx

FLOWS_LOG2 = 14

# Places where a live frame is lost, beside the model's own (`codes.DROP_REASONS`, below 16).
PLACE_MALFORMED = 16  # see the verdicts of `rxpath.wire.frames`
PLACE_NOT_OURS = 17  # another machine's MAC, VTEP, protocol or port
PLACE_UNKNOWN_TENANT = 18  # a VNI or VLAN that nobody here has
PLACE_UNKNOWN_MAC = 19  # no container of the tenant has it
PLACE_VETH = 20  # the container's interface refused it
PLACE_AFPACKET = 21  # the kernel lost it before the driver saw it: never in a record
PLACES = 22
PLACE_NAMES = {code: name for code, name in enumerate(codes.DROP_REASONS) if code} | {
    PLACE_MALFORMED: "malformed",
    PLACE_NOT_OURS: "not_ours",
    PLACE_UNKNOWN_TENANT: "unknown_tenant",
    PLACE_UNKNOWN_MAC: "unknown_mac",
    PLACE_VETH: "veth",
    PLACE_AFPACKET: "afpacket",
}

# Columns of `Plant.counter`; the first ones are zeroed by a reset.
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
C_LOST = 12  # one for each PLACE_*
C_VERDICT = C_LOST + PLACES  # one for each verdict of the parser
COUNTERS = C_VERDICT + len(frames.VERDICT_NAMES)
C_SEQUENCE = COUNTERS  # id of the next frame
C_CHAIN = C_SEQUENCE + 1  # the model's chain of a plain frame, then of a tunnelled one
C_SENDER = C_CHAIN + 2  # descriptor of the sending socket, -1: a replay without interfaces
C_POOL_AT = C_SENDER + 1  # address of slot 0's bytes
C_POOL_STEP = C_POOL_AT + 1  # bytes of a slot
C_POOL_FREE = C_POOL_STEP + 1  # slots that are free
C_SCRATCH = C_POOL_FREE + 1  # room for a struct timespec
COLUMNS = C_SCRATCH + 2

# Columns of `Plant.slot`, one row for each frame buffer that the model may hold
S_SIZE = 0  # bytes of the container's frame in it
S_ROW = 1  # its row in the recorder, -1 none
S_STACK = 2  # row i: the slot that lies i-th on the stack of free ones
SLOT_COLUMNS = 3


class Plant(NamedTuple):
    """All of the live path but the model and the interfaces."""

    me: np.ndarray  # int64 `frames.identity`
    fdb: np.ndarray  # int64 [fdb.ROWS, ...]
    clock: np.ndarray  # int64 `clock.make`
    counter: np.ndarray  # int64 [COLUMNS]
    slot: np.ndarray  # int64 [slots, SLOT_COLUMNS]
    fields: np.ndarray  # int64 [frames.FIELDS] of the frame in hand
    rss: np.ndarray  # int64 [36, 256] `toeplitz.key_table`
    events: Rows[Event]
    rx: Rx
    tx: Tx
    rec: Recorder


def make(
    me: np.ndarray,
    fdb: np.ndarray,
    clock: np.ndarray,
    rx: Rx,
    tx: Tx,
    rec: Recorder,
    pool: np.ndarray,
) -> Plant:
    """Put the parts together, counters at zero and no socket yet.

    `pool` is uint8 [slots, slot size]; the caller keeps it alive.
    """
    slots = len(pool)
    counter = np.zeros(COLUMNS, np.int64)
    counter[C_SENDER], counter[C_POOL_AT] = -1, pool.ctypes.data
    counter[C_POOL_STEP], counter[C_POOL_FREE] = pool.shape[1], slots
    slot = np.full((slots, SLOT_COLUMNS), -1, np.int64)
    slot[:, S_STACK] = np.arange(slots)[::-1]
    return Plant(
        *(me, fdb, clock, counter, slot),
        fields=np.zeros(frames.FIELDS, np.int64),
        rss=toeplitz.key_table(),
        events=Rows.new(Event, 512),
        rx=rx,
        tx=tx,
        rec=rec,
    )


@inner
def take_slot(counter: np.ndarray, slot: np.ndarray) -> int:
    """Take the slot that was freed last (few pages are ever touched), or -1 when none is left."""
    if counter[C_POOL_FREE] == 0:
        return -1
    counter[C_POOL_FREE] -= 1
    index: int = slot[counter[C_POOL_FREE], S_STACK]
    return index


@inner
def free_slot(counter: np.ndarray, slot: np.ndarray, index: int) -> None:
    """Give a slot back."""
    slot[index, S_ROW] = -1
    slot[counter[C_POOL_FREE], S_STACK] = index
    counter[C_POOL_FREE] += 1
