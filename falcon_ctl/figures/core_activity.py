"""Core activity in a run: which core ran which stage when, and each core's load. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import MS, Closed, Load, Stream, connected, senders, surge
from rxpath import results
from rxpath.host import Model
from rxpath.results import Stages

_EVENTS = 64  # at a time: how often a core's busy time is looked at


class Timeline(NamedTuple):
    """The `stages` that ran between `start` and `end`, model ns; by CPU, then by time."""

    start: int
    end: int
    stages: Stages


def timeline(system: System, proto: str, rate: float, seed: int, span_us: int) -> Timeline:
    """One flow of `rate` packets/s (TCP: full segments), from a millisecond on."""
    found = frames(system, proto, rate, seed)
    stages = found.stages.where(found.ran)
    start = MS
    end = start + 1000 * span_us
    stages = stages.where((stages.end > start) & (stages.start < end))
    # GRO's frames share the stages of their skb; sorted, each of these is there once.
    keys = np.stack([stages.cpu, stages.start, stages.end], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return Timeline(start, end, stages.where(first))


def frames(system: System, proto: str, rate: float, seed: int) -> results.Frames:
    """All frames of that flow, two milliseconds of it, with their stages."""
    model, trace = senders(system, Stream((rate,), ms=1, warm_ms=1), seed, proto, records=True)
    return results.run(model, trace)


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
    for _ in results.follow(model, trace, chunk=_EVENTS):
        yield _sample(model)


def _watch_closed(system: System, load: Closed, seed: int, step_ns: int) -> Iterator[Sample]:
    model, closed_loop = connected(system, load, seed)
    for until in range(0, (load.warm_ms + load.ms) * MS + 1, step_ns):
        closed_loop.run(until)
        yield _sample(model)
        if until == load.warm_ms * MS:
            surge(closed_loop, load)


def _sample(model: Model) -> Sample:
    return results.now_ns(model), results.busy_ns(model)
