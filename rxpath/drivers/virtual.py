"""The virtual clock: a trace of arrivals is run to its end, jumping from event to event.

    trace = make_trace(arrival, rss_hash=..., chain=model.chain("tunnel"), wire_len=100)
    for events in run(model, trace):
        ...                                # rows of layout.EV_*, in order of time

Memory does not grow with the trace: frame buffers are used again once their event was handed out,
and each array that `run` yields is overwritten by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import types
from numpy.typing import ArrayLike

from rxpath import kernel
from rxpath import layout as lay
from rxpath.errors import ConfigError
from rxpath.jit import compile_for, inner
from rxpath.jit import kernel as entry
from rxpath.model import FRAME, SEGMENT, Model
from rxpath.policies import CHOOSE_TYPE
from rxpath.state import STATE_TYPE, State, Table

COLUMNS = ("arrival", *FRAME, *SEGMENT)  # of a trace
DEFAULTS = {"protocol": lay.UDP, "wire_len": 64}
CHUNK = 1 << 15  # events that are handed out at a time

DONE, FULL, NO_SLOT = range(3)


def make_trace(arrival: ArrayLike, **columns: ArrayLike) -> Table:
    """A trace [frames, COLUMNS] of frames sorted by ``arrival`` (model ns).

    Each other column is an array as long or one value for all; absent ones are 0, except
    ``protocol`` (UDP) and ``wire_len`` (64).  Raises `ConfigError` for an unknown column, lengths
    that differ and arrivals that are not in order.
    """
    times = np.asarray(arrival, np.int64)
    trace = np.zeros((len(times), len(COLUMNS)), np.int64)
    trace[:, 0] = times
    if len(times) and np.any(np.diff(times) < 0):
        raise ConfigError("arrival", "unsorted times", "times in ascending order")
    for name, values in {**DEFAULTS, **columns}.items():
        if name not in COLUMNS[1:]:
            raise ConfigError(name, "a column", "one of " + ", ".join(COLUMNS[1:]))
        if np.ndim(values) and len(np.asarray(values)) != len(times):
            raise ConfigError(name, len(np.asarray(values)), f"{len(times)} values, or one")
        trace[:, COLUMNS.index(name)] = values
    return trace


def run(model: Model, trace: Table, until: int = 0, chunk: int = CHUNK) -> Iterator[Table]:
    """Run ``trace``, and then until ``until`` and until the host is empty; yield its events.

    Frames that find the RX ring full have no event: `Model.stats` counts them.  Raises
    `ConfigError` when the trace does not fit the model, or the model's slots do not suffice.
    """
    _check(model, trace)
    _warm()
    free = np.arange(len(model.state.slot), dtype=np.int64)
    place = np.array([0, len(free), 0], np.int64)  # next frame, free slots, events handed out
    out = np.zeros((chunk, lay.EVENT_COLUMNS), np.int64)
    result = FULL
    while result != DONE:
        before = int(place[2])
        result = feed(model.state, trace, until, place, free, out, model.choose)
        if result == NO_SLOT and before == 0 and place[2] == 0:
            raise ConfigError("slots", len(free), "more, for what the host may hold")
        yield out[: place[2]]


def _check(model: Model, trace: Table) -> None:
    state = model.state
    chains = np.count_nonzero(state.lists[lay.LIST_CHAIN])
    limits = {"flow": len(state.flow), "socket": int(state.host[lay.CLOCK, lay.CK_SOCKETS])}
    for name, limit in {**limits, "chain": int(chains)}.items():
        values = trace[:, COLUMNS.index(name)]
        if len(values) and not 0 <= values.min() <= values.max() < limit:
            raise ConfigError(name, int(values.max()), f"numbers from 0 to {limit - 1}")


@inner
def _in_flight(host: Table) -> int:
    clock = host[lay.CLOCK]
    frames: int = clock[lay.CK_RECEIVED] - clock[lay.CK_DELIVERED]
    for place in range(len(lay.PLACE_NAMES)):
        frames -= clock[lay.CK_DROPS + place]
    return frames


@inner
def _give_back(place: Table, free: Table, out: Table) -> None:
    for i in range(place[2]):
        free[place[1]] = out[i, lay.EV_SLOT]
        place[1] += 1
    place[2] = 0


@inner
def _step(state: State, until: int, place: Table, out: Table, choose: Any) -> bool:
    """Advance to ``until``; False when ``out`` is full."""
    room = out[place[2] :]
    place[2] += kernel.advance(state, until, room, choose)
    room_left: bool = place[2] < len(out)
    return room_left


@entry
def feed(
    state: State, trace: Table, until: int, place: Table, free: Table, out: Table, choose: Any
) -> int:
    """Go on with a trace until it is done, ``out`` is full or no slot is free.

    ``place`` [3]: next frame of the trace, number of free slots on the stack ``free``, events in
    ``out``; the slots of the events of the call before are free from now on.
    """
    _give_back(place, free, out)
    while place[0] < len(trace):
        frame = trace[place[0]]
        if not _step(state, frame[0], place, out, choose):
            return FULL
        if place[1] == 0:
            return NO_SLOT
        place[1] -= 1
        slot = free[place[1]]
        place[0] += 1
        if kernel.receive(
            state,
            slot,
            frame[0],
            frame[1],
            frame[2],
            frame[3],
            frame[4],
            frame[5],
            frame[6],
            frame[7],
            frame[8],
            frame[9],
            frame[10],
        ):
            place[1] += 1
    if not _step(state, until, place, out, choose):
        return FULL
    while _in_flight(state.host) > 0:
        if not _step(state, kernel.next_deadline(state), place, out, choose):
            return FULL
    return DONE


def _warm() -> None:
    kernel.warm()
    row, table = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
    signature = (STATE_TYPE, table, types.int64, row, row, table, CHOOSE_TYPE)
    compile_for(feed, signature)
