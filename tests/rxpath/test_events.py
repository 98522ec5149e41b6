"""The list of events, ties, and an output array of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_hosts import model, run

from rxpath.compile.jit import jit
from rxpath.compile.tables import Rows
from rxpath.config import costs
from rxpath.drivers import virtual
from rxpath.drivers.virtual import make_trace
from rxpath.model import events, kernel
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.host import NEVER, allocate
from rxpath.model.state.packets import Event
from tests.examples import examples

RINGS = [
    (codes.RING_INTERRUPT, codes.INTERRUPT),
    (codes.RING_IPI, codes.IPI),
    (codes.RING_WAKE, codes.WAKE),
]


@jit
def schedule(state, ring, source, time):
    if state.sources[source].when != NEVER:
        events.cancel(state.sources, ring, source)
    if time >= 0:
        events.schedule(state.sources, ring, source, time)


@jit
def schedule_cpu(state, cpu, time, has_work):
    before = events.cancel_cpu(state, cpu) if has_work else NEVER
    if time >= 0:
        events.schedule_cpu(state, cpu, time)
    return before


@jit
def first_cpu(state):
    return (state.schedule.first, state.running[state.schedule.count].cpu)


@jit
def first_of(state, ring):
    return (state.sources[ring].first, state.sources[ring].next)


steps = st.lists(st.tuples(st.integers(0, 7), st.integers(-1, 5)), max_size=80)


def first(expected):
    """When and who of {who: (time, number of its scheduling)}."""
    who = min(expected, key=expected.get)
    return expected[who][0], who


@settings(max_examples=examples(200), deadline=None, database=None)
@given(steps, st.sampled_from(RINGS))
def test_a_ring_is_in_order_of_time_and_of_scheduling(steps, ring):
    state, expected = allocate(1, 1, 1, 8, records=False), {}
    for number, (source, time) in enumerate(steps):
        schedule(state, ring[0], ring[1] + source, time)
        expected.pop(ring[1] + source, None)
        if time >= 0:
            expected[ring[1] + source] = (time, number)
        empty = (NEVER, ring[0])
        assert first_of(state, ring[0]) == (first(expected) if expected else empty)
    while expected:
        when, source = first(expected)
        assert first_of(state, ring[0]) == (when, source)
        schedule(state, ring[0], source, -1)
        del expected[source]
    assert first_of(state, ring[0]) == (NEVER, ring[0])


@settings(max_examples=examples(200), deadline=None, database=None)
@given(steps)
def test_cpus_are_in_order_of_time_and_of_scheduling(steps):
    state, expected = allocate(1, 1, 1, 1, records=False), {}
    for number, (cpu, time) in enumerate(steps):
        before = schedule_cpu(state, cpu, time, cpu in expected)
        assert before == expected.pop(cpu, (NEVER, 0))[0]
        if time >= 0:
            expected[cpu] = (time, number)
        assert first_cpu(state)[0] == (first(expected)[0] if expected else NEVER)
        assert not expected or first_cpu(state) == first(expected)


def busy_trace(host, count=300):
    rng = np.random.default_rng(7)
    return make_trace(
        np.cumsum(rng.integers(0, 2, count) * 500),  # many arrive at the same time
        rss_hash=rng.integers(0, 2**32, 5)[rng.integers(0, 5, count)],
        chain=host.chain("tunnel"),
    )


def test_same_seed_same_bytes():
    results = []
    for _ in range(2):
        host = model(policy="falcon")
        results.append(run(host, busy_trace(host)).tobytes())
    assert results[0] == results[1]


def test_zero_costs_make_ties_everywhere_and_order_holds():
    names = costs.load("xeon-silver-4114")
    nothing = {f"{name}.{amount}": 0 for name in names for amount in ("ns", "ns_kib")}
    host = model(policy="falcon", rx_usecs=0, cost_overrides=nothing)
    events_ = run(host, busy_trace(host))
    assert len(events_) == 300
    assert not events_["latency"].any()
    assert host.stats()["reordered"] == 0


@pytest.mark.parametrize("chunk", [1, 7])
def test_out_of_any_size_gives_the_same_events(chunk):
    host = model(policy="falcon")
    whole = run(host, busy_trace(host))
    host = model(policy="falcon")
    parts = [part.copy() for part in virtual.run(host, busy_trace(host), chunk=chunk)]
    found, fields = np.concatenate(parts), [name for name in Event.FIELDS if name != "slot"]
    assert np.array_equal(found[fields], whole[fields])  # slots are used otherwise


def test_an_idle_host_has_only_the_tick_ahead():
    host = model(falcon={"load_interval_ns": 1234})
    assert host.next_deadline() == 1234
    out = Rows.new(Event, 4)
    assert host.advance(10_000, out) == 0
    assert host.next_deadline() == 1234 * 9


def test_time_never_runs_backwards():
    host = model(rx_usecs=0)
    out = Rows.new(Event, 4)
    host.advance(5000, out)
    host.receive(0, 100, Frame(0, 0, 0, 0, 17, 64))
    assert host.next_deadline() == 5000
    host.advance(1_000_000, out)
    assert out[0].time - out[0].latency == 5000


def test_never_is_after_all_times():
    assert kernel.NEVER == 2**63 - 1
