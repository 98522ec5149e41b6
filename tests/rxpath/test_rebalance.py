"""RSS++: flows that share a core are spread, one flow is not, and nothing overtakes."""

from __future__ import annotations

import numpy as np
from model_hosts import accounted, model, run

from rxpath.drivers.virtual import make_trace
from rxpath.model.frame import Frame

BALANCE = {"rebalance_interval_ns": 1_000_000, "falcon": {"load_interval_ns": 500_000}}


def crowd(policy, flows, gap=700, count=40_000, **knobs):
    """Flows whose buckets are all queue 0's; how busy each NIC CPU was, and the statistics."""
    host = model(policy=policy, flows=flows, sockets=flows, slots=16_384, **{**BALANCE, **knobs})
    numbers = np.arange(count)
    flow = numbers % flows
    trace = make_trace(
        numbers * gap,
        rss_hash=flow * 8,
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    run(host, trace)
    assert accounted(host)
    stats = host.stats()
    busy = [stats["busy_ns"][cpu] for cpu in host.knobs.irq_cpus]
    return np.array([cpu["softirq"] + cpu["ksoftirqd"] for cpu in busy]), stats, host


def test_it_spreads_flows_that_share_a_core():
    unguarded = {**BALANCE["falcon"], "order": "none"}
    still, before, _ = crowd("same_cpu", flows=16)
    moved, after, _ = crowd("rss++", flows=16, falcon=unguarded)
    assert np.count_nonzero(still) == 1
    assert np.count_nonzero(moved > moved.max() / 3) >= 6
    assert after["delivered"] > 1.8 * before["delivered"]


def test_with_the_order_guard_buckets_move_below_saturation_and_nothing_overtakes():
    moved, stats, _ = crowd("rss++", flows=16, gap=4000)
    assert np.count_nonzero(moved) >= 4
    assert stats["reordered"] == 0


def test_it_does_not_spread_one_flow():
    busy, _, host = crowd("rss++", flows=1)
    assert np.count_nonzero(busy) == 1
    assert host.state.rss.array["queue"].tolist() == [i % 8 for i in range(128)]


def test_a_bucket_moves_to_the_first_of_the_idlest_queues():
    unguarded = {**BALANCE["falcon"], "order": "none"}
    host = model(policy="rss++", flows=2, sockets=2, **{**BALANCE, "falcon": unguarded})
    flow = np.arange(3000) % 2
    trace = make_trace(
        np.arange(3000) * 1000,
        rss_hash=flow * 8 + 3,
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    run(host, trace)
    assert sorted(host.state.rss.array["queue"][[3, 11]].tolist()) == [0, 3]


def test_frames_are_counted_at_the_shortest_interval_too():
    host = model(policy="rss++", rebalance_interval_ns=1)
    host.receive(0, 0, Frame(5, 0, 0, host.chain("tunnel"), 17, 114))
    assert host.state.rss[5].load == 1


def test_balanced_cores_are_left_alone():
    host = model(policy="rss++", flows=8, sockets=8, slots=4096, **BALANCE)
    numbers = np.arange(20_000)
    trace = make_trace(
        numbers * 1000, rss_hash=numbers % 8, flow=numbers % 8, chain=host.chain("tunnel")
    )
    run(host, trace)
    assert host.state.rss.array["queue"].tolist() == [i % 8 for i in range(128)]
