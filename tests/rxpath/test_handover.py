"""Hand-over: a flow that moves waits at its new CPU until the old one is done, and no longer."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_hosts import ACK, accounted, frame_of

from rxpath.compile.tables import Rows
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.hashes import hash_32
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.policies.policy import of_function
from rxpath.policies.registry import resolve
from tests.examples import examples

A, B, C = 2, 4, 6  # CPUs
VETH_NS = 100_000  # of a packet in the veth's softirq: much longer than what comes before it
LATE = 10**9


# -- any schedule ------------------------------------------------------------------------------


def restless(packet, host):
    """A CPU at random for each stage of a flow, and another one every few packets."""
    turn = packet.number // host.knobs.mflow_batch
    pick = hash_32(packet.hash + 31 * packet.ifindex + 7 * packet.stage + 977 * turn, 16)
    if pick % 4 == 0:
        return packet.here, codes.CHOICE_FALLBACK
    return host.falcon_cpus[pick // 4 % len(host.falcon_cpus)], codes.CHOICE_FIRST


def restless_host(at_nic=False, **knobs):
    policy = replace(of_function(restless), at_nic=at_nic)
    falcon = {"cpus": [0, 2, 4], "order": "handover", **knobs.pop("falcon", {})}
    knobs = {"queues": 2, "irq_cpus": [0, 1], "app_cpus": [5], **knobs}
    raw = {**knobs, "falcon": falcon}
    return Model(Knobs.parse(raw), slots=512, sockets=4, flows=4, records=True, policy=policy)


def traffic(seed, count, chain, hashes, parts=0):
    """Bursts of four flows, every second of them TCP's; UDP's datagrams come in ``parts``."""
    rng = np.random.default_rng(seed)
    flow = rng.integers(0, 4, count)
    tcp = flow % 2 == 1
    seq = np.zeros(count, np.int64)
    for one in range(4):
        numbers = np.arange(np.count_nonzero(flow == one))
        seq[flow == one] = numbers * 1400 if one % 2 else numbers // max(1, parts)
    return make_trace(
        np.cumsum(rng.integers(0, rng.choice([300, 1500, 6000]), count)),
        rss_hash=np.array(hashes)[flow],
        flow=flow,
        socket=flow,
        chain=chain,
        protocol=np.where(tcp, codes.TCP, codes.UDP),
        wire_len=np.where(tcp, 1500, 114),
        payload=np.where(tcp, 1400, 80 if parts else 0),
        seq=seq,
        tcp_flags=np.where(tcp, ACK, 0),
        fragments=np.where(tcp, 0, parts),
    )


def drive(host, trace, changes=()):
    """Run a trace, with knobs changed in front of some of its frames, until the host is empty."""
    out = Rows.new(Event, 512)
    for slot, frame in enumerate(trace):
        host.advance(int(frame["arrival"]), out)
        for at, change in changes:
            if at == slot:
                host.reconfigure(change)
        host.receive(slot, int(frame["arrival"]), frame_of(frame))
        assert accounted(host)
    host.advance(int(trace["arrival"][-1]) + LATE, out)
    stats = host.stats()
    assert accounted(host)
    assert stats["queued"] == stats["order"]["under_way"] == 0
    napis = host.state.napis.array
    assert not napis["aside"].any()
    assert not napis["awaited"].any()
    return stats


def overtakes(host, trace):
    """Pairs of a flow's frames of which the later one came to a stage earlier."""
    stages, hops = host.state.records.array["stages"], host.state.hops.array["count"]
    seen: dict = {}
    for slot, flow in enumerate(trace["flow"].tolist()):
        for stage in stages[slot, : hops[slot]]:
            came = seen.setdefault((flow, int(stage["kind"]), int(stage["ifindex"])), [])
            came.append(int(stage["enqueue"]))
    pairs = [pair for came in seen.values() for pair in pairwise(came)]
    assert len(pairs) > len(trace)
    return [(one, two) for one, two in pairs if two < one]


