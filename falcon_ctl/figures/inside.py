"""One run seen from inside: which core ran which stage when, and how busy each core was. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import (
    FULL,
    MS,
    VXLAN_BYTES,
    Closed,
    Load,
    Stream,
    chain_of,
    connected,
    senders,
    surge,
)
from rxpath.drivers import virtual
from rxpath.drivers.virtual import COLUMNS
from rxpath.host import Model
from rxpath.model import counters
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State

_EVENTS = 64  # at a time: how often a core's busy time is looked at
_PAYLOAD, _ACK = 1448, 0x10


class Timeline(NamedTuple):
    """The stages that were run between `start` and `end`, model ns; rows by CPU, then by time."""

    start: int
    end: int
    rows: NDArray[np.int64]  # [n, 4]: layout.NAPI, SPLIT, ...; CPU; begin and end, ns


def timeline(system: System, proto: str, rate: float, seed: int, span_us: int) -> Timeline:
    """One flow of `rate` packets/s (TCP: full segments), looked at after a millisecond."""
    model, trace = senders(system, Stream((rate,), ms=1, warm_ms=1), seed, records=True)
    if proto == "tcp":
        _make_tcp(model, trace, system)
    found = [_stages(model.state, events) for events in virtual.run(model, trace)]
    start = MS
    end = start + 1000 * span_us
    rows = np.unique(np.concatenate(found), axis=0)
    rows = rows[(rows[:, 3] > start) & (rows[:, 2] < end)]
    return Timeline(start, end, rows[np.lexsort((rows[:, 2], rows[:, 1]))])


def _make_tcp(model: Model, trace: NDArray[np.int64], system: System) -> None:
    """The datagrams of `trace` become the segments of a long transfer."""
    column = COLUMNS.index
    trace[:, column("protocol")] = lay.TCP
    trace[:, column("chain")] = chain_of(model, system, "tcp")
    trace[:, column("wire_len")] = FULL + VXLAN_BYTES * system.tunnels("tcp")
    trace[:, column("payload")] = _PAYLOAD
    trace[:, column("seq")] = np.arange(len(trace)) * _PAYLOAD
    trace[:, column("tcp_flags")] = _ACK


def _stages(state: State, events: NDArray[np.int64]) -> NDArray[np.int64]:
    """The recorded stages of the events' frames: kind, CPU, begin, end."""
    slots = events[:, lay.EV_SLOT]
    records, hops = state.record[slots], state.hop[slots]
    used = np.arange(records.shape[1]) < hops[:, np.newaxis]
    columns = [lay.REC_KIND, lay.REC_CPU, lay.REC_START, lay.REC_END]
    return records[used][:, columns]


class Loads(NamedTuple):
    """How busy each core was, percent of each step."""

    times: NDArray[np.float64]  # [steps] ms, each step's end
    percent: NDArray[np.float64]  # [steps, cpus]


def loads(system: System, load: Load, seed: int, step_us: int) -> Loads:
    """The load of each core over a whole run, the warming up included."""
    if isinstance(load, Stream):
        samples = list(_watch_stream(system, load, seed))
    else:
        samples = list(_watch_closed(system, load, seed, 1000 * step_us))
    at = np.array([time for time, _ in samples], float)
    busy = np.array([sums for _, sums in samples], float)
    end = (load.warm_ms + load.ms) * MS
    grid = np.arange(0, end + 1, 1000 * step_us, dtype=float)
    level = np.stack([np.interp(grid, at, one) for one in busy.T], axis=1)
    return Loads(grid[1:] / MS, np.diff(level, axis=0) / (10 * step_us))


Sample = tuple[int, NDArray[np.int64]]  # model ns, [cpus] ns that each was busy until then


def _watch_stream(system: System, load: Stream, seed: int) -> Iterator[Sample]:
    model, trace = senders(system, load, seed)
    yield _sample(model)
    for _ in virtual.run(model, trace, chunk=_EVENTS):
        yield _sample(model)


def _watch_closed(system: System, load: Closed, seed: int, step_ns: int) -> Iterator[Sample]:
    model, peers = connected(system, load, seed)
    for until in range(0, (load.warm_ms + load.ms) * MS + 1, step_ns):
        peers.run(until)
        yield _sample(model)
        if until == load.warm_ms * MS:
            surge(peers, load)


def _sample(model: Model) -> Sample:
    now = int(model.state.host[lay.CLOCK, lay.CK_NOW])
    return now, counters.busy(model.state).sum(axis=1)
