"""The data of the compiled loop: counters, frame buffers, descriptors, addresses, batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.tables import Row, Rows, word, words
from rxpath.live.clock import Clock
from rxpath.live.fdb import Fdb
from rxpath.live.flows import Flows
from rxpath.live.recorder import Recorder
from rxpath.live.seen import Seen
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.wire import frames, toeplitz
from rxpath.wire.afpacket import Rx, Tx

EVENTS = 512  # of the model, at a time

# Drop reasons of live frames, beside the model's own (`codes.DROP_REASONS`, below 16).
MALFORMED = 16  # see the verdicts of `rxpath.wire.frames`
NOT_OURS = 17  # another machine's MAC, VTEP, protocol or port
UNKNOWN_TENANT = 18  # a VNI or VLAN that no container here has
UNKNOWN_MAC = 19  # no container of the tenant has it
VETH = 20  # the container's interface refused it
AFPACKET = 21  # the kernel dropped it before the driver read it: never in a record
LINK_LOCAL = 22  # to a group address that no bridge forwards
REASONS = 23
REASON_NAMES = {code: name for code, name in enumerate(codes.DROP_REASONS) if code} | {
    MALFORMED: "malformed",
    NOT_OURS: "not_ours",
    UNKNOWN_TENANT: "unknown_tenant",
    UNKNOWN_MAC: "unknown_mac",
    VETH: "veth",
    AFPACKET: "afpacket",
    LINK_LOCAL: "link_local",
}


class Counters(Row):
    """Frames since the last reset."""

    rx = word("read from the uplink")
    copies = word("of broadcast frames, beyond the first")
    delivered = word("written to containers")
    drops = words(REASONS, "of the uplink's frames, by drop reason")
    verdicts = words(len(frames.VERDICT_NAMES), "of the parser")
    tx = word("read from containers")
    tx_local = word("forwarded to a container of this machine")
    tx_uplink = word("forwarded to the uplink")
    tx_tagged = word("dropped: a tag of their own on an access port")
    tx_too_long = word("dropped: longer than a buffer, or shorter than a header")
    tx_too_short = word("dropped: ends too soon behind the tag that it would get")
    tx_link_local = word("dropped: to a group address that no bridge forwards")
    tx_to_itself = word("dropped: addressed to their sender")
    tx_refused = word("dropped: the interface refused them")
    unfinished_checksums = word("with a checksum left to hardware")
    socket_errors = word("failed reads of a socket")


class Attachment(Row):
    """How the datapath is attached to the model and to the kernel."""

    sender = word("descriptor of the sending socket, -1: a replay without interfaces")
    plain_chain = word("the model's chain of a frame without VXLAN")
    tunnel_chain = word("and with it")
    next_id = word("of the next frame's record")


class Pool(Row):
    """The frame buffers, a slot each."""

    base = word("address of slot 0's bytes")
    step = word("from one slot to the next", "bytes")
    free = word("slots that are free")


class Slot(Row):
    """One frame buffer, which the model holds or which is free."""

    size = word("of the container's frame in it", "bytes")
    record = word("its row in the recorder, or -1")
    stack = word("row i: the slot that is i-th on the stack of free ones")


class Datapath(NamedTuple):
    """All of the live path but the model and the interfaces."""

    counters: Counters
    attachment: Attachment
    pool: Pool
    slots: Rows[Slot]
    me: frames.Identity
    fdb: Fdb
    clock: Clock
    parsed: frames.Parsed  # of the frame that was parsed last
    rss: np.ndarray  # int64 [36, 256] `toeplitz.key_table`
    scratch: np.ndarray  # int64 [2] for a struct timespec
    events: Rows[Event]
    rx: Rx
    tx: Tx
    recorder: Recorder
    seen: Seen
    flows: Flows


class Wiring(NamedTuple):
    """What of a datapath depends on its machine."""

    me: frames.Identity
    fdb: Fdb
    clock: Clock
    rx: Rx
    tx: Tx
    flows: Flows


def make(wiring: Wiring, recorder: Recorder, seen: Seen, buffers: np.ndarray) -> Datapath:
    """A datapath with all counters at zero and without a socket.

    `buffers` is uint8 [slots, slot size]; the caller keeps it alive.
    """
    attachment, pool = Attachment.new(), Pool.new()
    attachment.sender = -1
    pool.base, pool.step, pool.free = buffers.ctypes.data, buffers.shape[1], len(buffers)
    slots = Rows.new(Slot, len(buffers))
    slots.array["record"] = -1
    slots.array["stack"] = np.arange(len(buffers))[::-1]
    return Datapath(
        counters=Counters.new(),
        attachment=attachment,
        pool=pool,
        slots=slots,
        parsed=frames.Parsed.new(),
        rss=toeplitz.key_table(),
        scratch=np.zeros(2, np.int64),
        events=Rows.new(Event, EVENTS),
        recorder=recorder,
        seen=seen,
        **wiring._asdict(),
    )


@inner
def buffer_of(datapath: Datapath, slot: int) -> int:
    """Address of a slot's bytes."""
    address: int = datapath.pool.base + slot * datapath.pool.step
    return address


@inner
def take_slot(datapath: Datapath) -> int:
    """Take the slot that was freed last (few pages are ever touched), or -1 when none is left."""
    pool = datapath.pool
    if pool.free == 0:
        return -1
    pool.free -= 1
    slot: int = datapath.slots[pool.free].stack
    return slot


@inner
def free_slot(datapath: Datapath, slot: int) -> None:
    """Return a slot to the pool."""
    pool = datapath.pool
    datapath.slots[slot].record = -1
    datapath.slots[pool.free].stack = slot
    pool.free += 1
