"""What must not change, or must change by a known amount, when the input does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import accounted, frame_of, model, run

from rxpath.compile.tables import Rows
from rxpath.config import costs
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.model.hashes import hash_32
from rxpath.model.state import codes
from rxpath.model.state.packets import Event
from rxpath.policies.registry import BUILT_IN
from tests.examples import examples

pytestmark = pytest.mark.slow

FLOWS, SLOTS = 4, 1024
LOAD_NS = 20_000  # short, so that policies react within a few hundred frames
ALL = [name for name in Event.FIELDS if name != "slot"]
APP_CPUS = [20, 22, 24, 26]  # one for each flow's application: threads on one CPU tie by number

seeds = st.integers(0, 2**32)
any_policy = st.sampled_from(sorted(BUILT_IN))
varied = settings(
    max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def host_with(policy, **knobs):
    falcon = {"load_interval_ns": LOAD_NS, "threshold": 30, **knobs.pop("falcon", {})}
    usual = {"queues": 2, "max_backlog": 60, "app_cpus": APP_CPUS, "mflow_batch": 5}
    more = {"rebalance_interval_ns": 2 * LOAD_NS, **usual, **knobs}
    return model(sockets=FLOWS, flows=FLOWS, slots=SLOTS, policy=policy, falcon=falcon, **more)


def traffic(host, seed, count=400):
    """Bursts of flows, UDP and TCP; a KiB's costs of their lengths are whole ns."""
    rng = np.random.default_rng(seed)
    flow = rng.integers(0, FLOWS, count)
    tcp = flow % 2 == 1
    return make_trace(
        np.cumsum(rng.integers(0, 2 * rng.integers(100, 1500), count)),
        rss_hash=rng.integers(0, 2**32, FLOWS)[flow],
        flow=flow,
        socket=flow,
        chain=host.chain(str(rng.choice(["docker", "weave", "host"]))),
        protocol=np.where(tcp, codes.TCP, codes.UDP),
        wire_len=128 * rng.integers(1, 12, count),
        payload=np.where(tcp, 1280, 0),
        seq=np.where(tcp, np.cumsum(tcp) * 1280, 0),
        tcp_flags=np.where(tcp, 0x10, 0),
    )


def changed(trace, **columns):
    trace = trace.copy()
    for name, values in columns.items():
        trace[name] = values
    return trace


def events_of(host, trace):
    found = run(host, trace)[ALL].copy()
    assert accounted(host)
    assert len(found) + host.stats()["drops"]["rx_missed"] == len(trace)
    return found


WHOLE = {"copy_to_user.ns_kib": 1024}


def scaled_knobs(k):
    """All times k times as long; what is limited otherwise (bytes, a count) stays."""
    names = costs.load("xeon-silver-4114", WHOLE)
    longer = {}
    for name in set(names) - {"skb_overhead", "softirq_restarts"}:
        for amount in ("udp", "ns_kib") if names[name].per == "host" else ("udp", "tcp", "ns_kib"):
            longer[f"{name}.{amount}"] = k * getattr(names[name], amount)
    usual = Knobs()
    return {
        "cost_overrides": longer,
        "rx_usecs": k * usual.rx_usecs,
        "budget_usecs": k * usual.budget_usecs,
        "rebalance_interval_ns": 2 * k * LOAD_NS,
        "falcon": {"load_interval_ns": k * LOAD_NS},
    }


@varied
@given(seeds, any_policy, st.sampled_from([2, 3, 8]))
def test_all_times_k_times_as_long_make_every_event_k_times_as_late(seed, policy, k):
    """In whole ns, where a byte's cost has no fraction: that is all that limits it."""
    fast = host_with(policy, cost_overrides=WHOLE)
    slow = host_with(policy, **scaled_knobs(k))
    trace = traffic(fast, seed)
    expected = events_of(fast, trace)
    expected["time"] *= k
    expected["latency"] *= k
    found = events_of(slow, changed(trace, arrival=k * trace["arrival"]))
    assert np.array_equal(found, expected)
    assert fast.stats()["load"] == slow.stats()["load"]


@varied
@given(seeds, any_policy, st.integers(1, 1000))
def test_a_later_start_shifts_all_events(seed, policy, intervals):
    """By whole intervals, for load is measured at multiples of them."""
    shift = intervals * 2 * LOAD_NS
    first, later = host_with(policy), host_with(policy)
    trace = traffic(first, seed)
    expected = events_of(first, trace)
    expected["time"] += shift
    found = events_of(later, changed(trace, arrival=shift + trace["arrival"]))
    assert np.array_equal(found, expected)


