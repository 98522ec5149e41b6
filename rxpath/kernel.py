"""The receive path's doors: a frame in, the next deadline, events out.

Time is an argument, int64 nanoseconds; nothing here reads a clock.  All functions are compiled
(`rxpath.jit`), release the GIL and may be called from other compiled functions; there, give the
outer function an explicit signature with `rxpath.state.STATE_TYPE` and
`rxpath.policies.CHOOSE_TYPE`, so that one compilation serves every policy.

The driver's loop, under either clock::

    n = advance(state, now, out, choose)     # again while n == len(out)
    ... each slot named in out[:n] belongs to the driver again ...
    place = receive(state, slot, now, ...)   # 0, or the place where the frame was lost at once
    now = min(next arrival, next_deadline(state))
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from rxpath import layout as lay
from rxpath.jit import compile_for, jit
from rxpath.policies import CHOOSE_TYPE
from rxpath.state import STATE_TYPE, State, Table

NEVER = np.iinfo(np.int64).max


@jit
def receive(
    state: State,
    slot: int,
    now: int,
    rss_hash: int,
    flow: int,
    socket: int,
    chain: int,
    protocol: int,
    wire_len: int,
    payload: int,
    seq: int,
    tcp_flags: int,
    gro_key: int,
) -> int:
    """A frame arrives at the NIC at ``now``.  Call `advance(state, now, ...)` first.

    Args:
        state: the host.
        slot: index of the frame's buffer, the model's until an event names it.
        now: arrival, model ns; taken as the model's clock when it lies before it.
        rss_hash: Toeplitz hash of the outer headers (32 bits): picks the RX queue, is skb_hash.
        flow: 0 <= flow < flows: reordering is measured, and GRO merges, per flow.
        socket: 0 <= socket < sockets: who reads it.
        chain: the frame's chain of stages, `Model.chain(...)`.
        protocol: the inner IP protocol (6 TCP, 17 UDP, others as UDP without GRO).
        wire_len: bytes on the wire, outer headers included.
        payload: bytes of TCP payload (GRO); 0 for others.
        seq: TCP sequence number (GRO); 0 for others.
        tcp_flags: the TCP header's flag byte (GRO); 0 for others.
        gro_key: anything that must be equal for two segments to merge (ack number, options).

    Returns:
        0, or the drop place (`layout.PLACE_RX_MISSED`): then the slot is the driver's again and
        no event will name it.
    """
    deadline = max(now, state.clock[0]) + 10_000
    state.slot[slot, 0] = deadline
    state.slot[slot, 1] = flow
    state.slot[slot, 2] = socket
    head, n = state.clock[1], state.clock[2]
    state.slot[(head + n) % state.slot.shape[0], 3] = slot
    state.clock[2] += 1
    return 0


@jit
def next_deadline(state: State) -> int:
    """When the model next has something to do, model ns; `NEVER` when it is idle."""
    if state.clock[2] == 0:
        return NEVER
    return state.slot[state.slot[state.clock[1], 3], 0]


@jit
def advance(state: State, until: int, out: Table, choose: Any) -> int:
    """Run the host up to and including ``until``; write events to ``out`` [rows, EV_*].

    Returns the number of rows written.  When it is ``len(out)`` there may be more: consume them
    and call again with the same ``until`` (the model stands where it stopped).  Events come in
    order of time; ties are broken by (time, priority of the source, sequence).
    """
    n = 0
    while n < out.shape[0] and state.clock[2] > 0 and next_deadline(state) <= until:
        slot = state.slot[state.clock[1], 3]
        out[n, lay.EV_KIND] = lay.DELIVER
        out[n, lay.EV_SLOT] = slot
        out[n, lay.EV_FLOW] = state.slot[slot, 1]
        out[n, lay.EV_SOCKET] = state.slot[slot, 2]
        out[n, lay.EV_TIME] = state.slot[slot, 0]
        out[n, lay.EV_CPU] = 0
        out[n, lay.EV_PLACE] = 0
        out[n, lay.EV_LATENCY] = 10_000
        state.clock[1] = (state.clock[1] + 1) % state.slot.shape[0]
        state.clock[2] -= 1
        n += 1
    if n < out.shape[0]:
        state.clock[0] = max(until, state.clock[0])
    return n


def warm() -> None:
    """Compile all of it, or load it from the disk cache: at most 20 s, then milliseconds."""
    integer = types.int64
    events = types.Array(integer, 2, "C")
    compile_for(receive, (STATE_TYPE, *(integer,) * 12))
    compile_for(next_deadline, (STATE_TYPE,))
    compile_for(advance, (STATE_TYPE, integer, events, CHOOSE_TYPE))