CHANGES = [
    {"falcon": {"order": "rfs"}},
    {"falcon": {"order": "handover"}},
    {"falcon": {"cpus": [1, 3]}},
    {"falcon": {"cpus": [0, 2, 4, 5]}},
    {"irq_cpus": [2, 3]},
    {"app_cpus": [1]},
    {"napi_weight": 2},
    {"mflow_batch": 1},
]
# Two flows that share an entry of the guard, or none that do.
HASHES = [(1, 1 + (1 << 15), 2, 77), (0xFFFFFFFF, 0x9E3779B1, 5, 0x12345678)]


@settings(max_examples=examples(25), deadline=None, database=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(HASHES),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "mflow_batch": st.sampled_from([1, 2, 7, 40]),
            "max_backlog": st.sampled_from([0, 2, 20, 1000]),
            "napi_weight": st.sampled_from([1, 5, 64]),
            "gro": st.booleans(),
            "queues": st.integers(1, 2),
        }
    ),
    st.lists(st.tuples(st.integers(0, 199), st.sampled_from(CHANGES)), max_size=4),
)
def test_nothing_overtakes_in_any_stage_and_nothing_is_held_for_ever(
    seed, hashes, at_nic, knobs, changes
):
    host = restless_host(at_nic, **knobs)
    trace = traffic(seed, 200, host.chain("docker"), hashes)
    stats = drive(host, trace, changes)
    assert stats["reordered"] == 0
    assert overtakes(host, trace) == []


@settings(max_examples=examples(25), deadline=None, database=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(HASHES),
    st.booleans(),
    st.sampled_from(["host", "docker"]),
    st.sampled_from([2, 3, 7]),
    st.fixed_dictionaries(
        {
            "mflow_batch": st.sampled_from([1, 2, 7, 40]),
            "max_backlog": st.sampled_from([2, 1000, 1000]),
            "napi_weight": st.sampled_from([1, 5, 64]),
            "cost_overrides": st.sampled_from([{}, {"l4_rcv.udp": 5000}]),
        }
    ),
)
def test_datagrams_in_fragments_keep_their_order_too(seed, hashes, at_nic, profile, parts, knobs):
    host = restless_host(at_nic, profile=profile, ipfrag_time_ns=10**8, **knobs)
    trace = traffic(seed, 200, host.chain(profile), hashes, parts)
    stats = drive(host, trace)
    assert stats["reordered"] == 0
    assert overtakes(host, trace) == []


@pytest.mark.parametrize("at_nic", [False, True])
def test_that_schedule_moves_flows_all_the_time_and_reorders_without_a_guard(at_nic):
    seen = {}
    for order in ("none", "handover"):
        host = restless_host(at_nic, mflow_batch=1, falcon={"order": order})
        trace = traffic(1, 200, host.chain("docker"), HASHES[1])
        stats = drive(host, trace)
        seen[order] = stats["reordered"], len(overtakes(host, trace)), stats["order"]["held"]
    assert min(seen["none"][:2]) > 10
    assert seen["handover"][:2] == (0, 0)
    assert seen["handover"][2] > 100


