"""What must come out of the costs: who is faster than whom, by how much, and why."""

from __future__ import annotations

import numpy as np
import pytest
from core_costs import CoreCosts
from model_hosts import flood, model, run

from rxpath.config import costs
from rxpath.drivers import virtual
from rxpath.drivers.virtual import make_trace
from rxpath.model.state import codes


def rate(profile, policy, chain, **knobs):
    host = model(profile=profile, policy=policy, slots=16_384, **knobs)
    return flood(host, chain=chain)


@pytest.mark.parametrize("skb_hash", [1, 0x5A17C0DE, 0xFFFFFFFF, 0x80000000, 12_345])
def test_single_udp_flow_with_40_cpus_and_default_knobs(skb_hash):
    host = flood(model(profile="host", slots=16_384), chain="plain", rss_hash=skb_hash)
    overlay = flood(model(slots=16_384), rss_hash=skb_hash)
    falcon = flood(model(policy="falcon", slots=16_384), rss_hash=skb_hash)
    expected = CoreCosts()
    assert host == pytest.approx(1e9 / expected.udp_host(wire_len=114), rel=0.03)
    assert overlay == pytest.approx(1e9 / expected.udp_serialized(), rel=0.03)
    bridge = 1e9 / expected.udp_pipeline()  # the slowest core, or near it
    assert 1.5 * overlay < falcon < 1.02 * bridge
    assert falcon < host


def test_rps_does_not_spread_one_flow_as_falcon_does():
    assert rate("docker", "rps", "tunnel") < 0.75 * rate("docker", "falcon", "tunnel")


