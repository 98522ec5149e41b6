"""Interrupt moderation: the NIC's timer and counter, and what net_dim decides."""

from __future__ import annotations

import numpy as np
import pytest
from host_twin import Twin
from host_twin_moderation import Dim
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import frame_of, model, run
from numba.core import config

from rxpath.compile.jit import entry
from rxpath.compile.tables import Rows
from rxpath.config import costs
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model import moderation
from rxpath.model.state import codes
from rxpath.model.state.machine import Moderation
from rxpath.model.state.packets import Event
from rxpath.results import counters
from tests.examples import examples

FREE = {f"{name}.ns": 0 for name, cost in costs.load("xeon-silver-4114").items()} | {
    f"{name}.ns_kib": 0 for name, cost in costs.load("xeon-silver-4114").items() if cost.ns_kib
}
FREE |= {"skb_overhead.ns": 576, "softirq_restarts.ns": 10, "softirq_time_limit.ns": 2_000_000}
varied = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@entry
def decide(row, size, packets, events):
    return moderation.decide(row, size, packets, events)


# -- the NIC's timer and counter


def delivered(arrivals, **knobs):
    """When frames (µs) are delivered by a host in which nothing costs time, µs."""
    host = model(profile="host", queues=1, cost_overrides=FREE, slots=512, **knobs)
    arrival = np.array(arrivals) * 1000
    events = run(host, make_trace(arrival, chain=host.chain("plain")))
    found = np.empty(len(arrival), np.int64)
    found[np.searchsorted(arrival, events["time"] - events["latency"])] = events["time"]
    return (found // 1000).tolist()


@pytest.mark.parametrize(
    ("mode", "frames", "arrivals", "expected"),
    [
        ("cqe", 128, [10], [18]),
        ("cqe", 128, [10, 15, 20], [28, 28, 28]),  # each restarts the timer
        ("cqe", 128, [10, 15, 30], [23, 23, 38]),
        ("cqe", 2, [10, 15, 20], [15, 15, 28]),  # the counter
        ("eqe", 128, [10], [10]),  # the timer has run out long ago
        ("eqe", 128, [10, 15, 17, 20], [10, 18, 18, 26]),  # restarted by the interrupts
        ("eqe", 128, [10, 15, 30], [10, 18, 30]),
        ("eqe", 2, [10, 13, 15], [10, 15, 15]),
    ],
)
def test_the_timer_restarts_at_completions_or_at_interrupts(mode, frames, arrivals, expected):
    found = delivered(arrivals, period_mode=mode, rx_usecs=8, rx_frames=frames)
    assert found == expected


def interrupts(arrivals, mode, period, frames):
    """When each frame's interrupt comes, by the rules, where polls take no time."""
    found, waiting, last = [], 0, -(10**9)
    for number, now in enumerate(arrivals):
        after = arrivals[number + 1] if number + 1 < len(arrivals) else 10**9
        waiting += 1
        due = now + period if mode == "cqe" else max(now, last + period)
        if waiting >= frames:
            due = now
        if due <= after:
            found += [due] * waiting
            waiting, last = 0, due
    return found


@varied
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=60),
    st.sampled_from(["cqe", "eqe"]),
    st.integers(0, 9),
    st.integers(1, 5),
)
def test_no_frame_waits_longer_or_shorter_than_the_rules_say(gaps, mode, period, frames):
    arrivals = np.cumsum(gaps).tolist()
    found = delivered(arrivals, period_mode=mode, rx_usecs=period, rx_frames=frames)
    assert found == interrupts(arrivals, mode, period, frames)


def test_what_came_during_the_poll_waits_for_the_timer_that_ran_on():
    """The poll's flush of GRO takes 5 µs from 8 on; the second frame restarted the timer at 10."""
    amounts = FREE | {"ip_rcv.ns": 5000}
    host = model(
        profile="host", queues=1, cost_overrides=amounts, flows=2, rx_usecs=8, rx_frames=128
    )
    trace = make_trace(
        [0, 10_000],
        chain=host.chain("plain"),
        protocol=codes.TCP,
        wire_len=164,
        payload=100,
        tcp_flags=0x10,
        seq=[0, 100],
    )
    assert run(host, trace)["time"].tolist() == [13_000, 23_000]


# -- net_dim: its decisions, worked out by hand from the rules of lib/dim

TOP, TIRED, RIGHT, LEFT = range(4)


def follow(row, rates):
    found = []
    for rate in rates:
        decide(row, *rate)
        found.append((row.profile, row.tune))
    return found


