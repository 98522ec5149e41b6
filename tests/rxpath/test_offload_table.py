"""Hardware offload: a table with so many entries, a NIC with so many virtual functions."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import accounted, model, run

from rxpath.compile.tables import Rows
from rxpath.config.knobs import Knobs
from rxpath.drivers.closed import ClosedLoop
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.model.frame import Frame
from rxpath.model.state.packets import Event
from rxpath.tcp.connections import Connection


def softirqs(flows=5, sockets=5, count=1000, **knobs):
    """(softirqs of each flow's frames, stats) of UDP flows that begin one after the other."""
    host = model(profile="offload", flows=flows, sockets=sockets, records=True, **knobs)
    numbers = np.arange(count)
    trace = make_trace(
        numbers * 4000,
        rss_hash=numbers % flows * 0x101,
        flow=numbers % flows,
        socket=numbers % flows % sockets,
        chain=host.chain("plain"),
        wire_len=64,
    )
    events = run(host, trace)
    hops = host.state.hops.array["count"][events["slot"]] - 1  # without the application's stage
    found = [set(hops[events["flow"] == flow].tolist()) for flow in range(flows)]
    assert accounted(host)
    assert host.stats()["delivered"] == count
    return [one.pop() for one in found if len(one) == 1], host.stats()["offload"]


def test_flows_enter_in_order_of_their_first_frame_and_the_next_one_takes_the_slow_path():
    stages, offload = softirqs(offload_entries=3)
    assert stages == [1, 1, 1, 3, 3]
    assert offload == {"entries": 3, "functions": 3, "slow_path": 400}


def test_a_container_without_a_virtual_function_takes_the_slow_path():
    stages, offload = softirqs(offload_functions=2)
    assert stages == [1, 1, 3, 3, 3]
    assert offload == {"entries": 2, "functions": 2, "slow_path": 600}


def test_flows_of_one_container_share_its_virtual_function():
    stages, offload = softirqs(sockets=2, offload_functions=2)
    assert stages == [1] * 5
    assert offload == {"entries": 5, "functions": 2, "slow_path": 0}
    _, offload = softirqs(threads=1, offload_functions=1)  # one process, five sockets
    assert offload["functions"] == 1
    assert offload["slow_path"] == 0


def test_by_default_nothing_takes_the_slow_path():
    stages, offload = softirqs()
    assert stages == [1] * 5
    assert offload["slow_path"] == 0


def test_only_the_offload_s_chain_looks_at_the_table():
    host = model(profile="host", offload_entries=0)
    run(host, make_trace(np.arange(10) * 1000, chain=host.chain("plain")))
    run(host, make_trace(50_000 + np.arange(10) * 1000, chain=host.chain("tunnel")))
    assert host.stats()["offload"] == {"entries": 0, "functions": 0, "slow_path": 0}


def test_the_slow_path_is_the_overlay_frame_by_frame():
    def events(profile, chain, wire_len, **knobs):
        host = model(profile=profile, slots=16_384, **knobs)
        trace = make_trace(np.arange(5000) * 700, chain=host.chain(chain), wire_len=wire_len)
        return run(host, trace), host.stats()["bytes"]

    slow, carried = events("offload", "plain", 64, offload_entries=0)
    overlay, usual = events("docker", "tunnel", 114)  # the NIC has not taken 50 bytes off
    assert np.array_equal(slow, overlay)
    assert carried == usual


def test_a_denied_flow_gets_no_entry_and_is_dropped_on_the_slow_path():
    host = model(profile="offload", flows=2, denied=[0])
    numbers = np.arange(100)
    trace = make_trace(numbers * 4000, flow=numbers % 2, chain=host.chain("plain"))
    run(host, trace)
    stats = host.stats()
    assert stats["drops"]["netfilter_drop"] == stats["delivered"] == 50
    assert stats["offload"] == {"entries": 1, "functions": 1, "slow_path": 50}


def test_new_knobs_empty_the_table_and_zeroed_counters_do_not():
    host = model(profile="offload", flows=2, offload_entries=1)
    out = Rows.new(Event, 64)
    frame = {"rss_hash": 1, "socket": 0, "chain": host.chain("plain"), "protocol": 17}
    for slot, flow in enumerate([0, 1]):
        host.receive(slot, 0, Frame(flow=flow, wire_len=64, **frame))
    host.reset()
    assert host.stats()["offload"] == {"entries": 1, "functions": 1, "slow_path": 0}
    host.reconfigure({"offload_entries": 2})
    for slot, flow in enumerate([1, 0], 2):
        host.receive(slot, 0, Frame(flow=flow, wire_len=64, **frame))
    host.advance(1_000_000, out)
    assert host.stats()["offload"] == {"entries": 2, "functions": 1, "slow_path": 0}


def test_tcp_in_a_closed_loop_takes_the_slow_path_too():
    rates = []
    for entries in (2, 1):
        host = model(profile="offload", flows=2, sockets=2, slots=8192, offload_entries=entries)
        chain = host.chain("plain")
        streams = [Connection(rss_hash=n, chain=chain, socket=n, window=512) for n in (0, 1)]
        closed_loop = ClosedLoop(host, streams)
        closed_loop.run(5_000_000)
        rates.append(closed_loop.acknowledged())
        assert host.stats()["reordered"] == 0
    assert rates[1][1] < 0.9 * rates[0][1]
    assert rates[1][0] > 0.95 * rates[0][0]


@pytest.mark.parametrize("key", ["offload_entries", "offload_functions"])
def test_a_negative_size_is_refused(key):
    with pytest.raises(ConfigError, match=key):
        model(**{key: -1})
    assert Knobs.parse({key: 0}).to_dict()[key] == 0
