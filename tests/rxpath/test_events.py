"""The list of events, ties, and an output array of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_hosts import model, run

from rxpath import costs, events, kernel
from rxpath import layout as lay
from rxpath.drivers import virtual
from rxpath.drivers.virtual import make_trace
from rxpath.jit import jit
from rxpath.state import allocate


@jit
def schedule(due, source, time, priority):
    events.schedule(due, source, time, priority)


@jit
def cancel(due, source):
    events.cancel(due, source)


@jit
def first(due):
    return events.first(due)


PRIORITY = [lay.P_TICK, lay.P_INTERRUPT, lay.P_IPI, lay.P_WAKE, lay.P_CPU]
operations = st.lists(
    st.tuples(st.integers(0, 12), st.integers(-1, 5), st.integers(0, 4)), max_size=80
)


@settings(max_examples=200, deadline=None, database=None)
@given(operations)
def test_events_are_ordered_by_time_priority_and_sequence(steps):
    due = allocate(1, 1, 1, 1, records=False).due
    expected = {}
    for number, (source, time, priority) in enumerate(steps):
        if time < 0:
            cancel(due, source)
            expected.pop(source, None)
        else:
            schedule(due, source, time, PRIORITY[priority])
            expected[source] = (time, priority, number)
        best = min(expected, key=expected.get, default=-1)
        assert first(due) == best
    while expected:
        best = min(expected, key=expected.get)
        assert first(due) == best
        cancel(due, best)
        del expected[best]
    assert first(due) == -1


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
    names = costs.load("xeon-2.2ghz")
    nothing = {f"{name}.{amount}": 0 for name in names for amount in ("ns", "ns_kib")}
    host = model(policy="falcon", rx_usecs=0, cost_overrides=nothing)
    events_ = run(host, busy_trace(host))
    assert len(events_) == 300
    assert not events_[:, lay.EV_LATENCY].any()
    assert host.stats()["reordered"] == 0


@pytest.mark.parametrize("chunk", [1, 7])
def test_out_of_any_size_gives_the_same_events(chunk):
    host = model(policy="falcon")
    whole = run(host, busy_trace(host))
    host = model(policy="falcon")
    parts = [part.copy() for part in virtual.run(host, busy_trace(host), chunk=chunk)]
    assert np.array_equal(np.concatenate(parts)[:, 2:], whole[:, 2:])  # slots are used otherwise


def test_an_idle_host_has_only_the_tick_ahead():
    host = model(falcon={"load_interval_ns": 1234})
    assert host.next_deadline() == 1234
    out = np.zeros((4, lay.EVENT_COLUMNS), np.int64)
    assert host.advance(10_000, out) == 0
    assert host.next_deadline() == 1234 * 9


def test_time_never_runs_backwards():
    host = model(rx_usecs=0)
    out = np.zeros((4, lay.EVENT_COLUMNS), np.int64)
    host.advance(5000, out)
    host.receive(0, 100, rss_hash=0, flow=0, socket=0, chain=0, protocol=17, wire_len=64)
    assert host.next_deadline() == 5000
    host.advance(1_000_000, out)
    assert out[0, lay.EV_TIME] - out[0, lay.EV_LATENCY] == 5000


def test_never_is_after_all_times():
    assert kernel.NEVER == 2**63 - 1
