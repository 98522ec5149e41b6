"""The virtual clock with TCP at the other end: connections whose acknowledgements drive them.

    loop = ClosedLoop(model, [Connection(rss_hash=..., chain=model.chain("tunnel"), window=64)])
    loop.run(5_000_000)      # 5 ms of model time; again, to go on
    loop.retransmits, loop.latencies()

Memory does not grow: frame buffers are used again, and latencies are kept up to a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from rxpath.compile.jit import compile_for, entry, inner
from rxpath.compile.pointers import SizedType
from rxpath.compile.tables import Rows
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model import kernel
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.host import STATE, State
from rxpath.model.state.packets import Event
from rxpath.tcp import connections, event_queue, recording
from rxpath.tcp import sender as tcp
from rxpath.tcp.connections import MAX_WINDOW, Connection, Wire, check, check_wire, within
from rxpath.tcp.state import (
    ACK,
    ARRIVE,
    DUPACK,
    REQUEST,
    SENDERS,
    TIMEOUT,
    WRITE,
    Pending,
    Sender,
    Senders,
    allocate,
)

CHUNK = 1 << 12  # events at a time
DONE, NO_SLOT = range(2)
SYN_FLAG, ACK_FLAG, PSH_FLAG = 0x02, 0x10, 0x18  # PSH with ACK
NO_KEY = NO_VALUE = FIRST = WHOLE = (
    0  # names: a literal is a type of its own and compiles a callee again
)


@dataclass
class ClosedLoop:
    """The far ends of `connections`, joined to `model`; flow i of the model is connection i.

    Args:
        model: with as many flows as connections, at least, and slots for all windows.
        connections: see `Connection`.
        wire: see `Wire`.
        think_ns: [draws] ns of thinking, used in turn by all clients; none: they do not think.
        samples: how many latencies of requests are kept.
        records: how many frames' stages are kept, those of the first frames that leave the host;
            the model has to record.

    Raises:
        ConfigError: what was given does not fit together.
    """

    model: Model
    connections: Sequence[Connection]
    wire: Wire = field(default_factory=Wire)
    think_ns: Any = (0,)
    samples: int = 1 << 16
    records: int = 0

    def __post_init__(self) -> None:
        """Check and allocate."""
        self._check()
        slots, count = len(self.model.state.slots), len(self.connections)
        early = max(max(one.window, one.most) for one in self.connections)
        think = np.ascontiguousarray(self.think_ns, np.int64)
        messages = 2 * early + 4 if any(one.message for one in self.connections) else 1
        self.senders = allocate(count, early, messages, slots, think, self.samples, self.records)
        connections.write(self.senders, self.connections, self.wire)
        self._out = Rows.new(Event, CHUNK)
        warm()
        for number, one in enumerate(self.connections):
            push(self.senders, one.start_ns, REQUEST, number, 0)
            if one.gap_ns:
                push(self.senders, one.start_ns, WRITE, number, 0)

    def _check(self) -> None:
        if not self.connections:
            raise ConfigError("connections", 0, "at least one")
        state = self.model.state
        if len(self.connections) > len(state.flows):
            raise ConfigError("connections", len(self.connections), f"at most {len(state.flows)}")
        for number, one in enumerate(self.connections):
            check(f"connections.{number}", one, state)
        check_wire(self.wire)
        within("samples", self.samples, 0, 2**31)
        within("records", self.records, 0, 2**24)
        if self.records and not state.knobs.records:
            raise ConfigError("records", self.records, "0, of a model that does not record")
        if not len(self.think_ns) or min(self.think_ns) < 0:
            raise ConfigError("think_ns", list(self.think_ns)[:3], "times of 0 ns or more")

    def run(self, until: int) -> None:
        """Go on to model time ``until``, ns. Raises `ConfigError` when slots do not suffice."""
        if feed(self.model.state, self.senders, self._out, until) == NO_SLOT:
            expected = "more, for what is in flight"
            raise ConfigError("slots", len(self.model.state.slots), expected)

    def open_window(self, number: int, window: int) -> None:
        """Connection ``number`` may have ``window`` segments in flight, from its next turn on.

        Raises `ConfigError` for less than it has, or more than it was made for.
        """
        one, sender = self.connections[number], self.senders.connections[number]
        if not sender.window <= window <= max(one.window, one.most):
            allowed = f"{sender.window} to {max(one.window, one.most)}"
            raise ConfigError("window", window, allowed)
        sender.window = window
        tcp.size_buffer(sender)
        sender.ssthresh = MAX_WINDOW  # it was the window, not the network, that held it back

    def _sum(self, name: str) -> int:
        return int(self.senders.connections.array[name].sum())

    @property
    def sent(self) -> int:
        """Frames that reached or will reach the NIC, retransmissions included."""
        return self._sum("sent")

    @property
    def retransmits(self) -> int:
        """Segments sent again."""
        return self._sum("retransmits")

    @property
    def timeouts(self) -> int:
        """Retransmission timeouts."""
        return self._sum("timeouts")

    @property
    def on_the_wire(self) -> int:
        """Frames that were sent and have not reached the NIC."""
        kinds = self.senders.queue.array["kind"][: self.senders.pending]
        return int(np.count_nonzero(kinds == ARRIVE))

    def acknowledged(self) -> NDArray[np.int64]:
        """[connections] segments that were acknowledged, each once, the set-up's included."""
        return np.array(self.senders.connections.array["una"])

    def answered(self) -> NDArray[np.int64]:
        """[connections] requests that were answered."""
        return np.array(self.senders.connections.array["answered"])

    def messages(self) -> NDArray[np.int64]:
        """[connections] messages that the receivers' applications have read."""
        return np.array(self.senders.connections.array["read"])

    def payload_read(self) -> int:
        """Bytes of data that the applications have read, each once."""
        return sum(_payload_read(one) for one in self.senders.connections)

    def setups(self) -> NDArray[np.int64]:
        """[connections, 2] how many set-ups were completed, and the ns that they took together."""
        rows = self.senders.connections.array
        return np.stack([rows["setups"], rows["setup_ns"]], axis=1)

    def latencies(self, since: int = 0) -> NDArray[np.int64]:
        """Latencies, ns, of requests answered and messages read from model time ``since`` on.

        A request's is from the question to the answer, set-up included; a message's from the write
        to the read.
        """
        found = self.senders.samples.array[: self.senders.sampled]
        return np.array(found["latency"][found["time"] >= since])


