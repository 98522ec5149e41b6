"""Small hosts and traces for the model's tests."""

from __future__ import annotations

import numpy as np

from rxpath.compile.tables import Rows
from rxpath.config import costs
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.packets import Event

ACK, PSH = 0x10, 0x08

# All costs alike, so that much happens at the same time.
COARSE = {
    f"{name}.{amount}": 1000 * (amount == "ns")
    for name in costs.load("xeon-silver-4114")
    for amount in ("ns", "ns_kib")
}


def model(sockets=1, flows=1, slots=4096, records=False, **knobs):
    return Model(Knobs.parse(knobs), slots=slots, sockets=sockets, flows=flows, records=records)


def run(host, trace, until=0):
    """All events of a trace: records of `Event`."""
    parts = [events.copy() for events in virtual.run(host, trace, until)]
    return np.concatenate(parts) if parts else Rows.new(Event, 0).array


def flood(host, count=20_000, gap=300, chain="tunnel", **columns):
    """A saturating UDP flow; packets delivered per second in its last two thirds (steady)."""
    arrival = np.arange(count) * gap
    columns = {"rss_hash": 0x5A17C0DE, "wire_len": 114, **columns}
    events = run(host, virtual.make_trace(arrival, chain=host.chain(chain), **columns))
    times = events["time"][events["kind"] == codes.DELIVER]
    times = times[(times > arrival[-1] // 3) & (times <= arrival[-1])]
    return (len(times) - 1) / (times[-1] - times[0]) * 1e9


def frame_of(one):
    """The frame of a trace's record."""
    return Frame(*one[list(Frame._fields)].tolist())


def accounted(host):
    """in = delivered + drops by place + still queued."""
    stats = host.stats()
    out = stats["delivered"] + sum(stats["drops"].values()) + stats["queued"]
    return stats["received"] == out
