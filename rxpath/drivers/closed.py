"""The virtual clock with TCP at the other end: connections whose acknowledgements drive them.

    peers = Peers(model, [Connection(rss_hash=..., chain=model.chain("tunnel"), window=64)])
    peers.run(5_000_000)      # 5 ms of model time; again, to go on
    peers.retransmits, peers.latencies()

Memory does not grow: frame buffers are used again, and latencies are kept up to a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import types

from rxpath.compile.jit import compile_for, inner
from rxpath.compile.jit import kernel as entry
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model import kernel
from rxpath.model.policy import CHOOSE_TYPE
from rxpath.model.state import layout as lay
from rxpath.model.state.host import STATE_TYPE, State, Table
from rxpath.tcp import event_queue as ag
from rxpath.tcp import layout as pl
from rxpath.tcp import sender as tcp
from rxpath.tcp.connections import MAX_WINDOW, Connection, Wire, check, check_wire, rows, within

CHUNK = 1 << 12  # events at a time
DONE, NO_SLOT = range(2)
SYN_FLAG, ACK_FLAG = 0x02, 0x10


@dataclass
class Peers:
    """The far ends of `connections`, joined to `model`; flow i of the model is connection i.

    Args:
        model: with as many flows as connections, at least, and slots for all windows.
        connections: see `Connection`.
        wire: see `Wire`.
        think_ns: [draws] ns of thinking, used in turn by all clients; none: they do not think.
        samples: how many latencies of requests are kept.

    Raises:
        ConfigError: what was given does not fit together.
    """

    model: Model
    connections: Sequence[Connection]
    wire: Wire = field(default_factory=Wire)
    think_ns: Any = (0,)
    samples: int = 1 << 16

    def __post_init__(self) -> None:
        """Check and allocate."""
        self._check()
        slots, count = len(self.model.state.slot), len(self.connections)
        most = max(max(one.window, one.most) for one in self.connections)
        self._conns = rows(self.connections)
        self._behind = np.zeros((count, most), np.int64)
        self._agenda = np.zeros((4 * slots + 8 * count, pl.AGENDA_COLUMNS), np.int64)
        self._samples = np.zeros((max(1, self.samples), pl.SAMPLE_COLUMNS), np.int64)
        self._free = np.arange(slots, dtype=np.int64)
        self._segment = np.zeros(slots, np.int64)
        self._out = np.zeros((CHUNK, lay.EVENT_COLUMNS), np.int64)
        self._think = np.ascontiguousarray(self.think_ns, np.int64)
        self._wire = np.zeros(pl.WIRE_COLUMNS, np.int64)
        self._wire[pl.W_PS_PER_BYTE] = 8000 // self.wire.gbit_per_s
        self._wire[pl.W_THERE], self._wire[pl.W_BACK] = self.wire.there_ns, self.wire.back_ns
        self._wire[pl.W_RTO], self._wire[pl.W_FREE] = self.wire.rto_ns, slots
        warm()
        _begin(self._wire, self._agenda, np.array([one.start_ns for one in self.connections]))

    def _check(self) -> None:
        if not self.connections:
            raise ConfigError("connections", 0, "at least one")
        state = self.model.state
        if len(self.connections) > len(state.flow):
            raise ConfigError("connections", len(self.connections), f"at most {len(state.flow)}")
        for number, one in enumerate(self.connections):
            check(f"connections.{number}", one, state)
        check_wire(self.wire)
        within("samples", self.samples, 0, 2**31)
        if not len(self.think_ns) or min(self.think_ns) < 0:
            raise ConfigError("think_ns", list(self.think_ns)[:3], "times of 0 ns or more")

    def run(self, until: int) -> None:
        """Go on to model time ``until``, ns. Raises `ConfigError` when slots do not suffice."""
        model = self.model
        result = feed(
            model.state,
            self._conns,
            self._behind,
            self._wire,
            self._agenda,
            self._think,
            self._samples,
            self._free,
            self._segment,
            self._out,
            until,
            model.policy.choose,
        )
        if result == NO_SLOT:
            raise ConfigError("slots", len(self._free), "more, for what is in flight")

    def open_window(self, number: int, window: int) -> None:
        """Connection ``number`` may have ``window`` segments in flight, from its next turn on.

        Raises `ConfigError` for less than it has, or more than it was made for.
        """
        one, row = self.connections[number], self._conns[number]
        if not row[pl.P_WINDOW] <= window <= max(one.window, one.most):
            allowed = f"{row[pl.P_WINDOW]} to {max(one.window, one.most)}"
            raise ConfigError("window", window, allowed)
        row[pl.P_WINDOW] = window
        row[pl.P_SSTHRESH] = MAX_WINDOW  # it was the window, not the network, that held it back

    @property
    def sent(self) -> int:
        """Frames that reached or will reach the NIC, retransmissions included."""
        return int(self._conns[:, pl.P_SENT].sum())

    @property
    def retransmits(self) -> int:
        """Segments sent again."""
        return int(self._conns[:, pl.P_RETRANSMITS].sum())

    @property
    def timeouts(self) -> int:
        """Retransmission timeouts."""
        return int(self._conns[:, pl.P_TIMEOUTS].sum())

    @property
    def on_the_wire(self) -> int:
        """Frames that were sent and have not reached the NIC."""
        entries = self._agenda[: self._wire[pl.W_AGENDA]]
        return int(np.count_nonzero(entries[:, pl.A_KIND] == pl.ARRIVE))

    def acknowledged(self) -> Table:
        """[connections] segments that were acknowledged, each once, the set-up's included."""
        return np.array(self._conns[:, pl.P_UNA])

    def answered(self) -> Table:
        """[connections] requests that were answered."""
        return np.array(self._conns[:, pl.P_ANSWERED])

    def setups(self) -> Table:
        """[connections, 2] how many set-ups were completed, and the ns that they took together."""
        return np.array(self._conns[:, [pl.P_SETUPS, pl.P_SETUP_NS]])

    def latencies(self, since: int = 0) -> Table:
        """Latencies, ns, of requests answered from model time ``since`` on, set-up included."""
        found = self._samples[: min(int(self._wire[pl.W_SAMPLES]), len(self._samples))]
        return np.array(found[found[:, pl.L_TIME] >= since, pl.L_LATENCY])