@settings(max_examples=examples(20), deadline=None, database=None)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.tuples(
            st.integers(0, 199),
            st.sampled_from(
                [
                    *({"falcon": {"order": order}} for order in codes.GUARD_NAMES * 2),
                    {"policy": "mflow"},
                    {"policy": "rfs"},
                    {"policy": "falcon"},
                    {"policy": "same_cpu"},
                    {"denied": [1]},
                    {"denied": []},
                    {"rss_indirection": [1] * 128},
                    {"max_backlog": 3},
                ]
            ),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_whatever_is_changed_meanwhile_nothing_is_lost_or_held_for_ever(seed, changes):
    host = restless_host(mflow_batch=2)
    drive(host, traffic(seed, 200, host.chain("docker"), HASHES[0]), changes)


# -- the same as without a guard ---------------------------------------------------------------


@settings(max_examples=examples(20), deadline=None, database=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["falcon", "rps", "rss++", "same_cpu"]),
    st.booleans(),
)
def test_until_a_flow_moves_hand_over_changes_nothing(seed, policy, balancing):
    """(mFlow and RFS have orders of their own.)"""
    falcon = {"balancing": balancing, "load_interval_ns": 7_000, "threshold": 30}
    hosts = [
        Model(
            Knobs.parse({"policy": policy, "falcon": {**falcon, "order": order}}),
            slots=512,
            sockets=4,
            flows=4,
            records=True,
        )
        for order in ("none", "handover")
    ]
    trace = traffic(seed, 200, hosts[0].chain("docker"), HASHES[1])
    outs = [Rows.new(Event, 512) for _ in hosts]
    for slot, frame in enumerate(trace):
        now = int(frame["arrival"])
        counts = [host.advance(now, out) for host, out in zip(hosts, outs, strict=True)]
        plain, guarded = (host.stats() for host in hosts)
        if guarded["order"]["handovers"]:
            return
        rows = [out.array[:count] for out, count in zip(outs, counts, strict=True)]
        assert np.array_equal(*rows)
        assert plain == guarded
        for host in hosts:
            host.receive(slot, now, frame_of(frame))


# -- one flow, step by step --------------------------------------------------------------------


def pinned(packet, host):
    """The veth's softirq runs on the first FALCON CPU, as the knob is now; the others here."""
    if packet.stage == codes.BACKLOG:
        return host.falcon_cpus[0], codes.CHOICE_FIRST
    return packet.here, codes.CHOICE_NONE


def cells_pinned(packet, host):
    """The tunnel device's softirq runs on the first FALCON CPU, the others here."""
    if packet.stage == codes.GRO_CELL:
        return host.falcon_cpus[0], codes.CHOICE_FIRST
    return packet.here, codes.CHOICE_NONE


class Bench:
    """A host whose flows' stage moves when the test says so."""

    def __init__(self, policy=pinned, **knobs):
        raw = {
            "irq_cpus": [1],
            "app_cpus": [20],
            "falcon": {"cpus": [A], "order": "handover"},
            "cost_overrides": {"process_backlog.ns": VETH_NS},
            **knobs,
        }
        self.host = Model(
            Knobs.parse(raw), slots=64, sockets=1, flows=2, records=True, policy=of_function(policy)
        )
        self.now, self.sent = 0, 0
        self.out = Rows.new(Event, 64)

    def send(self, count, flow=0):
        """Frames that have come to the veth's queue when this returns."""
        for _ in range(count):
            frame = Frame(7 + flow, flow, 0, self.host.chain("tunnel"), 17, 114)
            self.host.receive(self.sent, self.now, frame)
            self.sent += 1
        self.run(14_000)

    def run(self, time):
        self.now += time
        self.host.advance(self.now, self.out)
        assert accounted(self.host)

    def move(self, cpu):
        self.host.reconfigure({"falcon": {"cpus": [cpu]}})

    def aside(self, cpu):
        return self.host.state.napis[codes.BACKLOG_NAPI + cpu].aside

    def veth(self):
        """The veth stage's record of each frame that has left."""
        self.run(LATE)
        counts = self.host.state.hops.array["count"]
        stages = self.host.state.records.array["stages"]
        return [stages[slot, 2] for slot in range(self.sent) if counts[slot] > 2]


def test_a_flow_that_moves_waits_at_its_new_cpu_which_does_other_work_meanwhile():
    bench = Bench()
    bench.send(5)
    bench.move(B)
    bench.send(3)
    assert bench.aside(B) == 3
    bench.send(1, flow=1)
    veth = bench.veth()
    assert [int(stage["cpu"]) for stage in veth] == [A] * 5 + [B] * 4
    old, held, other = veth[4], veth[5:8], veth[8]
    assert other["end"] < old["end"]
    assert other["held"] == 0
    for stage in held:
        assert stage["enqueue"] + stage["held"] == old["end"]
        assert stage["start"] >= old["end"]
    assert bench.host.stats()["reordered"] == 0
    order = bench.host.stats()["order"]
    assert (order["handovers"], order["held"]) == (1, 3)
    assert order["held_ns"] == sum(int(stage["held"]) for stage in held)