@varied
@given(seeds, any_policy, st.permutations(range(FLOWS)))
def test_numbers_of_flows_and_sockets_are_only_names(seed, policy, order):
    order = np.array(order)  # the new number of each
    cpus = [APP_CPUS[old] for old in np.argsort(order)]
    one, other = host_with(policy), host_with(policy, app_cpus=cpus)
    trace = traffic(one, seed)
    expected = events_of(one, trace)
    for name in ("flow", "socket"):
        expected[name] = order[expected[name]]
    renamed = changed(trace, flow=order[trace["flow"]], socket=order[trace["socket"]])
    assert np.array_equal(events_of(other, renamed), expected)


@varied
@given(seeds, any_policy, st.lists(st.integers(0, 400_000), max_size=40))
def test_a_run_may_be_cut_anywhere(seed, policy, cuts):
    whole, parts = host_with(policy), host_with(policy)
    trace = traffic(whole, seed)
    out = Rows.new(Event, SLOTS)
    end = 50_000_000
    steps = [(int(frame["arrival"]), 0, slot, frame) for slot, frame in enumerate(trace)]
    steps = sorted([*steps, *((time, -1, 0, None) for time in cuts)], key=lambda step: step[:3])
    found = []
    for time, _, slot, frame in [*steps, (end, -1, 0, None)]:
        count = parts.advance(time, out)
        found += out.array[ALL][:count].tolist()
        if frame is not None:
            parts.receive(slot, time, frame_of(frame))
    assert found == events_of(whole, trace).tolist()
    assert accounted(parts)


CPUS, SPLIT = [0, 2, 4, 6, 8, 10], [12, 14, 16, 18]


def cores(skb_hash, number):
    """All that the flow may use: interrupt, split, both choices for two devices, application."""
    firsts = [hash_32(skb_hash + ifindex, 16) for ifindex in (5, 7)]
    values = firsts + [hash_32(first, 16) for first in firsts]
    split = SPLIT[hash_32(skb_hash, 16) % len(SPLIT)]
    irq = [1, 3][skb_hash % 128 % 2]
    return {irq, split, APP_CPUS[number], *(CPUS[value % len(CPUS)] for value in values)}


def test_flows_on_cores_of_their_own_do_not_influence_each_other():
    rng, pairs = np.random.default_rng(2), 0
    while pairs < 20:
        hashes = [int(value) for value in rng.integers(0, 2**32, 2)]
        if cores(hashes[0], 0) & cores(hashes[1], 1):
            continue
        pairs += 1
        sets = {"switch_off": False, "cpus": CPUS, "grosplit_cpus": SPLIT}  # off is for all cores
        alone, both = (host_with("falcon", irq_cpus=[1, 3], falcon=sets) for _ in range(2))
        trace = traffic(alone, int(rng.integers(2**32)))
        trace = changed(trace, chain=alone.chain("docker"))
        trace = trace[trace["flow"] < 2]
        trace = changed(trace, rss_hash=np.array(hashes)[trace["flow"]])
        mine = trace["flow"] == 0
        together = run(both, trace)[ALL]
        found = together[together["flow"] == 0]
        assert np.array_equal(events_of(alone, trace[mine]), found)


def throughput(seed, cpus):
    """UDP packets that six flows at random places get through, with two choices for each stage."""
    rng = np.random.default_rng(seed)
    falcon = {"cpus": list(range(0, 2 * cpus, 2)), "load_interval_ns": 100_000}
    host = model(6, 6, 16_384, policy="falcon", queues=6, falcon={**falcon, "switch_off": False})
    count = 10_000
    flow = rng.integers(0, 6, count)
    trace = make_trace(
        np.cumsum(rng.exponential(350, count)).astype(np.int64),
        rss_hash=rng.integers(0, 2**32, 6)[flow],
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    events = run(host, trace)
    assert accounted(host)
    in_time = events["time"] <= trace["arrival"][-1]
    return np.count_nonzero(in_time & (events["kind"] == codes.DELIVER))


@pytest.mark.parametrize("cpus", [3, 5, 7])
def test_one_more_core_for_falcon_does_not_hurt_on_the_average(cpus):
    """Another core places all flows anew: for one placement it may hurt, for the mean it may not.

    The margin is three standard errors of the mean difference, which must be small themselves.
    """
    fewer, more = ([throughput(seed, n) for seed in range(150)] for n in (cpus, cpus + 1))
    gain = np.array(more) - np.array(fewer)
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    assert 3 * error < 0.08 * np.mean(fewer)
    assert gain.mean() > -3 * error
