"""Each check is shown data on which it is green, and data that make it red."""

from dataclasses import replace

import numpy as np
import pytest
from ctl_traces import KNOBS, Frames, trace, tunnel_frame

from falcon_ctl.checks import clocks, hashes, outcome, reach, rebalance, steering, underlay
from falcon_ctl.checks.clocks import Replayed
from falcon_ctl.checks.measurement import Measurement, rate
from falcon_ctl.checks.rebalance import Episode, LoadSample
from falcon_ctl.traffic.tcp import Transfer

# Microsoft, "Verifying the RSS Hash Calculation": source, destination, with ports, without.
IPV4_VECTORS = [
    ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x51CCC178, 0x323E8FC2),
    ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xC626B0EA, 0xD718262A),
    ("24.19.198.95", 12898, "12.22.207.184", 38024, 0x5C2B394A, 0xD2D0A5DE),
    ("38.27.205.30", 48228, "209.142.163.6", 2217, 0xAFC7327F, 0x82989176),
    ("153.39.163.191", 44251, "202.188.127.2", 1303, 0x10E828A2, 0x5D1809C5),
]


@pytest.mark.parametrize("vector", IPV4_VECTORS)
def test_toeplitz_gives_the_published_hashes(vector):
    source, source_port, target, target_port, with_ports, without = vector
    assert hashes.rss_hash(source, target, source_port, target_port) == with_ports
    assert hashes.rss_hash(source, target, None, None) == without


def test_hash_32_is_the_kernels():
    assert hashes.hash_32(1, 32) == 0x61C88647
    assert hashes.hash_32(1, 16) == 0x61C8
    assert hashes.hash_32(0xFFFFFFFF, 16) == 0x9E37  # -0x61C88647, upper half


def test_second_choice_rehashes_the_first():
    cpus = list(range(64))
    first = hashes.hash_32((0xFFFFFFFF + 7) & 0xFFFFFFFF, 16)  # wraps at 32 bits
    assert hashes.falcon_cpus(0xFFFFFFFF, 7, cpus) == (first % 64, hashes.hash_32(first, 16) % 64)


# -- reachability ------------------------------------------------------------------------------


def test_reachable():
    good, bad = {("a", "b"): True, ("b", "a"): True}, {("a", "b"): True, ("b", "a"): False}
    assert reach.all_reachable({"overlay": good, "host": good}).ok
    red = reach.all_reachable({"overlay": good, "host": bad})
    assert not red.ok
    assert red.evidence == "b gets no answer from a under host"
    assert not reach.all_reachable({}).ok
    assert not reach.all_reachable({"overlay": good, "host": {}}).ok


def test_isolated():
    sent = {"red1 to .21": "red2", "blue1 to .21": "blue2", "red1 by blue2's MAC": ""}
    heard = {"red2": ["red1 to .21"], "blue2": ["blue1 to .21"]}

    def judged(**changes):
        return reach.tenants_isolated({"overlay": heard, "host": heard | changes}, sent)

    assert judged().ok
    leak = judged(blue2=["blue1 to .21", "red1 to .21"])
    assert not leak.ok
    assert "blue2 heard red1 to .21, meant for red2, under host" in leak.evidence
    assert "meant for nobody" in judged(blue2=["red1 by blue2's MAC"]).evidence
    assert "red2 did not hear its own probe under host" in judged(red2=[]).evidence
    assert not reach.tenants_isolated({}, sent).ok


def test_learned():
    spoke = {(5001, "02:00:00:00:00:01"), (5002, "02:00:00:00:00:01")}
    assert reach.macs_learned({"s1": set(spoke)}, spoke).ok
    assert not reach.macs_learned({"s1": {(5001, "02:00:00:00:00:01")}}, spoke).ok


# -- underlay ----------------------------------------------------------------------------------


def verdict(frame):
    return underlay.frames_are_vxlan({4789: [frame]}, {5001, 5002}, 64)