def test_the_old_core_wakes_the_new_one_by_one_ipi():
    bench = Bench(cost_overrides={"process_backlog.ns": VETH_NS, "cache_penalty.ns": 0})
    bench.send(2)
    before = bench.host.stats()["softirq"]["ipis"]
    bench.move(B)
    bench.send(3)
    assert bench.host.stats()["softirq"]["ipis"] == before  # held packets wake nobody
    old, held = bench.veth()[1:3]
    assert bench.host.stats()["softirq"]["ipis"] == before + 1
    late = held["start"] - old["end"]
    costs = bench.host.state.costs
    assert late >= costs.ipi_send + costs.ipi_latency + costs.ipi_handle
    assert late < VETH_NS


def test_a_flow_that_moves_again_while_held_moves_when_it_is_released():
    bench = Bench()
    bench.send(5)
    bench.move(B)
    bench.send(2)
    bench.move(C)
    bench.send(2)
    assert (bench.aside(B), bench.aside(C)) == (4, 0)
    bench.run(6 * VETH_NS)  # A is done with its five packets, B is not
    bench.send(1)
    assert (bench.aside(B), bench.aside(C)) == (0, 1)
    assert [int(stage["cpu"]) for stage in bench.veth()] == [A] * 5 + [B] * 4 + [C]
    assert bench.host.stats()["reordered"] == 0


def test_a_flow_that_returns_while_held_returns_when_it_is_released():
    bench = Bench()
    bench.send(5)
    bench.move(B)
    bench.send(2)
    bench.move(A)
    bench.send(2)
    bench.run(6 * VETH_NS)
    bench.send(1)
    assert (bench.aside(B), bench.aside(A)) == (0, 1)
    assert [int(stage["cpu"]) for stage in bench.veth()] == [A] * 5 + [B] * 4 + [A]
    assert bench.host.stats()["reordered"] == 0


def test_as_much_is_held_as_may_be_queued():
    bench = Bench(max_backlog=3)
    bench.send(3)
    bench.move(B)
    for _ in range(6):
        bench.send(1)
    assert bench.aside(B) == 4  # the limit is passed by one, as the kernel's
    bench.send(1, flow=1)
    assert bench.host.stats()["drops"]["cpu_backlog"] == 2
    veth = bench.veth()
    assert [int(stage["cpu"]) for stage in veth] == [A] * 3 + [B] * 5
    assert bench.host.stats()["reordered"] == 0


def test_a_packet_that_finds_no_room_begins_no_hand_over():
    bench = Bench(max_backlog=0)
    bench.send(1)
    bench.send(1, flow=1)
    bench.move(B)
    bench.send(1, flow=1)
    bench.send(1)
    stats = bench.host.stats()
    assert stats["drops"]["cpu_backlog"] == 1
    assert stats["order"]["handovers"] == 1
    assert len(bench.veth()) == 3


def test_a_filtered_packet_at_the_tail_lets_the_flow_go():
    bench = Bench(policy=cells_pinned, cost_overrides={"gro_cell_poll.ns": VETH_NS})
    bench.send(2)
    bench.host.reconfigure({"denied": [0]})
    bench.send(1)
    bench.host.reconfigure({"denied": [], "falcon": {"cpus": [B]}})
    bench.send(2)
    bench.run(2 * VETH_NS)  # A works on the third packet, which is to be dropped
    assert bench.aside(B) == 2
    bench.run(LATE)
    stats = bench.host.stats()
    assert stats["drops"]["netfilter_drop"] == 1
    assert stats["delivered"] == 4
    assert stats["reordered"] == stats["order"]["under_way"] == 0