def test_a_queue_whose_interrupts_no_longer_fall_goes_to_and_fro_until_it_is_tired():
    """Bytes and packets stay; interrupts a ms are 200, 16, 6, 6, 6 with the five profiles."""
    row = Moderation.new()
    many, some, few = (1000, 10, 200), (1000, 10, 16), (1000, 10, 6)
    rates = [some, some, many, some, few, few, few, few, few, few, few] + [few] * 10
    assert follow(row, rates) == [
        (1, RIGHT),  # anything is better than nothing: it leaves its place
        (0, LEFT),  # the same (profile 1 was in use before): turns
        (1, RIGHT),  # more interrupts: turns
        (2, RIGHT),
        (3, RIGHT),
        (2, LEFT),  # no better: turns
        (3, RIGHT),
        (2, LEFT),
        (3, RIGHT),
        (2, LEFT),  # the tenth step
        (2, TIRED),
        *[(2, TIRED)] * 9,
        (1, LEFT),  # rested for ten decisions
    ]
    assert row.decisions == 21
    assert row.changes == 11


def test_a_top_is_one_step_back_and_left_only_for_a_significant_difference():
    row = Moderation.new()
    row.profile, row.tune, row.right, row.tired = 1, RIGHT, 1, 1
    row.before_bytes, row.before_packets, row.before_events = 1000, 10, 100
    rates = [
        (1000, 10, 80),
        (1000, 10, 60),
        (1000, 10, 50),
        (800, 8, 50),  # fewer bytes: turns
        (1000, 10, 50),  # better, one step back
        (1000, 10, 50),
        (1100, 11, 45),  # 10 %: not significant
        (1111, 11, 45),  # 11 % of 1000, the rate when it was parked
    ]
    expected = [(2, RIGHT), (3, RIGHT), (4, RIGHT), (3, LEFT), (3, TOP), (3, TOP), (3, TOP)]
    assert follow(row, rates) == [*expected, (2, LEFT)]


@pytest.mark.parametrize(("tune", "back", "beyond"), [(RIGHT, LEFT, 0), (LEFT, RIGHT, 4)])
def test_one_step_there_and_back_is_no_top(tune, back, beyond):
    row = Moderation.new()
    row.profile, row.tune, row.right, row.left, row.tired = 2, tune, tune == RIGHT, tune == LEFT, 1
    row.before_bytes = 1000
    between = (2 + beyond) // 2
    assert follow(row, [(800, 8, 9), (1000, 10, 9)]) == [(between, back), (beyond, back)]


@pytest.mark.parametrize(("profile", "tune"), [(4, RIGHT), (0, LEFT)])
def test_it_parks_at_an_edge(profile, tune):
    row = Moderation.new()
    row.profile, row.tune, row.before_bytes = profile, tune, 1000
    assert follow(row, [(2000, 10, 10)]) == [(profile, TOP)]


def test_nothing_received_is_no_reason_to_move():
    assert follow(Moderation.new(), [(0, 0, 5)] * 3) == [(0, TOP)] * 3


rates = st.tuples(*[st.one_of(st.integers(0, 3), st.integers(80, 130)) for _ in range(3)])


@varied
@given(st.lists(rates, max_size=80))
def test_it_decides_as_the_plain_twin_does(sequence):
    row, twin = Moderation.new(), Dim()
    names = ("top", "tired", "right", "left")
    for rate in sequence:
        before = row.profile
        changed = decide(row, *rate)
        assert changed == twin.decide(rate)
        assert (row.profile, names[row.tune], row.tired) == (
            twin.profile,
            twin.heading,
            twin.tired,
        )
        assert 0 <= row.profile < moderation.PROFILES
        assert abs(row.profile - before) == changed
        assert row.tired <= moderation.MOST_STEPS
    assert (row.decisions, row.changes) == (twin.decisions, twin.changes)


# -- net_dim in a host


def steady(host, rate, ms, seed=1):
    """Small datagrams of one flow, Poisson, for some ms."""
    count = int(rate * ms / 1000)
    times = np.sort(np.random.default_rng(seed).integers(0, ms * 1_000_000, count))
    return make_trace(times, chain=host.chain("plain"), wire_len=64)


@pytest.mark.skipif(config.DISABLE_JIT, reason="too many frames")
def test_a_steady_flow_of_400_kpps_comes_to_an_interrupt_for_64_frames():
    host = model(profile="host", policy="rps", slots=16_384, moderation="adaptive", queues=1)
    trace = steady(host, 400e3, 120)
    run(host, trace[trace["arrival"] < 80_000_000])
    before = counters(host)
    run(host, trace[trace["arrival"] >= 80_000_000])
    after = counters(host)
    found = after.coalescing[0]
    assert found.profile in (2, 3, 4)
    assert found.rx_frames == 64
    frames = after.received - before.received
    assert 60 < frames / (after.interrupts - before.interrupts) < 85
    assert found.decisions >= 5


