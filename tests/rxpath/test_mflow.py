"""mFlow: one flow on many CPUs, and yet in order; what is lost on the way holds nothing up."""

from __future__ import annotations

import numpy as np
import pytest
from core_costs import CoreCosts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import accounted, flood, model, run
from test_order import traffic

from rxpath.compile.tables import Rows
from rxpath.drivers.closed import ClosedLoop
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.tcp.connections import Connection
from tests.examples import examples


def udp_rate(policy, **knobs):
    host = model(policy=policy, slots=16_384, **knobs)
    return flood(host), host.stats()


def tcp_rate(policy, **knobs):
    """Segments a second of one saturating connection; the receive buffer is no bottleneck."""
    host = model(policy=policy, slots=16_384, rcvbuf=2**30, **knobs)
    closed = ClosedLoop(
        host, [Connection(rss_hash=0x5A17C0DE, chain=host.chain("tunnel"), window=1000)]
    )
    closed.run(4_000_000)
    before = closed.acknowledged()[0]
    closed.run(36_000_000)  # micro-flows come as a whole: 256 segments
    return (closed.acknowledged()[0] - before) / 32e-3, host.stats()


def test_a_single_udp_flow_is_faster_than_over_the_overlay_and_in_order():
    overlay, _ = udp_rate("same_cpu")
    mflow, stats = udp_rate("mflow", profile="mflow")
    assert mflow > 1.8 * overlay
    assert mflow > udp_rate("falcon+rps")[0]
    assert stats["reordered"] == 0


def test_a_single_tcp_flow_is_faster_than_over_the_overlay_and_in_order():
    overlay, _ = tcp_rate("same_cpu")
    mflow, stats = tcp_rate("mflow")
    assert mflow > 1.2 * overlay
    assert stats["reordered"] == 0
    assert stats["softirq"]["merged"] > 0


def test_a_single_tcp_flow_is_as_fast_as_two_cores_that_share_all_but_the_driver():
    """mFlow's two cores take turns, and allocate skbs, too; FALCON has one core for GRO."""
    heavy = {"gro_receive.tcp": 1000}
    costs, knobs = CoreCosts(heavy), {"cost_overrides": heavy, "rps_cpus": [2, 4]}
    assert tcp_rate("mflow", **knobs)[0] == pytest.approx(2e9 / costs.tcp_micro_flow(), rel=0.02)
    falcon = tcp_rate("falcon", **knobs)[0]
    assert falcon == pytest.approx(1e9 / costs.tcp_split("docker"), rel=0.02)


def test_the_frames_of_one_flow_run_on_all_cpus():
    _, stats = udp_rate("mflow", rps_cpus=[2, 4, 6])
    busy = [cpu["softirq"] + cpu["ksoftirqd"] for cpu in stats["busy_ns"]]
    assert min(busy[cpu] for cpu in (2, 4, 6)) > max(busy) / 4


def test_frames_that_wait_for_an_earlier_one_are_queued():
    gap, long = 4000, 30_000
    # A long frame takes three gaps, so that the short one behind it overtakes it.
    slow = {"l4_rcv.ns_kib": 3 * gap * 1024 // long}
    host = model(policy="mflow", rps_cpus=[2, 4], mflow_batch=1, cost_overrides=slow)
    out, waited = Rows.new(Event, 64), 0
    for slot in range(60):
        host.advance(slot * gap, out)
        wire_len = 64 if slot % 2 else long
        host.receive(slot, slot * gap, Frame(1, 0, 0, host.chain("tunnel"), 17, wire_len))
        assert accounted(host)
        waited += np.count_nonzero(host.state.slots.array["order"] == codes.ORDER_WAITS)
    assert waited > 0


@pytest.mark.parametrize("rps_cpus", [[2], [2, 4, 6]])
def test_a_batch_of_any_size_keeps_order(rps_cpus):
    for batch in (1, 7, 64, 5000):
        rate, stats = udp_rate("mflow", mflow_batch=batch, rps_cpus=rps_cpus)
        assert rate > 0
        assert stats["reordered"] == 0


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.sampled_from([1, 3, 64]),
    st.sampled_from([0, 1, 8, 1000]),
    st.sampled_from([0, 5000, 212_992]),
    st.sampled_from([1, 16, 1024]),
)
def test_losses_hold_nothing_up(seed, flows, batch, max_backlog, rcvbuf, ring):
    host = model(
        flows=flows,
        policy="mflow",
        mflow_batch=batch,
        max_backlog=max_backlog,
        rcvbuf=rcvbuf,
        tcp_rcvbuf=rcvbuf,
        ring=ring,
    )
    run(host, traffic(seed, 600, flows))
    stats = host.stats()
    assert accounted(host)
    assert stats["queued"] == 0
    assert stats["reordered"] == 0


def test_what_waits_for_its_turn_is_bounded():
    """A CPU that is slow holds the others' micro-flows up: their frames are lost, and counted."""
    slow = {"rps_cpus": [2, 20], "app_cpus": [20], "service_ns": 3000}
    host = model(policy="mflow", slots=16_384, max_backlog=20, mflow_batch=8, **slow)
    flood(host, gap=600)
    stats = host.stats()
    assert stats["drops"]["resequencer"] > 0
    assert stats["reordered"] == 0
    assert accounted(host)


def test_switching_it_off_keeps_order():
    host = model(policy="mflow", mflow_batch=8, max_backlog=4000)
    frame = {"rss_hash": 0xBEEF, "flow": 0, "socket": 0, "chain": host.chain("tunnel")}
    out = Rows.new(Event, 4096)
    for slot in range(2000):
        if slot == 1000:
            host.reconfigure({"policy": "same_cpu"})
        host.advance(slot * 500, out)
        host.receive(slot, slot * 500, Frame(**frame, protocol=17, wire_len=114))
        if slot % 100 == 0:
            assert accounted(host)
    host.advance(10**9, out)
    assert accounted(host)
    assert host.stats()["queued"] == 0
    assert host.stats()["reordered"] == 0


def test_once_it_is_switched_off_and_drained_frames_have_no_order_to_keep():
    host = model(policy="mflow")
    frame = Frame(0xBEEF, 0, 0, host.chain("tunnel"), 17, 114)
    out, orders = Rows.new(Event, 64), set()
    host.receive(0, 0, frame)
    host.reconfigure({"policy": "same_cpu"})
    host.advance(1_000_000, out)
    for slot in range(1, 20):
        host.receive(slot, 1_000_000, frame)
    for now in range(1_000_000, 1_200_000, 500):
        host.advance(now, out)
        orders |= set(host.state.slots.array["order"].tolist())
    assert orders == {codes.ORDER_NONE}
    assert host.stats()["delivered"] == 20
