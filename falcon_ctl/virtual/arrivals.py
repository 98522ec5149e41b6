"""When the frames of an open-loop load arrive. Pure, but for the generator that it is given."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.wire import Datagram

MS = 1_000_000  # ns

Integers = NDArray[np.int64]


class Arrivals(NamedTuple):
    """Frames in the order in which they come to the NIC; arrays [n].

    Attributes:
        times: model ns.
        flows: whose each is; 0 of all clients that are one flow.
        numbers: of its datagram within the flow.
        places: which of the datagram's frames it is.
    """

    times: Integers
    flows: Integers
    numbers: Integers
    places: Integers


def draw(load: Stream, datagram: Datagram, rng: np.random.Generator) -> Arrivals:
    """The frames of all flows, each of which sends `datagram` at a time.

    A client sends one datagram after the other, and a datagram's fragments at the link's rate: one
    that is due while the one before it is still being sent follows it at once. Fragments of several
    clients' datagrams share the link.
    """
    end = (load.warm_ms + load.ms) * MS
    parts = []
    for flow in range(len(load.rates)):
        times = _datagrams(load, flow, rng)
        if datagram.frames > 1:
            times = _frames(np.sort(times), datagram.lengths, 8000 // load.wire.gbit_per_s, end)
        parts.append(times)
    counts = [len(times) for times in parts]
    within = np.concatenate([np.arange(count) for count in counts])
    times, flows = np.concatenate(parts), np.repeat(np.arange(len(parts)), counts)
    order = np.argsort(times, kind="stable")
    numbers, places = np.divmod(within[order], datagram.frames)
    found = Arrivals(times[order], flows[order], numbers, places)
    if datagram.frames > 1 and len(counts) > 1:
        found = _on_one_link(found, datagram.lengths[places], 8000 // load.wire.gbit_per_s, end)
    if load.as_one:
        numbers = found.numbers * len(counts) + found.flows
        found = found._replace(flows=np.zeros_like(found.flows), numbers=numbers)
    return found


def _on_one_link(sent: Arrivals, lengths: Integers, ps_per_byte: int, end: int) -> Arrivals:
    """The clients' frames one after the other on the link that they share.

    Without the datagrams that are not sent as a whole by the ``end``.
    """
    turns = np.concatenate([[0], np.cumsum(lengths[1:] * ps_per_byte // 1000)])
    times = np.maximum.accumulate(sent.times - turns) + turns
    late = np.searchsorted(times, end, "right")  # the first frame that does not fit
    if late == len(times):
        return sent._replace(times=times)
    datagrams = sent.flows * (sent.numbers.max() + 1) + sent.numbers
    kept = ~np.isin(datagrams, np.unique(datagrams[late:]))
    return Arrivals(times[kept], sent.flows[kept], sent.numbers[kept], sent.places[kept])


def _datagrams(load: Stream, flow: int, rng: np.random.Generator) -> Integers:
    """When a flow's datagrams are due; not sorted."""
    total, surge_at = (load.warm_ms + load.ms) * MS, (load.warm_ms + load.surge_ms) * MS
    rate, process = load.rates[flow], _paced if load.paced else _poisson
    found = process(rate, 0, total, rng)
    if flow < load.surging and load.surge > 1:
        more = process(rate * (load.surge - 1), surge_at, total, rng)
        found = np.concatenate([found, more])
    return found


def _frames(due: Integers, lengths: Integers, ps_per_byte: int, end: int) -> Integers:
    """When the frames of datagrams arrive that are due at ``due`` (sorted), before ``end``."""
    ends = np.cumsum(lengths * ps_per_byte // 1000)
    took = ends[-1]
    turns = np.arange(len(due)) * took
    starts = np.maximum.accumulate(due - turns) + turns
    starts = starts[starts + took <= end]
    offsets = np.concatenate([[0], ends[:-1]])
    times: Integers = (starts[:, np.newaxis] + offsets).ravel()
    return times


def _poisson(rate: float, start: int, end: int, rng: np.random.Generator) -> Integers:
    """Given their number, a Poisson process's arrivals are uniform."""
    return rng.integers(start, end, rng.poisson(rate * (end - start) / 1e9))


def _paced(rate: float, start: int, end: int, rng: np.random.Generator) -> Integers:
    """One every 1/rate, from a random time on."""
    gap = 1e9 / rate
    first = start + rng.uniform(0, gap)
    return np.arange(first, end, gap).astype(np.int64)