def _payload_read(sender: Sender) -> int:
    """Bytes of data that came in order, of a connection."""
    segments = sender.received
    if sender.period:
        segments -= segments // sender.period * sender.setup_steps
        segments -= min(sender.received % sender.period, sender.setup_steps)
    else:
        segments = max(segments - sender.setup_steps, 0)
    if not sender.message:
        return segments * sender.payload
    whole, more = divmod(segments, sender.segments)
    return whole * sender.message + more * sender.payload


@inner
def _arrive(state: State, senders: Senders, pending: Pending) -> bool:
    """A frame reaches the NIC; False when there is no buffer for it."""
    if senders.free == 0:
        return False
    senders.free -= 1
    slot = senders.free_slots[senders.free].value
    segment = pending.value
    senders.segments[slot].value = segment
    sender = senders.connections[pending.conn]
    if tcp.is_setup(sender, segment):
        step = sender.setup[tcp.setup_step(sender, segment)]
        chain, length, payload, flags = step.chain, step.wire_len, 0, SYN_FLAG
    else:
        payload = tcp.payload_of(sender, segment)
        chain, length, flags = sender.chain, sender.wire_len - sender.payload + payload, ACK_FLAG
        if sender.pushes and tcp.ends_message(sender, segment):
            flags = PSH_FLAG
    frame = Frame(
        sender.rss_hash,
        pending.conn,
        sender.socket,
        chain,
        codes.TCP,
        length,
        payload,
        tcp.seq_of(sender, segment),
        flags,
        NO_KEY,
        WHOLE,
    )
    if kernel.receive(state, slot, pending.time, frame) != codes.NOT_DROPPED:
        recording.keep_missed(senders, pending.conn, sender.socket, pending.time)
        senders.lost_at_nic += 1
        senders.free += 1
    return True


