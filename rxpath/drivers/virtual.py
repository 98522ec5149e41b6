"""The virtual clock: a trace of arrivals is run to its end, jumping from event to event.

    trace = make_trace(arrival, rss_hash=..., chain=model.chain("tunnel"), wire_len=100)
    for events in run(model, trace):
        ...                                # records of `Event`, in order of time

Memory does not grow with the trace: frame buffers are used again once their event was handed out,
and each array that `run` yields is overwritten by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from rxpath.compile.jit import compile_for, entry, inner
from rxpath.compile.pointers import RowType, SizedType
from rxpath.compile.tables import Row, Rows, word
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model import kernel
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.host import STATE, State
from rxpath.model.state.packets import Arrival, Event

DEFAULTS = {"protocol": codes.UDP, "wire_len": 64}
CHUNK = 1 << 15  # events that are handed out at a time

LATEST = 10**15  # ns: eleven days
LONGEST = 2**31 - 1  # bytes; longer than any frame, for services of any length
MOST_FRAGMENTS = 8192  # of a datagram: 64 KiB in units of 8 bytes (RFC 791)

DONE, FULL, NO_SLOT = range(3)


class Progress(Row):
    """How far a trace has come."""

    next = word("frame of the trace that arrives next")
    free = word("free slots on the stack")
    events = word("events in the array")


def make_trace(arrival: ArrayLike, **columns: ArrayLike) -> NDArray[Any]:
    """A trace: records of `Arrival`, [frames], sorted by ``arrival`` (model ns).

    Each other field is an array as long or one value for all; absent ones are 0, except
    ``protocol`` (UDP) and ``wire_len`` (64).  Raises `ConfigError` for an unknown field, lengths
    that differ and arrivals that are not in order.
    """
    times = np.asarray(arrival, np.int64)
    trace = np.zeros(len(times), Arrival.DTYPE)
    trace["arrival"] = times
    if len(times) and np.any(np.diff(times) < 0):
        raise ConfigError("arrival", "unsorted times", "times in ascending order")
    for name, values in {**DEFAULTS, **columns}.items():
        if name not in Frame._fields:
            raise ConfigError(name, "a column", "one of " + ", ".join(Frame._fields))
        if np.ndim(values) and len(np.asarray(values)) != len(times):
            raise ConfigError(name, len(np.asarray(values)), f"{len(times)} values, or one")
        trace[name] = values
    return trace


class Replay:
    """A trace that a model is fed with, piece by piece; the model's only driver.

    Frames that find the RX ring full have no event: `Model.stats` counts them.  Raises
    `ConfigError` when the trace does not fit the model.
    """

    def __init__(self, model: Model, trace: NDArray[Any], chunk: int = CHUNK) -> None:
        warm()
        _check(model, trace)
        self._model, self._trace = model, Rows(Arrival, trace)
        self._free = np.arange(len(model.state.slots), dtype=np.int64)
        self._progress, self._out = Progress.new(), Rows.new(Event, chunk)
        self._progress.free = len(self._free)

    def run(self, until: int) -> Iterator[NDArray[Any]]:
        """Go on to model time ``until``, with the frames that arrive before it; yield the events.

        Raises `ConfigError` when the model's slots do not suffice.
        """
        return self._feed(until, False)

    def finish(self, until: int = 0) -> Iterator[NDArray[Any]]:
        """Go on to the trace's end, then until ``until`` and until the host is empty.

        IP fragments of a datagram that lacks one are held for ipfrag_time.  Raises as `run`.
        """
        return self._feed(until, True)

    def _feed(self, until: int, whole: bool) -> Iterator[NDArray[Any]]:
        progress, result = self._progress, FULL
        while result != DONE:
            before = progress.events
            result = feed(
                self._model.state, self._trace, until, whole, progress, self._free, self._out
            )
            if result == NO_SLOT and before == 0 and progress.events == 0:
                raise ConfigError("slots", len(self._free), "more, for what the host may hold")
            yield self._out.array[: progress.events]


def run(
    model: Model, trace: NDArray[Any], until: int = 0, chunk: int = CHUNK
) -> Iterator[NDArray[Any]]:
    """Run ``trace``, and then until ``until`` and until the host is empty; yield its events.

    As `Replay`, and raises as it does.
    """
    yield from Replay(model, trace, chunk).finish(until)


def _check(model: Model, trace: NDArray[Any]) -> None:
    """Raises `ConfigError` for the first frame whose values are out of bounds."""
    state = model.state
    limits = {
        "arrival": (0, LATEST),
        "flow": (0, len(state.flows) - 1),
        "socket": (0, len(state.sockets) - 1),
        "chain": (0, state.knobs.chains - 1),
        "wire_len": (1, LONGEST),
        "payload": (0, LONGEST),
        "fragments": (0, MOST_FRAGMENTS),
    }
    _check_fragments(model, trace)
    least, most = Arrival.new(), Arrival.new()
    for name, (low, high) in limits.items():
        setattr(least, name, low)
        setattr(most, name, high)
    frame = first_wrong(Rows(Arrival, trace), least, most)
    if frame != codes.NONE:
        values = {name: int(trace[name][frame]) for name in limits}
        for name, (low, high) in limits.items():
            if not low <= values[name] <= high:
                raise ConfigError(name, values[name], f"numbers from {low} to {high}")


def _check_fragments(model: Model, trace: NDArray[Any]) -> None:
    """Raises `ConfigError` for IP fragments that nothing reassembles, or without a payload."""
    parts = trace[trace["fragments"] > 1]
    if not len(parts):
        return
    if parts["payload"].min() < 1:
        raise ConfigError("payload", int(parts["payload"].min()), "bytes, of each fragment")
    if (parts["protocol"] == codes.TCP).any():
        raise ConfigError("protocol", codes.TCP, "another, for fragments")
    for number in np.unique(parts["chain"]):
        chain = model.state.chains[int(number)]
        if chain.fragments == chain.first:
            raise ConfigError("chain", int(number), "one that reassembles fragments")


@entry
def first_wrong(trace: Rows[Arrival], least: Arrival, most: Arrival) -> int:
    """The first frame of a trace with a field out of bounds, or -1."""
    for frame in range(len(trace)):
        one = trace[frame]
        right = least.arrival <= one.arrival <= most.arrival
        right &= least.flow <= one.flow <= most.flow
        right &= least.socket <= one.socket <= most.socket
        right &= least.chain <= one.chain <= most.chain
        right &= least.wire_len <= one.wire_len <= most.wire_len
        right &= least.payload <= one.payload <= most.payload
        right &= least.fragments <= one.fragments <= most.fragments
        if not right:
            return frame
    return codes.NONE


@inner
def _in_flight(state: State) -> int:
    counters = state.counters
    frames = counters.received - counters.delivered
    for reason in range(len(codes.DROP_REASONS)):
        frames -= counters.drops[reason]
    return frames


@inner
def _give_back(progress: Progress, free: Any, out: Rows[Event]) -> None:
    """The slots that the events of the call before named are free."""
    for i in range(progress.events):
        free[progress.free + i] = out[i].slot
    progress.free += progress.events
    progress.events = 0


@inner
def _step(state: State, until: int, progress: Progress, out: Rows[Event]) -> bool:
    """Advance to ``until``; False when ``out`` is full."""
    progress.events = kernel.run_until(state, until, out, progress.events)
    return progress.events < len(out)


@inner
def _arrive(state: State, one: Arrival, slot: int) -> int:
    """A row of the trace comes in; 0, or why it was dropped."""
    frame = Frame(
        one.rss_hash,
        one.flow,
        one.socket,
        one.chain,
        one.protocol,
        one.wire_len,
        one.payload,
        one.seq,
        one.tcp_flags,
        one.gro_key,
        one.fragments,
    )
    return kernel.receive(state, slot, one.arrival, frame)


@entry
def feed(
    state: State,
    trace: Rows[Arrival],
    until: int,
    whole: bool,
    progress: Progress,
    free: Any,
    out: Rows[Event],
) -> int:
    """Go on with a trace until it is done, ``out`` is full or no slot is free.

    ``whole``: all of the trace, and until the host is empty; else what arrives before ``until``.
    ``free``: int64 [slots], the stack of free slots; the slots that the events of the call before
    named are free from now on.
    """
    _give_back(progress, free, out)
    while progress.next < len(trace):
        one = trace[progress.next]
        if not whole and one.arrival >= until:
            break
        if not _step(state, one.arrival, progress, out):
            return FULL
        if progress.free == 0:
            return NO_SLOT
        progress.next += 1
        if not _arrive(state, one, free[progress.free - 1]):
            progress.free -= 1
    if not _step(state, until, progress, out):
        return FULL
    while whole and _in_flight(state) > 0:
        if not _step(state, kernel.next_deadline(state), progress, out):
            return FULL
    return DONE


def warm() -> None:
    """Compile this driver and the model, or load them from the disk cache."""
    kernel.warm()
    row = types.Array(types.int64, 1, "C")
    trace, out = SizedType(Arrival), SizedType(Event)
    compile_for(feed, (STATE, trace, types.int64, types.boolean, RowType(Progress), row, out))
    compile_for(first_wrong, (trace, RowType(Arrival), RowType(Arrival)))
