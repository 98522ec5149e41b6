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

from rxpath.compile.jit import compile_for, inner
from rxpath.compile.jit import kernel as entry
from rxpath.errors import ConfigError
from rxpath.host import FRAME, SEGMENT, Model
from rxpath.model import kernel
from rxpath.model.policy import CHOOSE_TYPE
from rxpath.model.state import layout as lay
from rxpath.model.state.bare import bare, rows_of
from rxpath.model.state.host import STATE_TYPE, State, Table

COLUMNS = ("arrival", *FRAME, *SEGMENT)  # of a trace
DEFAULTS = {"protocol": lay.UDP, "wire_len": 64}
CHUNK = 1 << 15  # events that are handed out at a time

LATEST = 10**15  # ns: eleven days
LONGEST = 2**31 - 1  # bytes; longer than any frame, for services of any length

DONE, FULL, NO_SLOT = range(3)
NEXT, FREE, EVENTS = range(3)  # of `place`, see `feed`

bare_frames, bare_events = rows_of(len(COLUMNS)), rows_of(lay.EVENT_COLUMNS)


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
    warm()
    _check(model, trace)
    free = np.arange(len(model.state.slot), dtype=np.int64)
    place = np.array([0, len(free), 0], np.int64)
    out = np.zeros((chunk, lay.EVENT_COLUMNS), np.int64)
    result = FULL
    while result != DONE:
        before = int(place[EVENTS])
        result = feed(model.state, trace, until, place, free, out, model.policy.choose)
        if result == NO_SLOT and before == 0 and place[EVENTS] == 0:
            raise ConfigError("slots", len(free), "more, for what the host may hold")
        yield out[: place[EVENTS]]


def _check(model: Model, trace: Table) -> None:
    state = model.state
    chains = int(np.count_nonzero(state.lists[lay.LIST_CHAIN]))
    sockets = int(state.host[lay.CLOCK, lay.CK_SOCKETS])
    limits = {
        "arrival": (0, LATEST),
        "flow": (0, len(state.flow) - 1),
        "socket": (0, sockets - 1),
        "chain": (0, chains - 1),
        "wire_len": (1, LONGEST),
        "payload": (0, LONGEST),
    }
    table = np.array([(COLUMNS.index(name), *limit) for name, limit in limits.items()], np.int64)
    frame, column = first_wrong(trace, table)
    if frame >= 0:
        name = COLUMNS[column]
        low, high = limits[name]
        raise ConfigError(name, int(trace[frame, column]), f"numbers from {low} to {high}")


@entry
def first_wrong(trace: Table, limits: Table) -> tuple[int, int]:
    """Frame and column of the first value of a trace that is out of bounds, or (-1, -1).

    ``limits`` [columns that have any, 3]: column, least and greatest value.
    """
    for frame in range(len(trace)):
        for limit in range(len(limits)):
            column = limits[limit, 0]
            value = trace[frame, column]
            if value < limits[limit, 1] or value > limits[limit, 2]:
                return frame, column
    return lay.NONE, lay.NONE


@inner
def _in_flight(host: Table) -> int:
    clock = host[lay.CLOCK]
    frames: int = clock[lay.CK_RECEIVED] - clock[lay.CK_DELIVERED]
    for place in range(len(lay.PLACE_NAMES)):
        frames -= clock[lay.CK_DROPS + place]
    return frames


@inner
def _give_back(place: Table, free: Table, out: Table) -> None:
    """The slots that the events of the call before named are free."""
    for i in range(place[EVENTS]):
        free[place[FREE] + i] = out[i, lay.EV_SLOT]
    place[FREE] += place[EVENTS]
    place[EVENTS] = 0


@inner
def _step(state: State, until: int, place: Table, out: Table, room: int, choose: Any) -> bool:
    """Advance to ``until``; False when ``out`` is full."""
    count = kernel.run_until(state, until, out, place[EVENTS], room, choose)
    place[EVENTS] = count
    return count < room


@inner
def _arrive(state: State, frame: Table, slot: int) -> int:
    """A row of the trace comes in; 0, or the place where it was lost."""
    place: int = kernel.take_in(
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
    )
    return place


@entry
def feed(
    arrays: State, trace: Table, until: int, place: Table, free: Table, out: Table, choose: Any
) -> int:
    """Go on with a trace until it is done, ``out`` is full or no slot is free.

    ``place`` [3]: next frame of the trace, number of free slots on the stack ``free``, events in
    ``out``; the slots of the events of the call before are free from now on.
    """
    state, frames, events, room = bare(arrays), bare_frames(trace), bare_events(out), len(out)
    _give_back(place, free, out)
    while place[NEXT] < len(trace):
        frame = frames[place[NEXT]]
        if not _step(state, frame[0], place, events, room, choose):
            return FULL
        if place[FREE] == 0:
            return NO_SLOT
        place[NEXT] += 1
        if not _arrive(state, frame, free[place[FREE] - 1]):
            place[FREE] -= 1
    if not _step(state, until, place, events, room, choose):
        return FULL
    while _in_flight(state.host) > 0:
        if not _step(state, kernel.deadline(state), place, events, room, choose):
            return FULL
    return DONE


def warm() -> None:
    """Compile this driver and the model, or load them from the disk cache."""
    kernel.warm()
    row, table = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
    signature = (STATE_TYPE, table, types.int64, row, row, table, CHOOSE_TYPE)
    compile_for(feed, signature)
    compile_for(first_wrong, (table, table))