@inner
def _handle(senders: Senders, pending: Pending) -> None:
    """Handle an entry of the event queue that is a sender's."""
    kind, conn, now, value = pending.kind, pending.conn, pending.time, pending.value
    sender = senders.connections[conn]
    if kind == TIMEOUT:
        tcp.check_timeout(senders, conn, now)
        return
    if kind == WRITE:
        tcp.write(senders, conn, now)
    elif kind == REQUEST:
        sender.asked_at = now
    elif kind == DUPACK:
        tcp.duplicate(senders, conn, value, now)
    else:
        new = value > sender.una
        tcp.acknowledged(senders, conn, value, now)
        tcp.fill_buffer(senders, conn, now)
        if new and tcp.is_setup(sender, value - 1):
            if not tcp.is_setup(sender, value):
                sender.ssthresh = MAX_WINDOW  # the handshake's losses do not count
                sender.setups += 1
                sender.setup_ns += now - sender.asked_at
        elif sender.thinks:
            if new:
                _answered(senders, conn, now)
            return
    tcp.send_window(senders, conn, now)


@inner
def _answered(senders: Senders, conn: int, now: int) -> None:
    """A request is answered; the next one comes after the thinking time."""
    sender = senders.connections[conn]
    sender.answered += 1
    tcp.sample(senders, conn, now, now - sender.asked_at)
    draw = senders.think_ns[senders.thoughts % senders.thinks].value
    senders.thoughts += 1
    event_queue.push(senders, now + draw, REQUEST, conn, NO_VALUE)


@inner
def _read(state: State, senders: Senders, out: Rows[Event], count: int) -> None:
    """The applications have read frames: an acknowledgement for each skb that was one."""
    for i in range(count):
        event = out[i]
        recording.keep(state, senders, event)
        senders.free_slots[senders.free].value = event.slot
        senders.free += 1
        if event.kind != codes.DELIVER:
            continue
        segment = senders.segments[event.slot].value
        duplicate = tcp.read_segment(senders, event.flow, segment)
        if senders.connections[event.flow].message:
            tcp.read_messages(senders, event.flow, event.time)
        if _is_last(state, out, count, i):
            kind = DUPACK if duplicate else ACK
            received = senders.connections[event.flow].received
            event_queue.push(senders, event.time + senders.back_ns, kind, event.flow, received)


@inner
def _is_last(state: State, out: Rows[Event], count: int, i: int) -> bool:
    """Whether the frame of row ``i`` is its skb's last one."""
    if i + 1 == count:
        return state.output.frame < 0  # not cut by the end of `out`
    event, after = out[i], out[i + 1]
    same = after.flow == event.flow and after.kind == codes.DELIVER
    return not (same and after.time == event.time)


@entry
def feed(state: State, senders: Senders, out: Rows[Event], until: int) -> int:
    """Run model and senders to ``until``.

    The model may run ahead of the senders by `back_ns`: nothing that it does can come back
    earlier.
    """
    while True:
        deadline = kernel.next_deadline(state)
        ahead = deadline + senders.back_ns if deadline < until else until
        time = min(event_queue.first_time(senders), ahead, until)
        count = kernel.advance(state, time, out)
        _read(state, senders, out, count)
        if count == len(out):
            continue
        while event_queue.first_time(senders) <= time:
            if senders.queue[0].kind == ARRIVE:
                if not _arrive(state, senders, senders.queue[0]):
                    return NO_SLOT
                event_queue.drop_first(senders)
            else:
                _take(senders)
        if time >= until:
            return DONE


@inner
def _take(senders: Senders) -> None:
    """Take the queue's first entry, which is a sender's, and handle it."""
    last = senders.most_pending  # the heap never fills the last row: room for the entry at hand
    event_queue.move(senders, last, FIRST)
    event_queue.drop_first(senders)
    _handle(senders, senders.queue[last])


@entry
def push(senders: Senders, time: int, kind: int, conn: int, value: int) -> None:
    """`event_queue.push`, for Python."""
    event_queue.push(senders, time, kind, conn, value)


def warm() -> None:
    """Compile this driver and the model, or load them from the disk cache."""
    kernel.warm()
    compile_for(feed, (STATE, SENDERS, SizedType(Event), types.int64))
    compile_for(push, (SENDERS, *(types.int64,) * 4))