def test_a_right_frame_is_right():
    assert verdict(tunnel_frame()).ok
    assert not underlay.frames_are_vxlan({}, {5001}, 64).ok


@pytest.mark.parametrize(
    ("at", "value", "named"),
    [
        (16, b"\x00\x50", "IP length 80"),
        (38, b"\x00\x20", "UDP length 32"),
        (40, b"\x12\x34", "UDP checksum 0x1234"),
        (24, b"\x00\x00", "IP checksum"),
        (46, b"\x00\x00\x07", "VNI 7 of no tenant"),
        (42, b"\x00", "VXLAN flags"),
        (34, b"\x10\x00", "source port 4096"),
        (20, b"\x00\x00", "not DF"),
        (22, b"\x3f", "TTL 63"),
        (36, b"\x21\x18", "not VXLAN on UDP port 4789"),
        (23, b"\x06", "not VXLAN"),
    ],
)
def test_each_wrong_field_is_seen(at, value, named):
    frame = bytearray(tunnel_frame())
    frame[at : at + len(value)] = value
    red = verdict(bytes(frame))
    assert not red.ok
    assert named in "; ".join(underlay.problems_of(bytes(frame), {5001, 5002}, 64, 4789))


def test_a_truncated_frame_is_wrong():
    assert not verdict(tunnel_frame()[:-1]).ok


def test_ports_follow_flows():
    flows = [tunnel_frame(50000 + n, 40000 + n) for n in range(4)]
    assert underlay.ports_follow_flows(flows * 2).ok
    within = underlay.ports_follow_flows([*flows, tunnel_frame(51000, 40000)])
    assert not within.ok
    assert "10.0.0.11:40000: 2 ports" in within.evidence
    constant = underlay.ports_follow_flows([tunnel_frame(50000, 40000 + n) for n in range(4)])
    assert "4 flows share 1 source ports" in constant.evidence
    assert not underlay.ports_follow_flows(flows[:1]).ok


# -- steering ----------------------------------------------------------------------------------


def formula(*passages, **falcon):
    return steering.cpus_follow_formula([("falcon", trace(*passages, **falcon))])


def spoil(passage, index, **changes):
    stages = list(passage.stages)
    stages[index] = stages[index]._replace(**changes)
    return passage._replace(stages=tuple(stages))


def test_the_formula_holds_for_every_choice():
    flow = Frames()
    passages = [flow.passage(i, c) for i, c in enumerate([(1, 1), (1, 2), (2, 1), (3, 3)])]
    green = formula(*passages)
    assert green.ok
    assert "16 stages of 4 frames" in green.evidence


@pytest.mark.parametrize("index", range(4))
def test_a_stage_on_another_cpu_is_seen(index):
    passage = Frames().passage(1)
    other = (passage.stages[index].cpu + 1) % 40
    red = formula(spoil(passage, index, cpu=other))
    assert not red.ok
    assert f"on CPU {other}" in red.evidence


def test_a_hash_that_is_not_the_frames_is_seen():
    assert "its headers give" in formula(Frames().passage(1)._replace(rss_hash=1)).evidence


def test_choices_that_are_switched_off_are_seen():
    assert not formula(Frames().passage(1, (2, 1)), balancing=False).ok
    assert not formula(Frames().passage(1, (3, 3)), switch_off=False).ok
    assert not formula(Frames().passage(1), pipelining=False).ok


def test_unsteered_hops_under_falcon_are_seen():
    passage = Frames().passage(1)
    assert not formula(spoil(passage, 1, choice=0)).ok


def test_a_stage_may_stay_where_the_frame_before_still_waits():
    flow = Frames()
    first, second = flow.passage(1), flow.passage(2)
    cpu = first.stages[1].cpu + 1
    first = spoil(first, 1, cpu=cpu, choice=3)
    waits = spoil(first, 2, enqueue=9000)  # when it left the stage before
    kept = spoil(second, 1, cpu=cpu)

    def seen(*passages, **falcon):
        return [p for p in formula(*passages, **falcon).evidence.split("; ") if "frame 2" in p]

    assert not seen(waits, kept)
    assert seen(first, kept)  # the frame before was done: nothing held this one
    assert seen(waits, kept, order="none")