def softirq_cpus(policy, flows=1, **knobs):
    """The CPUs that do at least a hundredth of all softirq work of UDP flows behind the NIC."""
    host = model(flows=flows, sockets=flows, slots=16_384, policy=policy, **knobs)
    numbers = np.arange(20_000)
    hashes = np.random.default_rng(5).integers(0, 2**32, flows)
    trace = make_trace(
        numbers * 2000,
        rss_hash=hashes[numbers % flows],
        flow=numbers % flows,
        socket=numbers % flows,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    run(host, trace)
    busy = np.array([cpu["softirq"] + cpu["ksoftirqd"] for cpu in host.stats()["busy_ns"]])
    driver = {host.knobs.irq_cpus[(value & 127) % host.knobs.queues] for value in hashes}
    return set(np.flatnonzero(busy > busy.sum() / 100).tolist()) - driver


@pytest.mark.parametrize("policy", ["rps", "rfs"])
def test_rps_and_rfs_spread_flows_but_run_all_softirqs_of_one_flow_on_one_cpu(policy):
    assert len(softirq_cpus(policy)) == 1
    assert len(softirq_cpus(policy, flows=32)) >= 5
    assert len(softirq_cpus("falcon")) == 2


def test_rfs_runs_a_flow_where_its_application_reads():
    assert softirq_cpus("rfs", app_cpus=[27]) == {27}
    assert rate("docker", "rfs", "tunnel") < 0.75 * rate("docker", "falcon", "tunnel")


def test_rps_acts_behind_the_nic_s_gro():
    """The driver's CPU keeps the driver and GRO; a single TCP flow's stack runs elsewhere."""
    host = model(policy="rps", slots=16_384, records=True)
    _, stats = segments(host, gap=1500)
    assert stats["softirq"]["merged"] > 0.9 * stats["delivered"]
    used = host.state.hops.array["count"] > 0
    stages = host.state.records.array["stages"][used, :]["kind"]
    assert np.all(stages[:, :3] == [codes.NAPI, codes.RPS, codes.GRO_CELL])


def test_falcon_beside_rps_has_a_core_more_than_falcon():
    """The NIC's stage behind GRO, the VXLAN device and the veth have one each (EuroSys, Fig 11)."""
    assert len(softirq_cpus("falcon+rps", rps_cpus=[12])) == 3


def offered(system, kpps):
    """Packets/s that arrive of as many kpps of one flow, and where the others were lost."""
    profile, chain = ("host", "plain") if system == "host" else ("docker", "tunnel")
    host = model(profile=profile, policy="rps", slots=16_384)
    arrived = flood(host, count=20 * kpps, gap=1_000_000 // kpps, chain=chain)
    return arrived / 1000, host.stats()["drops"]


def test_overload_costs_the_overlay_with_rps_more_than_the_excess():
    """NIC and veth share one input_pkt_queue: under overload worked-on packets are lost there.

    The host network needs one place in it, and loses nothing but what is too much.
    """
    most = max(offered("docker", kpps)[0] for kpps in (400, 450, 500))
    collapsed, drops = offered("docker", 3000)
    assert collapsed < 0.6 * most
    assert drops["cpu_backlog"] > 0
    assert drops["gro_cell"] == 0
    full, _ = offered("host", 1500)
    assert offered("host", 3000)[0] > 0.95 * full


def test_hardware_offload_is_as_fast_as_the_host():
    assert rate("offload", "same_cpu", "plain") == rate("host", "same_cpu", "plain")


@pytest.mark.parametrize("profile", ["flannel", "calico", "weave"])
def test_falcon_helps_every_overlay(profile):
    overlay, falcon = (rate(profile, policy, profile) for policy in ("same_cpu", "falcon"))
    assert falcon > 1.5 * overlay


@pytest.mark.parametrize("policy", ["same_cpu", "falcon"])
def test_doubling_every_cost_halves_the_saturated_rate(policy):
    counts = ("skb_overhead", "softirq_restarts")
    double = {}
    for name, cost in costs.load("xeon-silver-4114").items():
        if name not in counts:
            double |= {f"{name}.udp": 2 * cost.udp, f"{name}.ns_kib": 2 * cost.ns_kib}
    times = {"budget_usecs": 4000, "rx_usecs": 6}
    load = {"load_interval_ns": 80_000_000}
    slow = model(policy=policy, slots=16_384, cost_overrides=double, falcon=load, **times)
    fast = model(policy=policy, slots=16_384)
    assert flood(slow, gap=600) == pytest.approx(flood(fast, gap=300) / 2, rel=1e-3)


def segments(host, gap, chain="tunnel", count=20_000):
    """One TCP flow in sequence, below saturation; busy ns a frame of the busiest CPU."""
    numbers = np.arange(count)
    trace = make_trace(
        numbers // 64 * 64 * gap,  # trains of 64 segments
        rss_hash=0x5A17C0DE,
        chain=host.chain(chain),
        protocol=codes.TCP,
        wire_len=1564,
        payload=1448,
        seq=numbers * 1448 % 2**32,
        tcp_flags=0x10,
    )
    run(host, trace)
    stats = host.stats()
    assert stats["delivered"] == count
    softirq = [cpu["softirq"] + cpu["ksoftirqd"] for cpu in stats["busy_ns"]]
    return max(softirq) / count, stats


def test_gro_merges_up_to_64_kb():
    _, stats = segments(model(slots=16_384), gap=1500)
    assert stats["softirq"]["merged"] > 0.9 * stats["delivered"]
    _, stats = segments(model(slots=16_384, gro=False), gap=3000)
    assert stats["softirq"]["merged"] == 0


@pytest.mark.parametrize(("profile", "chain"), [("docker", "tunnel"), ("host", "plain")])
@pytest.mark.parametrize("gro_ns", [0, 600], ids=["profile", "heavy GRO"])
def test_splitting_leaves_the_heavier_half_of_tcp_s_first_stage_to_a_core(profile, chain, gro_ns):
    overrides = {"gro_receive.tcp": gro_ns} if gro_ns else {}
    expected = CoreCosts(overrides)
    knobs = {"profile": profile, "policy": "falcon", "cost_overrides": overrides}
    whole, _ = segments(model(slots=16_384, **knobs, falcon={"splitting": False}), 1500, chain)
    split, _ = segments(model(slots=16_384, **knobs), 1500, chain)
    heavier = max(expected.tcp_driver(), expected.tcp_split(profile))
    assert whole == pytest.approx(expected.tcp_first_stage(profile), rel=0.02)
    assert split == pytest.approx(heavier, rel=0.02)
    if gro_ns:
        assert split < 0.85 * whole


def test_first_stage_is_the_heavy_one_for_tcp():
    host = model(policy="falcon", slots=16_384, falcon={"splitting": False})
    _, stats = segments(host, gap=1500)
    by_cpu = [cpu["softirq"] for cpu in stats["busy_ns"]]
    irq_cpu = host.knobs.irq_cpus[(0x5A17C0DE & 127) % host.knobs.queues]
    assert by_cpu[irq_cpu] > 2 * max(v for cpu, v in enumerate(by_cpu) if cpu != irq_cpu)


def two_flows(host, surge_gap, count=40_000):
    """A steady flow; from the middle on a second, intense one whose stages share its CPUs."""
    steady = np.arange(count) * 4000
    burst = steady[count // 2] + np.arange(count) * surge_gap
    arrival = np.concatenate([steady, burst])
    order = np.argsort(arrival, kind="stable")
    flow = np.repeat([0, 1], count)[order]
    return make_trace(
        arrival[order],
        rss_hash=np.array([0x101, 0x102])[flow],
        flow=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )


def choices(balancing):
    falcon = {
        "cpus": [0, 2, 4],
        "balancing": balancing,
        "switch_off": False,
        "load_interval_ns": 400_000,
    }
    host = model(flows=2, slots=30_000, policy="falcon", records=True, falcon=falcon)
    found = np.zeros(5, np.int64)
    for events in virtual.run(host, two_flows(host, 700)):
        for slot in events["slot"]:
            stages = host.state.records.array["stages"][slot, : host.state.hops[slot].count]
            found += np.bincount(stages["choice"], minlength=5)
    return found, host.stats()


def test_a_surge_moves_stages_to_their_second_choice_and_nothing_overtakes():
    static, _ = choices(balancing=False)
    dynamic, stats = choices(balancing=True)
    assert static[codes.CHOICE_FIRST] > 0
    assert static[codes.CHOICE_SECOND] == 0
    assert dynamic[codes.CHOICE_SECOND] > 0
    assert stats["reordered"] == 0


def test_falcon_switches_off_when_all_is_overloaded_and_on_again():
    falcon = {"cpus": [0, 2], "threshold": 60, "load_interval_ns": 400_000}
    host = model(policy="falcon", slots=16_384, falcon=falcon)
    flood(host, count=40_000, gap=700)
    assert host.stats()["falcon"]["switched_off"] >= 1
    now = int(host.stats()["clock_ns"])
    run(host, make_trace([]), until=now + 20_000_000)
    stats = host.stats()["falcon"]
    assert stats["switched_on"] == stats["switched_off"]
    assert not stats["off"]


def test_load_is_the_reference_formula():
    host = model(falcon={"load_interval_ns": 1000})
    arrival = np.arange(20_000) * 300
    run(host, make_trace(arrival, chain=host.chain("tunnel")), until=0)
    assert max(host.stats()["load"]) == 96  # (4 * 96 + 100) / 5 = 96: the highest it can reach


def test_sharing_a_cpu_with_softirqs_costs_the_application():
    apart = flood(model(profile="host", slots=16_384), chain="plain")
    shared = flood(model(profile="host", slots=16_384, irq_cpus=[20]), chain="plain")
    assert shared < 0.8 * apart


def test_interrupt_moderation_trades_interrupts_for_latency():
    found = []
    for usecs in (0, 50):
        host = model(rx_usecs=usecs)
        events = run(host, make_trace(np.arange(2000) * 5000, chain=host.chain("tunnel")))
        found.append((host.stats()["softirq"]["interrupts"], np.median(events["latency"])))
    assert found[0][0] > 5 * found[1][0]
    assert found[0][1] < found[1][1]


@pytest.mark.parametrize(
    ("place", "knobs"),
    [
        ("rx_missed", {"policy": "same_cpu"}),
        ("cpu_backlog", {"policy": "falcon", "max_backlog": 5}),
        ("gro_cell", {"policy": "same_cpu", "max_backlog": 5}),
        ("socket_rcvbuff", {"profile": "host", "rcvbuf": 5000, "service_ns": 5000}),
    ],
)
def test_losses_are_counted_where_they_happen(place, knobs):
    host = model(slots=16_384, **knobs)
    flood(host, chain="plain" if "profile" in knobs else "tunnel")
    assert host.stats()["drops"][place] > 0