@inner
def _arrive(
    state: State, conns: Table, wire: Table, free: Table, segment: Table, entry_: Table
) -> bool:
    """A frame reaches the NIC; False when there is no buffer for it."""
    if wire[pl.W_FREE] == 0:
        return False
    wire[pl.W_FREE] -= 1
    slot = free[wire[pl.W_FREE]]
    conn, number = entry_[pl.A_CONN], entry_[pl.A_VALUE]
    segment[slot] = number
    row = conns[conn]
    now, skb_hash, socket = entry_[pl.A_TIME], row[pl.P_HASH], row[pl.P_SOCKET]
    chain, length, payload, flags = row[pl.P_CHAIN], row[pl.P_WIRE], row[pl.P_PAYLOAD], ACK_FLAG
    seq = number * payload & 0xFFFFFFFF
    if tcp.is_setup(row, number):
        step = pl.P_STEP + 2 * tcp.step_of(row, number)
        chain, length, payload, flags = row[step], row[step + 1], 0, SYN_FLAG
    lost = kernel.receive(
        state, slot, now, skb_hash, conn, socket, chain, lay.TCP, length, payload, seq, flags, 0
    )
    if lost:
        wire[pl.W_LOST_AT_NIC] += 1
        wire[pl.W_FREE] += 1
    return True


@inner
def _happen(
    conns: Table, wire: Table, agenda: Table, think: Table, samples: Table, entry_: Table
) -> None:
    """What the agenda has for a sender."""
    kind, conn, now = entry_[pl.A_KIND], entry_[pl.A_CONN], entry_[pl.A_TIME]
    value = entry_[pl.A_VALUE]
    row = conns[conn]
    if kind == pl.TIMEOUT:
        tcp.look_at_timeout(wire, agenda, conns, conn, now)
        return
    if kind == pl.ASK:
        row[pl.P_ASKED_AT] = now
    elif kind == pl.DUPACK:
        tcp.duplicate(wire, agenda, conns, conn, value, now)
    else:
        new = value > row[pl.P_UNA]
        tcp.acknowledged(wire, agenda, conns, conn, value, now)
        if new and tcp.is_setup(row, value - 1):
            if not tcp.is_setup(row, value):
                row[pl.P_SSTHRESH] = MAX_WINDOW  # the handshake's losses do not count
                row[pl.P_SETUPS] += 1
                row[pl.P_SETUP_NS] += now - row[pl.P_ASKED_AT]
        elif row[pl.P_THINKS]:
            if new:
                _answered(row, wire, agenda, think, samples, conn, now)
            return
    tcp.send_what_may(wire, agenda, conns, conn, now)