def test_hops_on_one_device_are_seen():
    assert "share a device" in formula(spoil(Frames().passage(1), 2, ifindex=5)).evidence


def test_one_cpu_per_stage():
    flow, other = Frames(), Frames(50001, 40001)
    steady = [flow.passage(1), flow.passage(2), other.passage(3)]
    assert steering.one_cpu_per_stage([("falcon", trace(*steady))]).ok
    moved = trace(*steady, spoil(flow.passage(4), 1, cpu=39))
    red = steering.one_cpu_per_stage([("falcon", moved)])
    assert not red.ok
    assert "gro_cell of 10.0.0.11:40000" in red.evidence


# -- rebalancing -------------------------------------------------------------------------------


def episode(*passages, cpu=0, over_at=5000, surge_at=5000, switched=(1, 1), average=(0, 90)):
    samples = [
        LoadSample(0, (10,) * 40, average[0], False),
        LoadSample(over_at, (85,) * 40, average[1], True),
    ]
    return Episode(trace(*passages), samples, [40000], cpu, surge_at, switched)


def test_surge():
    flow = Frames()
    calm = [flow.passage(n) for n in range(1, 5)]
    moved = [flow.passage(n, (2, 1)) for n in range(5, 8)]
    green = rebalance.surge_moves_stage(episode(*calm, *moved))
    assert green.ok
    assert "8 stages on first choices before the surge, 3 on second ones" in green.evidence
    assert "no stage moved" in rebalance.surge_moves_stage(episode(*calm)).evidence
    early = episode(*calm, *moved, over_at=90_000, surge_at=90_000)
    assert "before the load passed" in rebalance.surge_moves_stage(early).evidence
    never = episode(*calm, *moved)._replace(samples=[LoadSample(0, (74,) * 40, 0, False)])
    assert "never showed 80 %" in rebalance.surge_moves_stage(never).evidence
    assert not rebalance.surge_moves_stage(episode(*moved)).ok
    assert not rebalance.surge_moves_stage(episode(*calm, *moved)._replace(ports=[40001])).ok


def test_guard():
    flow = Frames()
    moved = [flow.passage(1), flow.passage(2), flow.passage(3, (2, 1))]
    assert rebalance.guard_keeps_order(trace(*moved)).ok
    late = spoil(moved[1], 1, enqueue=moved[2].stages[1].enqueue + 1)
    red = rebalance.guard_keeps_order(trace(moved[0], late, moved[2]))
    assert not red.ok
    assert "frame 3 of 10.0.0.11:40000 overtakes to gro_cell" in red.evidence
    assert not rebalance.guard_keeps_order(trace(*moved[:2])).ok  # nothing moved: nothing shown


def test_switching_off():
    flow = Frames()
    passages = [flow.passage(1), flow.passage(2, (3, 3)), flow.passage(3)]
    judge = rebalance.switches_off_and_on
    assert judge(episode(*passages)).ok
    assert "0 times off" in judge(episode(*passages, switched=(0, 0))).evidence
    assert "at most 74 %" in judge(episode(*passages, average=(0, 74))).evidence
    assert "never off" in judge(episode(passages[0])).evidence
    assert "from the start" in judge(episode(*passages[1:])).evidence
    assert "not switched on" in judge(episode(*passages[:2])).evidence


# -- outcome -----------------------------------------------------------------------------------


def measured(**changes):
    base = Measurement(
        system="overlay",
        proto="udp",
        flows=1,
        load="saturating",
        sent=100,
        delivered=90,
        drops={"backlog": 10},
        reordered=0,
        pps=1000.0,
        latencies=np.array([1000, 2000, 3000]),
        late="",
    )
    return replace(base, **changes)


