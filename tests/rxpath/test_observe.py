"""What an observer of a host is told: it agrees with the records, and changes nothing."""

import base64

import numpy as np
import pytest
from model_hosts import model, run
from test_live_replay import CONTAINERS, FLOWS, config, frames, live_run

from rxpath.drivers import virtual
from rxpath.live import seen
from rxpath.live.host import replay
from rxpath.live.observing import SLICE, Observing
from rxpath.model import observed
from rxpath.model.state import codes

FALCON = {"policy": "falcon", "falcon": {"load_interval_ns": 20_000}}
TRACE = {"wire_len": 1500, "payload": 1400, "protocol": codes.TCP, "tcp_flags": 0x10}


class Caller:
    """A client of the control socket."""

    def __init__(self):
        self.callbacks = []

    def at_close(self, callback):
        self.callbacks.append(callback)

    def close(self):
        for callback in self.callbacks:
            callback()


def tcp_trace(host, count=400):
    numbers = np.arange(count)
    columns = {**TRACE, "rss_hash": 0x5A17C0DE + numbers % 3, "flow": numbers % 3}
    columns["seq"] = numbers // 3 * 1400
    return virtual.make_trace(numbers * 400, chain=host.chain("tunnel"), **columns)


@pytest.mark.parametrize("system", [FALCON, {"policy": "rps"}, {}, {"policy": "mflow"}])
def test_time_by_work_is_the_cpus_time_and_slices_do_not_overlap(system):
    host, other = (model(flows=3, records=True, **system) for _ in range(2))
    host.set_observed(True)
    events = run(host, tcp_trace(host))
    assert events.tobytes() == run(other, tcp_trace(other)).tobytes()
    busy = observed.busy(host.state)
    sums = [sum(kinds.values()) for kinds in host.stats()["busy_ns"]]
    assert busy.sum(axis=1).tolist() == sums
    pieces, end = observed.slices(host.state, 0, codes.SLICES)
    assert len(pieces) == end
    for cpu in range(host.knobs.cpus):
        mine = pieces[pieces["cpu"] == cpu]
        assert (mine["start"][1:] >= mine["end"][:-1]).all()
        interrupts = busy[cpu, codes.ACTIVITY_HARDIRQ]
        worked = (mine["end"] - mine["start"] - mine["stolen"])[
            mine["activity"] != codes.ACTIVITY_HARDIRQ
        ]
        assert worked.sum() == sums[cpu] - interrupts


PIECE = ("queued", "start", "end", "cpu")


def stage(row):
    return row.enqueue, row.start, row.end, row.cpu


def test_slices_of_a_packet_are_its_recorded_stages():
    host = model(flows=1, records=True)
    host.set_observed(True)
    arrival = np.arange(50) * 3000
    trace = virtual.make_trace(arrival, chain=host.chain("tunnel"), rss_hash=7, wire_len=114)
    stages = {}
    for events in virtual.run(host, trace, 0):
        for event in events:
            slot = int(event["slot"])
            rows = host.state.records[slot].stages
            count = host.state.hops[slot].count
            stages[len(stages)] = [stage(rows[i]) for i in range(count)]
    pieces, _ = observed.slices(host.state, 0, codes.SLICES)
    for packet, recorded in stages.items():
        mine = pieces[pieces["packet"] == packet]
        assert [tuple(int(piece[name]) for name in PIECE) for piece in mine] == recorded
    assert len(stages) == 50


def test_flows_are_told_with_their_counts_and_places():
    host = replay(config(**FALCON))
    watching, caller = Observing(host), Caller()
    watching.observe({}, caller)
    trace = [(1_000_000 * (i + 1), frame) for i, frame in enumerate(frames() * 10)]
    recorded = live_run(host, trace, [7])
    told = watching.observe({"slices": 1 << 14}, caller)
    flows = told["flows"]
    assert sum(flows["arrived"]) == len(trace)
    assert sum(flows["delivered"]) == told["counts"]["delivered"] == len(trace)
    assert len(flows["number"]) == 2 * CONTAINERS  # the others differ in outer ports only
    assert set(flows["protocol"]) == {6, 17}
    assert set(flows["container"]) == set(range(CONTAINERS))
    cpus = {
        int(row["flow"]): {int(s["cpu"]) for s in row["stages"][: row["n_stages"]]}
        for row in recorded[-FLOWS:]
    }
    for number, places in zip(flows["number"], flows["places"], strict=True):
        assert {cpu for _, cpu in places} >= cpus[number]
    assert sum(told["latencies"][1]) == len(trace)
    for at in range(2 * CONTAINERS):
        names = {key: flows[key][at] for key in ("source", "target", "ports", "protocol")}
        one = watching.flow({**names, "container": flows["container"][at]}, caller)
        assert one["number"] == flows["number"][at]
        assert sum(one["latencies"][1]) == flows["delivered"][at]
        assert watching.flow({**names, "container": CONTAINERS}, caller) is None
    assert told["next_slice"] == len(np.frombuffer(_decoded(told["slices"]), SLICE))


def test_counts_do_not_fall_when_others_zero_them_and_end_with_the_observer():
    host = replay(config())
    watching, caller = Observing(host), Caller()
    watching.observe({}, caller)
    trace = [(1_000_000 * (i + 1), frame) for i, frame in enumerate(frames())]
    live_run(host, trace, [5], settle=0)
    assert host.model.queued() > 0
    before = watching.observe({}, caller)
    watching.reset()
    host.datapath.counters.clear()
    host.model.reset()
    after = watching.observe({}, caller)
    assert after["counts"] == before["counts"]
    assert after["flows"]["reordered"] == before["flows"]["reordered"]
    caller.close()
    assert host.datapath.seen.sight.on == 0
    assert host.model.state.knobs.observed == 0


def test_buckets_of_latencies_are_three_percent_wide():
    bounds = seen.upper_bounds()
    for latency in (0, 1, 63, 64, 65, 1000, 123_456, 10**9):
        index = int(np.searchsorted(bounds, latency))
        assert bounds[index] >= latency
        assert bounds[index] - latency <= max(0, latency / 32)


def _decoded(text):
    return base64.b64decode(text)