@pytest.mark.parametrize("order", ["none", "rfs"])
def test_what_is_held_stays_in_order_when_the_knob_is_changed(order):
    bench = Bench()
    bench.send(5)
    bench.move(B)
    bench.send(2)
    bench.host.reconfigure({"falcon": {"order": order, "cpus": [C]}})
    bench.send(2)
    bench.send(1, flow=1)
    assert bench.aside(B) == 4
    bench.run(6 * VETH_NS)
    bench.send(1)
    cpus = [int(stage["cpu"]) for stage in bench.veth()]
    assert cpus == [A] * 5 + [B] * 4 + [C] + [C if order == "none" else B]
    assert bench.host.stats()["order"]["handovers"] == 1
    early = bench.veth()[9]
    assert early["cpu"] == C
    assert early["held"] == 0


def test_a_hand_over_waits_for_what_the_old_queue_had_at_the_move():
    bench = Bench()
    for flow in (0, 1, 0):
        bench.send(1, flow)
    bench.move(B)
    bench.send(1, flow=1)
    bench.send(1, flow=0)
    bench.move(A)
    bench.host.reconfigure({"falcon": {"order": "none"}})
    veth = bench.veth()
    for stage in veth[3:5]:
        assert stage["enqueue"] + stage["held"] == veth[2]["end"]
    assert veth[3]["start"] < veth[4]["start"]


def test_a_stage_that_passes_packets_on_works_ahead_and_holds_them_behind_the_work():
    bench = Bench(policy=cells_pinned, cost_overrides={"gro_cell_poll.ns": VETH_NS})
    bench.send(5)
    bench.move(B)
    bench.send(2)
    bench.run(3 * VETH_NS)
    assert bench.aside(B) == 2
    veth = bench.veth()
    cells = bench.host.state.records.array["stages"][:7, 1]
    assert cells["cpu"].tolist() == [A] * 5 + [B] * 2
    old, ahead = cells[4], cells[5:]
    assert (ahead["end"] < old["end"]).all()
    assert (ahead["end"] + ahead["held"] == old["end"]).all()
    assert [int(stage["enqueue"]) for stage in veth[5:]] == [int(old["end"])] * 2
    assert bench.host.stats()["reordered"] == 0


def test_falcon_switches_off_at_once_where_rfs_keeps_a_busy_core():
    """A TCP flow's GRO goes back from a core that never empties to the NIC's own."""
    moved = {}
    for order in ("rfs", "handover"):
        knobs = {
            "policy": "falcon",
            "irq_cpus": [1],
            "falcon": {"grosplit_cpus": [A], "pipelining": False, "order": order},
            "cost_overrides": {"gro_receive.ns": 4000},
        }
        host = Model(Knobs.parse(knobs), slots=1024, sockets=1, flows=1, records=True)
        out = Rows.new(Event, 1024)
        for slot in range(400):
            host.advance(slot * 1500, out)
            if slot == 200:
                host.reconfigure({"falcon": {"splitting": False}})
            frame = Frame(7, 0, 0, host.chain("tunnel"), 6, 1500, 1400, slot * 1400, ACK)
            host.receive(slot, slot * 1500, frame)
        host.advance(LATE, out)
        gro = host.state.records.array["stages"][:400, 1]
        moved[order] = int(np.count_nonzero((gro["kind"] != codes.SPLIT) | (gro["cpu"] == 1)))
        assert host.stats()["reordered"] == 0
    assert moved["rfs"] == 0
    assert moved["handover"] > 150


def test_rfs_and_mflow_have_orders_of_their_own():
    for policy, order in (("rfs", "rfs"), ("mflow", "none"), ("rps", "handover")):
        host = Model(Knobs.parse({"policy": policy}), slots=1, sockets=1, flows=1)
        assert codes.GUARD_NAMES[host.state.knobs.order] == order
        assert resolve(policy).guarded == (policy == "rfs")