def test_order():
    assert outcome.order_kept([measured()]).ok
    assert not outcome.order_kept([measured(reordered=1)]).ok
    assert not outcome.order_kept([measured(delivered=0)]).ok
    hop = "container -> its machine"
    assert measured(reordered=1).disordered
    assert measured(reordered=2, swaps={hop: 1, "NIC of m2 -> target": 1}).disordered
    assert not measured(reordered=2, swaps={hop: 2}).disordered
    verdict = outcome.order_kept([measured(reordered=2, swaps={"NIC of m2 -> target": 2})])
    assert "2 reordered, 2 in NIC of m2 -> target" in verdict.evidence


def test_accounting():
    assert outcome.nothing_unaccounted([measured()]).ok
    assert "1 missing" in outcome.nothing_unaccounted([measured(delivered=89)]).evidence
    assert "1 too many" in outcome.nothing_unaccounted([measured(delivered=91)]).evidence
    assert not outcome.nothing_unaccounted([]).ok


def test_frames_that_a_switch_lost_without_a_trace_are_no_counted_drops():
    lost = outcome.nothing_unaccounted([measured(drops={"backlog": 9, "s1 unaccounted": 1})])
    assert not lost.ok
    assert "s1 unaccounted 1: 1 missing" in lost.evidence
    others = outcome.nothing_unaccounted([measured(drops={"backlog": 10, "s1 unaccounted": 1})])
    assert not others.ok
    assert "s1 unaccounted 1" in others.evidence


def test_bytes():
    good = Transfer(100, 100, True, 0.1)
    assert outcome.bytes_intact({"host": good}).ok
    assert not outcome.bytes_intact({"host": good, "falcon": replace(good, intact=False)}).ok
    assert not outcome.bytes_intact({}).ok


def test_speed():
    rates = {"host": 1_000_000.0, "overlay": 450_000.0, "falcon": 950_000.0}
    assert outcome.falcon_doubles_overlay(rates, ["falcon"]).ok
    assert not outcome.falcon_doubles_overlay(rates | {"overlay": 480_000.0}, ["falcon"]).ok
    assert outcome.falcon_near_host(rates, ["falcon"]).ok
    assert not outcome.falcon_near_host(rates | {"falcon": 1_000_001.0}, ["falcon"]).ok
    assert not outcome.falcon_near_host(rates | {"falcon": 590_000.0}, ["falcon"]).ok
    assert "no valid rate of falcon" in outcome.falcon_near_host({"host": 1.0}, ["falcon"]).evidence
    assert not outcome.falcon_doubles_overlay({"falcon": 1.0}, ["falcon"]).ok
    assert not outcome.falcon_near_host(rates, []).ok


def test_falcon_is_above_the_overlay_for_tcp():
    rates = {"overlay": 600_000.0, "falcon": 610_000.0}
    assert outcome.falcon_above_overlay(rates, ["falcon"]).ok
    assert not outcome.falcon_above_overlay(rates | {"falcon": 590_000.0}, ["falcon"]).ok
    assert not outcome.falcon_above_overlay({"overlay": 1.0}, ["falcon"]).ok


def steady(**medians):
    latencies = {name: np.full(9, us * 1000, np.int64) for name, us in medians.items()}
    return {name: measured(system=name, latencies=ns) for name, ns in latencies.items()}


def test_latency_is_between_the_hosts_and_the_overlays():
    found = outcome.latency_between(steady(host=9, falcon=50, overlay=90), ["falcon"])
    assert found.ok
    assert "host 9.0, falcon 50.0, overlay 90.0" in found.evidence
    for falcon, overlay in ((90, 50), (8, 50), (50, 50)):
        runs = steady(host=9, falcon=falcon, overlay=overlay)
        assert not outcome.latency_between(runs, ["falcon"]).ok
    assert not outcome.latency_between(steady(host=9, overlay=90), []).ok


