"""Order within a flow, and nothing lost without being counted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import ACK, COARSE, PSH, accounted, frame_of, model, run

from rxpath.compile.tables import Rows
from rxpath.config import profiles
from rxpath.drivers.virtual import make_trace
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from tests.examples import examples

FALCON = {"load_interval_ns": 7_000, "threshold": 15}  # it changes its mind all the time
# Behind a flow cache packets overtake those on the first path (test_flow_cache.py).
CHAINS = [n for n, one in enumerate(profiles.load().values()) if not one.first_path]


def traffic(seed, count, flows, chain=None):
    """Random bursts of UDP and TCP; each flow keeps its protocol, hash, and chain."""
    rng = np.random.default_rng(seed)
    flow = rng.integers(0, flows, count)
    protocol = np.where(np.arange(flows) % 2, codes.TCP, codes.UDP)
    chains = rng.choice(CHAINS, flows) if chain is None else np.full(flows, chain)
    tcp = protocol[flow] == codes.TCP
    return make_trace(
        np.cumsum(rng.integers(0, 2 * rng.integers(100, 2000), count)),
        rss_hash=rng.integers(0, 2**32, flows)[flow],
        flow=flow,
        chain=chains[flow],
        protocol=protocol[flow],
        wire_len=rng.integers(64, 1564, count),
        payload=np.where(tcp, 1400, 0),
        seq=np.where(tcp, np.cumsum(tcp) * 1400 % 2**32, 0),
        tcp_flags=np.where(tcp, 0x10, 0),
    )


@pytest.mark.slow
@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["same_cpu", "rps", "rfs", "falcon", "mflow", "rss++"]),
    st.integers(1, 12),
    st.sampled_from([1, 8, 1000]),
    st.sampled_from([0, 5000, 212_992]),
)
def test_all_frames_are_accounted_for_and_guarded_flows_stay_in_order(
    seed, policy, flows, max_backlog, rcvbuf
):
    limits = {"max_backlog": max_backlog, "rcvbuf": rcvbuf, "tcp_rcvbuf": rcvbuf}
    host = model(flows=flows, policy=policy, falcon=FALCON, **limits)
    trace = traffic(seed, 600, flows)
    for frame in trace[:300]:
        out = Rows.new(Event, 1000)
        host.advance(int(frame["arrival"]), out)
        host.receive(host.stats()["received"], int(frame["arrival"]), frame_of(frame))
        assert accounted(host)
    rest = trace[300:]
    host = model(
        flows=flows,
        policy=policy,
        falcon=FALCON,
        rebalance_interval_ns=9000,
        **limits,
    )
    events = run(host, rest)
    assert accounted(host)
    assert host.stats()["queued"] == 0
    assert host.stats()["reordered"] == 0
    assert len(events) == len(rest) - host.stats()["drops"]["rx_missed"]
    assert np.all(np.diff(events["time"]) >= 0)


def surge(order):
    """A flow whose second stage moves again and again while packets of it wait."""
    falcon = {**FALCON, "order": order, "switch_off": False}
    host = model(flows=1, policy="falcon", falcon=falcon)
    arrival = np.cumsum(np.random.default_rng(1).integers(300, 3000, 2_000))
    run(host, make_trace(arrival, rss_hash=0xBEEF, chain=host.chain("tunnel")))
    return host.stats()


def test_the_reference_lets_packets_overtake_and_the_guard_does_not():
    assert surge("none")["reordered"] > 0
    assert surge("rfs")["reordered"] == 0
    assert surge("handover")["reordered"] == 0


def type_p_reordered(sent):
    """RFC 4737, section 3.3: how many come after one that was sent later, by what was sent when."""
    next_expected, reordered = -1, 0
    for number in sent:
        if number >= next_expected:
            next_expected = number + 1
        else:
            reordered += 1
    return reordered


@pytest.mark.parametrize("count", [2, 4])
def test_reordering_is_counted_as_rfc_4737_does_flow_by_flow(count):
    falcon = {**FALCON, "order": "none", "switch_off": False}
    host = model(flows=count, policy="falcon", falcon=falcon, max_backlog=40)
    rng = np.random.default_rng(2)
    arrival = np.cumsum(rng.integers(100, 1200, 8000))  # no two at one time: it names the frame
    flow = rng.integers(0, count, len(arrival))
    hashes = rng.integers(0, 2**32, count)[flow]
    trace = make_trace(arrival, flow=flow, rss_hash=hashes, chain=host.chain("tunnel"))
    events = run(host, trace)
    assert sum(host.stats()["drops"].values()) > 0  # what is lost is no reordering
    delivered = events[events["kind"] == codes.DELIVER]
    expected = []
    for number in range(count):
        mine = delivered[delivered["flow"] == number]
        sent = mine["time"] - mine["latency"]
        expected.append(type_p_reordered(sent.tolist()))
    assert host.state.flows.array["reordered"].tolist() == expected
    assert host.stats()["reordered"] == sum(expected) > 0


def restless(policy):
    """A flow whose application moves while its packets wait; the guard's knob is off."""
    host = model(flows=1, policy=policy, slots=9000, max_backlog=9000, falcon={"order": "none"})
    frame = {"rss_hash": 0xBEEF, "flow": 0, "socket": 0, "chain": host.chain("tunnel")}
    out = Rows.new(Event, 9000)
    for slot in range(8000):
        if slot % 16 == 0:
            cpu = (20, 30)[slot // 16 % 2]
            host.reconfigure({"app_cpus": [cpu], "rps_cpus": [cpu]})
        host.advance(slot * 700, out)
        host.receive(slot, slot * 700, Frame(**frame, protocol=17, wire_len=114))
    host.advance(10**9, out)
    assert accounted(host)
    assert host.stats()["queued"] == 0
    return host.stats()["reordered"]


@pytest.mark.slow
def test_rfs_moves_a_flow_only_when_its_old_queue_has_drained_and_rps_at_once():
    assert restless("rfs") == 0
    assert restless("rps") > 0


@pytest.mark.parametrize("policy", ["same_cpu", "rps"])
def test_one_cpu_a_stage_keeps_order_without_a_guard(policy):
    host = model(flows=3, policy=policy, falcon={"order": "none"})
    run(host, traffic(3, 5000, 3, host.chain("tunnel")))
    assert host.stats()["reordered"] == 0


def test_reconfiguring_loses_nothing_and_keeps_order():
    # (but for the indirection table: moving a flow to another queue reorders on real NICs, too)
    host = model(flows=4, policy="same_cpu", falcon=FALCON)
    trace = traffic(5, 4000, 4, host.chain("tunnel"))
    changes = [
        {"policy": "falcon"},
        {"falcon": {"cpus": [1, 2, 3]}},
        {"profile": "host"},
        {"policy": "rps", "rps_cpus": [7]},
        {"policy": "rfs"},
        {"policy": "same_cpu"},
        {"profile": "bypass"},
        {"profile": "docker"},
        {"policy": "falcon", "falcon": {"splitting": False}, "costs": "xeon-silver-4114"},
        {"irq_cpus": [4, 5], "rx_usecs": 20},
        {"policy": "same_cpu", "cpus": 20, "app_cpus": [19]},
    ]
    out = Rows.new(Event, 256)
    times = []
    for slot, frame in enumerate(trace):
        while (count := host.advance(int(frame["arrival"]), out)) > 0:
            times += out.array["time"][:count].tolist()
            if count < len(out):
                break
        if slot % 500 == 499:
            host.reconfigure(changes[slot // 500 % len(changes)])
        host.receive(slot, int(frame["arrival"]), frame_of(frame))
        if slot % 100 == 0:
            assert accounted(host)
    host.advance(int(frame["arrival"]) + 10**9, Rows.new(Event, 4000))
    assert accounted(host)
    assert host.stats()["queued"] == 0
    assert host.stats()["reordered"] == 0


def test_records_begin_and_end_with_the_frames_that_arrive():
    host = model(records=True, flows=1)
    host.set_records(False)
    out = Rows.new(Event, 16)
    frame = {"rss_hash": 1, "flow": 0, "socket": 0, "chain": host.chain("tunnel")}
    segment = {"protocol": 6, "wire_len": 1500, "payload": 1400, "tcp_flags": 0x10}
    for slot in range(6):
        host.set_records(slot in (1, 2))
        host.receive(slot, 0, Frame(**frame, **segment, seq=1400 * slot))
    count = host.advance(1_000_000, out)
    assert out.array["slot"][:count].tolist() == [0, 1, 2, 3, 4, 5]  # one skb, frame by frame
    assert host.stats()["softirq"]["merged"] == 5
    assert host.state.hops.array["count"][:6].tolist() == [0, 0, 0, 0, 0, 0]
    for slot in range(6):
        host.set_records(slot < 4)
        host.receive(slot, 2_000_000, Frame(**frame, **segment, seq=1400 * slot))
    host.advance(3_000_000, out)
    assert host.state.hops.array["count"][:6].tolist() == [4, 4, 4, 4, 0, 0]
    ends = host.state.records.array["stages"][:4, :4]["end"]
    assert np.all(ends == ends[0])


def test_frames_of_an_skb_have_its_records_whatever_their_slots():
    host = model(records=True, flows=1)
    frame = Frame(1, 0, 0, host.chain("tunnel"), 6, 1500, 1400, 0, 0x10)
    for number, slot in enumerate((3, 0, 2)):
        host.receive(slot, 0, frame._replace(seq=1400 * number))
    host.advance(1_000_000, out := Rows.new(Event, 8))
    assert out.array["slot"][:3].tolist() == [3, 0, 2]
    assert host.state.hops.array["count"][[3, 0, 2]].tolist() == [4, 4, 4]
    stages = host.state.records.array["stages"]
    for slot in (0, 2):
        assert stages["end"][slot, :4].tolist() == stages["end"][3, :4].tolist()


def test_frames_of_an_skb_that_wait_for_room_are_queued():
    host = model(flows=1)
    frame = Frame(1, 0, 0, host.chain("tunnel"), 6, 1500, 1400, 0, 0x10)
    for slot in range(3):
        host.receive(slot, 0, frame._replace(seq=1400 * slot))
    for queued in (2, 1, 0):
        assert host.advance(1_000_000, Rows.new(Event, 1)) == 1
        assert host.stats()["queued"] == queued
        assert accounted(host)


def test_a_message_whose_thread_was_interrupted_is_queued():
    host = model(profile="host", irq_cpus=[0], app_cpus=[0], service_ns=50_000)
    out, interrupted = Rows.new(Event, 8), 0
    for slot, arrival in enumerate((0, 40_000)):
        host.advance(arrival, out)
        host.receive(slot, arrival, Frame(1, 0, 0, host.chain("plain"), 17, 64))
    for now in range(40_000, 60_000, 100):
        host.advance(now, out)
        assert accounted(host)
        interrupted += np.count_nonzero(host.state.tasks.array["slot"] == 0)
    assert interrupted > 0


def test_a_queue_has_not_processed_an_skb_that_gro_has_just_passed_on():
    host = model(flows=1)
    host.receive(0, 0, Frame(1, 0, 0, host.chain("tunnel"), 6, 1500, 1400, 0, ACK | PSH))
    out, seen = Rows.new(Event, 8), 0
    for now in range(0, 20_000, 20):
        host.advance(now, out)
        for core in host.state.cpus:
            if core.work == codes.WORK_STACK:
                napi = host.state.napis[core.napi]
                assert napi.head < napi.done
                seen += 1
    assert seen > 0


def test_a_cpu_that_is_idle_has_paid_for_all_that_it_queued():
    costs = {"remote_enqueue.ns": 1}
    host = model(policy="rps", irq_cpus=[0], rps_cpus=[2], cost_overrides=costs)
    out, idle = Rows.new(Event, 64), 0
    for slot in range(50):
        host.receive(slot, slot * 900, Frame(1, 0, 0, host.chain("tunnel"), 17, 64))
        for now in range(slot * 900, (slot + 1) * 900, 50):
            host.advance(now, out)
            if host.state.cpus[0].work == codes.WORK_NONE:
                assert host.state.cpus[0].extra == 0
                idle += 1
    assert idle > 0


def test_net_rx_action_ends_when_exactly_its_time_is_used_up():
    free = dict.fromkeys(COARSE, 0)
    costs = {**free, "softirq_restarts.ns": 10, "driver_poll.ns": 1000}
    host = model(profile="host", budget_usecs=1, cost_overrides=costs)
    host.receive(0, 0, Frame(1, 0, 0, host.chain("plain"), 17, 64))
    host.advance(1_000_000, Rows.new(Event, 8))
    assert host.stats()["softirq"]["squeezed"] == 1


def test_falcon_counts_each_time_that_it_is_switched_off_and_on():
    host = model(policy="falcon", falcon={"load_interval_ns": 10_000, "threshold": 15})
    out, states = Rows.new(Event, 512), [False]
    for burst in (0, 1_000_000, 2_000_000):
        for slot in range(100):
            host.receive(slot, burst, Frame(1, 0, 0, host.chain("tunnel"), 17, 64))
        for now in range(burst, burst + 1_000_000, 10_000):
            host.advance(now, out)
            states.append(host.stats()["falcon"]["off"])
    changes = list(pairwise(states))
    falcon = host.stats()["falcon"]
    assert falcon["switched_off"] == changes.count((False, True)) >= 3
    assert falcon["switched_on"] == changes.count((True, False)) >= 3


def test_zeroed_counters_still_account_for_frames_in_flight():
    host = model(flows=1)
    for slot in range(5):
        host.receive(slot, 0, Frame(1, 0, 0, 1, 17, 64))
    host.advance(9_000, Rows.new(Event, 1))
    host.reset()
    stats = host.stats()
    assert stats["received"] == stats["queued"] == 5
    assert all(not any(cpu.values()) for cpu in stats["busy_ns"])
    host.advance(1_000_000, Rows.new(Event, 16))
    assert host.stats()["delivered"] == 5
    assert accounted(host)


def test_zeroed_counters_change_nothing_that_follows():
    whole, zeroed = (model(flows=2, policy="falcon", falcon=FALCON) for _ in range(2))
    before = {}
    for slot, frame in enumerate(traffic(1, 400, 2)):
        if slot == 200:
            before = whole.stats()
            zeroed.reset()
        for host in (whole, zeroed):
            host.advance(int(frame["arrival"]), Rows.new(Event, 400))
            host.receive(slot, int(frame["arrival"]), frame_of(frame))
    after, since = whole.stats(), zeroed.stats()
    assert max(after["load"]) > 0
    assert since["load"] == after["load"]
    assert 0 < since["delivered"] == after["delivered"] - before["delivered"]
    assert since["busy_ns"] == [
        {kind: ns - was[kind] for kind, ns in now.items()}
        for was, now in zip(before["busy_ns"], after["busy_ns"], strict=True)
    ]
    flows = zeroed.state.flows.array
    assert flows["delivered"].sum() == since["delivered"]
    assert flows["reordered"].sum() == since["reordered"]


@pytest.mark.parametrize("flows", [4, 12])
def test_the_guard_knows_what_gro_still_holds(flows):
    """Splitting goes on and off while segments wait in the split CPU's GRO."""
    falcon = {
        "load_interval_ns": 3000,
        "threshold": 20,
        "grosplit_cpus": [12],
        "cpus": [0, 2, 12],
    }
    host = model(flows=flows, slots=20_000, policy="falcon", queues=1, falcon=falcon)
    rng = np.random.default_rng(0)
    flow = rng.integers(0, flows, 6000)
    seq = [1400 * int(np.count_nonzero(flow[:i] == number)) for i, number in enumerate(flow)]
    trace = make_trace(
        np.cumsum(rng.integers(0, 2500, len(flow))),
        rss_hash=rng.integers(0, 2**32, flows)[flow],
        flow=flow,
        chain=host.chain("docker"),
        protocol=codes.TCP,
        wire_len=1500,
        payload=1400,
        seq=seq,
        tcp_flags=0x10,
    )
    run(host, trace)
    stats = host.stats()
    assert stats["falcon"]["switched_off"] > 10
    assert stats["softirq"]["merged"] > 1000
    assert stats["reordered"] == 0