def test_fixed_moderation_stays_and_a_reset_zeroes_the_counts():
    host = model(profile="host", rx_usecs=5, rx_frames=7)
    run(host, steady(host, 100e3, 2))
    assert counters(host).coalescing[0] == (False, 5, 7, None, 0, 0)
    host.reconfigure({"moderation": "adaptive"})
    assert counters(host).coalescing[0] == (True, 8, 128, 1, 0, 0)
    host.reconfigure({"period_mode": "eqe"})
    assert counters(host).coalescing[0] == (True, 8, 256, 1, 0, 0)
    host.state.moderation[0].decisions = 3
    host.state.moderation[0].period = 1_000_000
    host.reconfigure({"ring": 512})  # another knob: net_dim goes on
    assert counters(host).coalescing[0].decisions == 3
    assert counters(host).coalescing[0].rx_usecs == 1000
    host.reset()
    assert counters(host).coalescing[0].decisions == 0
    host.reconfigure({"moderation": "fixed"})
    assert counters(host).coalescing[0][:3] == (False, 5, 7)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"moderation": "on"}, "moderation: got 'on', expected one of fixed, adaptive"),
        ({"period_mode": "CQE"}, "period_mode: got 'CQE', expected one of cqe, eqe"),
    ],
)
def test_a_wrong_word_is_named(knobs, message):
    with pytest.raises(ConfigError, match=message):
        model(**knobs)


def phases(seed, count):
    """Arrival times of a load whose rate and burstiness change several times."""
    rng = np.random.default_rng(seed)
    gaps = [
        np.where(rng.random(count // 4) < rng.random(), rng.integers(0, 400), rng.integers(20_000))
        for _ in range(4)
    ]
    return np.cumsum(np.concatenate(gaps))


@settings(
    max_examples=examples(5), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["cqe", "eqe"]),
    st.sampled_from([0, 3_000, 100_000]),
    st.sampled_from(["same_cpu", "falcon+rps"]),
)
def test_a_host_decides_as_the_plain_twin_does(seed, mode, delay, policy):
    amounts = FREE | {"modify_cq.ns": delay, "driver_poll.ns": 100, "hardirq.ns": 200}
    host = model(
        profile="host",
        policy=policy,
        queues=2,
        moderation="adaptive",
        period_mode=mode,
        cost_overrides=amounts,
        flows=2,
    )
    twin = Twin(host.knobs, 1, 2)
    arrival = phases(seed, 1200)
    flow = np.random.default_rng(seed).integers(0, 2, len(arrival))
    trace = make_trace(arrival, rss_hash=flow, flow=flow, chain=host.chain("plain"))
    out = Rows.new(Event, 4096)
    for slot, one in enumerate(trace):
        now, frame = int(one["arrival"]), frame_of(one)
        assert both(host, twin, now, out)
        assert host.receive(slot, now, frame) == twin.receive(slot, now, **frame._asdict())
        assert host.next_deadline() == twin.next_deadline()
    assert both(host, twin, int(arrival[-1]) + 50_000_000, out)
    stats = host.stats()
    assert stats["moderation"] == twin.coalescing()
    assert stats["softirq"] == twin.softirqs
    assert stats["net_rx"] == [cpu.runs for cpu in twin.cpus[: host.knobs.cpus]]


def both(host: Model, twin, until, out):
    count = host.advance(until, out)
    return [tuple(row) for row in out.array[:count].tolist()] == [
        row for row, _ in twin.advance(until)
    ]


# -- runs of net_rx_action


@pytest.mark.parametrize(
    ("profile", "policy", "expected"),
    [
        ("host", "same_cpu", 1),
        ("docker", "same_cpu", 3),  # one for each softirq of the chain
        ("host", "rps", 3),  # the driver's, one that its IPI raised, the stack's
        ("docker", "rps", 5),  # and of gro_cell and veth
        ("docker", "falcon", 5),  # two IPIs
        ("docker", "falcon+rps", 7),  # three
    ],
)
def test_a_frame_s_runs_of_net_rx_action(profile, policy, expected):
    host = model(profile=profile, policy=policy, falcon={"cpus": [0, 2, 4, 6, 8, 10]})
    chain = host.chain("plain" if profile == "host" else "tunnel")
    run(host, make_trace([1000], rss_hash=0x5A17C0DE, chain=chain))
    found = counters(host)
    assert found.net_rx == expected
    assert found.net_rx_by_cpu[host.knobs.irq_cpus[(0x5A17C0DE & 127) % 8]] == (
        3 if policy == "same_cpu" and profile == "docker" else 1 if policy == "same_cpu" else 2
    )