def test_rate_is_from_the_first_to_the_last_delivery():
    assert rate([4000, 1000, 2000, 3000]) == pytest.approx(1_000_000.0)
    assert rate([1000, 1000, 2000, 2000]) == pytest.approx(2_000_000.0)  # two skbs
    assert rate([]) == rate([5]) == rate([5, 5]) == 0.0


# -- both clocks ---------------------------------------------------------------------------------


def test_both_clocks_have_the_same_events():
    runs = {"host udp steady": Replayed(100, 0), "falcon udp steady": Replayed(100, 0)}
    assert clocks.same_events(runs).ok
    runs["falcon udp steady"] = Replayed(100, 1)
    found = clocks.same_events(runs)
    assert not found.ok
    assert found.evidence.startswith("falcon udp steady: 1 of 100 frames end otherwise")
    assert not clocks.same_events({}).ok


def test_a_live_rate_is_as_the_model_predicts():
    close = measured(pps=109.0, predicted=100.0)
    assert clocks.rates_as_predicted([close]).ok
    assert "+9.0 %" in clocks.rates_as_predicted([close]).evidence
    for pps in (111.0, 89.0):
        far = measured(pps=pps, predicted=100.0)
        assert not clocks.rates_as_predicted([close, far]).ok
        assert clocks.rates_as_predicted([close, replace(far, late="sender: 1 s")]).ok
    assert not clocks.rates_as_predicted([measured(pps=1.0)]).ok  # nothing was predicted


# -- the other policies' formulas ----------------------------------------------------------------


def steered(policy, middle, **knobs):
    """Problems of a passage whose stages behind the NIC are `middle`: (kind, CPU, choice)."""
    whole = Frames().passage(1)
    first, last = whole.stages[0], whole.stages[-1]
    devices = {"rps": 2, "split": 2, "gro_cell": 5, "vxlan0": 5, "backlog": 7}
    kinds = {"vxlan0": "backlog"}
    stages = [
        first._replace(kind=kinds.get(k, k), ifindex=devices[k], cpu=c, choice=o)
        for k, c, o in middle
    ]
    passage = whole._replace(stages=(first, *stages, last))
    meta = {"knobs": KNOBS | {"policy": policy, "rps_cpus": [0, 2, 4, 6], "cpus": 40} | knobs}
    return steering.problems_of(passage, meta, {})


def test_rps_and_rfs_run_where_get_rps_cpu_puts_them():
    whole = Frames().passage(1)
    irq, app = whole.stages[0].cpu, whole.stages[-1].cpu
    rps = [0, 2, 4, 6][whole.rss_hash * 4 >> 32]
    other = 6 if rps != 6 else 4
    for policy, cpu in (("rps", rps), ("rfs", app)):
        right = [("rps", cpu, 1), ("gro_cell", cpu, 0), ("backlog", cpu, 1)]
        assert steered(policy, right) == []
        assert "formula gives" in steered(policy, [("rps", other, 1), *right[1:]])[0]
        assert "formula gives" in steered(policy, [*right[:1], ("gro_cell", irq, 0), right[2]])[0]
        assert "formula gives" in steered(policy, [*right[:2], ("backlog", other, 1)])[0]


def test_rps_looks_at_the_mask_of_each_device():
    masks = {"eth0": [9, 8], "vxlan0": [11, 10], "veth0": [13, 12]}
    at = Frames().passage(1).rss_hash >> 31
    right = [("rps", 8 + at, 1), ("gro_cell", 8 + at, 0), ("vxlan0", 10 + at, 1)]
    right.append(("backlog", 12 + at, 1))
    knobs = {"profile": "docker-rps", "rps_masks": masks}
    assert steered("rps", right, **knobs) == []
    for place, (kind, cpu, choice) in enumerate(right):
        wrong = [*right[:place], (kind, cpu ^ 1, choice), *right[place + 1 :]]
        assert "formula gives" in steered("rps", wrong, **knobs)[0]