@inner
def _answered(
    row: Table, wire: Table, agenda: Table, think: Table, samples: Table, conn: int, now: int
) -> None:
    row[pl.P_ANSWERED] += 1
    number = wire[pl.W_SAMPLES]
    if number < len(samples):
        samples[number, pl.L_TIME] = now
        samples[number, pl.L_CONN] = conn
        samples[number, pl.L_LATENCY] = now - row[pl.P_ASKED_AT]
        wire[pl.W_SAMPLES] = number + 1
    draw = think[wire[pl.W_THOUGHT] % len(think)]
    wire[pl.W_THOUGHT] += 1
    ag.push(wire, agenda, now + draw, pl.ASK, conn, 0)


@inner
def _read(
    state: State,
    out: Table,
    count: int,
    conns: Table,
    behind: Table,
    wire: Table,
    agenda: Table,
    free: Table,
    segment: Table,
) -> None:
    """The applications have read frames: an acknowledgement for each skb that was one."""
    for i in range(count):
        event = out[i]
        slot, conn = event[lay.EV_SLOT], event[lay.EV_FLOW]
        free[wire[pl.W_FREE]] = slot
        wire[pl.W_FREE] += 1
        if event[lay.EV_KIND] != lay.DELIVER:
            continue
        duplicate = tcp.take_in(conns, behind, conn, segment[slot])
        if _is_last(state, out, count, i):
            kind = pl.DUPACK if duplicate else pl.ACK
            time = event[lay.EV_TIME] + wire[pl.W_BACK]
            ag.push(wire, agenda, time, kind, conn, conns[conn, pl.P_RECEIVED])


@inner
def _is_last(state: State, out: Table, count: int, i: int) -> bool:
    """Whether the frame of row ``i`` is its skb's last one."""
    if i + 1 == count:
        whole: bool = state.host[lay.CLOCK, lay.CK_OUT_FRAME] < 0  # not cut by the end of `out`
        return whole
    event, after = out[i], out[i + 1]
    same = after[lay.EV_FLOW] == event[lay.EV_FLOW] and after[lay.EV_KIND] == lay.DELIVER
    return not (same and after[lay.EV_TIME] == event[lay.EV_TIME])


@entry
def feed(
    state: State,
    conns: Table,
    behind: Table,
    wire: Table,
    agenda: Table,
    think: Table,
    samples: Table,
    free: Table,
    segment: Table,
    out: Table,
    until: int,
    choose: Any,
) -> int:
    """Run model and senders to ``until``.

    The model may run ahead of the senders by W_BACK: nothing that it does can come back earlier.
    """
    while True:
        deadline = kernel.next_deadline(state)
        ahead = deadline + wire[pl.W_BACK] if deadline < until else until
        time = min(ag.first_time(wire, agenda), ahead, until)
        count = kernel.advance(state, time, out, choose)
        _read(state, out, count, conns, behind, wire, agenda, free, segment)
        if count == len(out):
            continue
        while ag.first_time(wire, agenda) <= time:
            if agenda[0, pl.A_KIND] == pl.ARRIVE:
                if not _arrive(state, conns, wire, free, segment, agenda[0]):
                    return NO_SLOT
                ag.drop_first(wire, agenda)
            else:
                _take(conns, wire, agenda, think, samples)
        if time >= until:
            return DONE


@inner
def _take(conns: Table, wire: Table, agenda: Table, think: Table, samples: Table) -> None:
    """Take the agenda's first entry, which is a sender's, and do it."""
    last = len(agenda) - 1  # the heap never fills the last row: room for the entry at hand
    ag.move(agenda, last, 0)
    ag.drop_first(wire, agenda)
    _happen(conns, wire, agenda, think, samples, agenda[last])


@entry
def _begin(wire: Table, agenda: Table, starts: Table) -> None:
    for conn in range(len(starts)):
        ag.push(wire, agenda, starts[conn], pl.ASK, conn, 0)


def warm() -> None:
    """Compile this driver and the model, or load them from the disk cache."""
    kernel.warm()
    row, table = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
    tables = (table, table, row, table, row, table, row, row, table)
    compile_for(feed, (STATE_TYPE, *tables, types.int64, CHOOSE_TYPE))
    compile_for(_begin, (row, table, row))