def test_threads_poll_a_device_s_instances_where_they_are_bound():
    whole = Frames().passage(1)
    irq = whole.stages[0].cpu
    queue = KNOBS["irq_cpus"].index(irq)
    cpus = [30 + number for number in range(len(KNOBS["irq_cpus"]))]
    right = [("gro_cell", [10, 11, 12][irq % 3], 0)]
    right.append(("backlog", right[0][1], 0))
    tunnel = {"profile": "docker", "napi_threads": {"vxlan0": [10, 11, 12]}}
    assert steered("same_cpu", right, **tunnel) == []
    assert "formula gives" in steered("same_cpu", [("gro_cell", irq, 0), right[1]], **tunnel)[0]
    assert "formula gives" in steered("same_cpu", [right[0], ("backlog", irq, 0)], **tunnel)[0]
    nic = {"profile": "docker", "napi_threads": {"eth0": cpus}}
    stays = [("gro_cell", irq, 0), ("backlog", irq, 0)]
    assert f"formula gives [{cpus[queue]}]" in steered("same_cpu", stays, **nic)[0]
    assert steered("same_cpu", stays, profile="docker", napi_threads={"eth0": [irq]}) == []


def test_falcon_beside_rps_leaves_the_nic_and_what_is_switched_off_to_rps():
    whole = Frames().passage(1)
    rps = [0, 2, 4, 6][whole.rss_hash * 4 >> 32]
    other = 6 if rps != 6 else 4
    cpus = KNOBS["falcon"]["cpus"]
    first, veth = (hashes.falcon_cpus(whole.rss_hash, device, cpus)[0] for device in (5, 7))
    right = [("rps", rps, 1), ("gro_cell", first, 1), ("backlog", veth, 1)]
    assert steered("falcon+rps", right) == []
    assert "formula gives" in steered("falcon+rps", [("rps", other, 1), *right[1:]])[0]
    wrong = next(cpu for cpu in cpus if cpu != veth)
    assert "formula gives" in steered("falcon+rps", [*right[:2], ("backlog", wrong, 1)])[0]
    off = [("rps", rps, 1), ("gro_cell", rps, 3), ("backlog", rps, 3)]
    falcon = {"falcon": KNOBS["falcon"] | {"switch_off": True}}
    assert steered("falcon+rps", off, **falcon) == []
    assert "formula gives" in steered("falcon+rps", [*off[:2], ("backlog", other, 3)], **falcon)[0]


def test_mflow_splits_to_its_cpus_and_stays_there():
    right = [("split", 4, 1), ("gro_cell", 4, 0), ("backlog", 4, 0)]
    assert steered("mflow", right) == []
    assert "formula gives [0, 2, 4, 6]" in steered("mflow", [("split", 5, 1), *right[1:]])[0]
    assert "formula gives [4]" in steered("mflow", [*right[:2], ("backlog", 6, 0)])[0]


def test_rss_plus_plus_may_use_any_queue_and_nothing_else():
    whole = Frames().passage(1)
    irq = whole.stages[0].cpu
    stay = [("gro_cell", irq, 0), ("backlog", irq, 0)]
    assert steered("rss++", stay) == []
    assert "formula gives" in steered("rss++", stay, irq_cpus=[33])[0]
    moved = steered("same_cpu", stay, rss_indirection=[(whole.rss_hash + 1) % 8] * 128)
    assert "napi (ifindex 2): on CPU" in moved[0]
    assert steered("rss++", stay, rss_indirection=[(whole.rss_hash + 1) % 8] * 128) == []


def test_a_custom_policy_may_choose_any_cpu_but_unsteered_stages_stay():
    irq = Frames().passage(1).stages[0].cpu
    assert steered("/x/mine.py:mine", [("gro_cell", 33, 1), ("backlog", 34, 1)]) == []
    stayed = steered("/x/mine.py:mine", [("gro_cell", 33, 0), ("backlog", 33, 0)])
    assert f"formula gives [{irq}]" in stayed[0]
