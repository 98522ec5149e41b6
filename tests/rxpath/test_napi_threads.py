"""Threaded NAPI: threads poll RX queues and gro_cells, and the scheduler says when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import accounted, model, run
from test_twin import arrivals, compare, cpu_sets, hosts, mostly, traffics

from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.model.state import codes
from rxpath.model.state.codes import BACKLOG, GRO_CELL, NAPI
from tests.examples import examples

BOTH = {"eth0": [3, 4], "vxlan0": [0, 5]}
ONE_QUEUE = {"queues": 1, "irq_cpus": [1], "rx_usecs": 0, "app_cpus": [20]}


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    hosts,
    traffics(),
    st.fixed_dictionaries({"eth0": cpu_sets, "vxlan0": cpu_sets}),
    st.sampled_from([["eth0"], ["vxlan0"], ["eth0", "vxlan0"]]),
    st.sampled_from([1, 2, 64]),
    mostly(6, 2, 1),
    st.sampled_from(["same_cpu", "same_cpu", "rps", "falcon", "mflow", "rss++"]),
    st.sampled_from(["docker", "docker", "prism", "econ", "offload"]),
)
def test_kernel_does_what_the_plain_twin_does(
    raw, traffic, cpus, devices, weight, count, policy, profile
):
    threads = {name: [cpu % count for cpu in cpus[name]] for name in devices}
    same = {"irq_cpus": [count - 1], "app_cpus": [0, count // 2], "napi_weight": weight}
    chosen = {"profile": profile, "policy": policy, "rps_masks": {}, "napi_threads": threads}
    chain = list(profiles.load()).index(profile)
    sent = [{**frame, "chain": chain} for frame in arrivals(*traffic, True)]
    compare(Knobs.parse({**raw, **same, **chosen, "ring": 1024}), sent, 64)


def frames(host, count=64, gap=4000, flows=1):
    numbers = np.arange(count)
    flow = numbers % flows
    return make_trace(
        numbers * gap,
        rss_hash=flow * 7 + 1,
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )


def stages(host, slots):
    """The (kind, CPU) of each stage of the frames, the application's left out."""
    found = set()
    for slot in slots:
        record = host.state.records.array["stages"][slot, : host.state.hops[slot].count - 1]
        found.add(tuple(map(tuple, record[["kind", "cpu"]].tolist())))
    return found


def places(**knobs):
    host = model(records=True, **ONE_QUEUE, **knobs)
    events = run(host, frames(host))
    assert accounted(host)
    assert host.stats()["delivered"] == 64
    assert host.stats()["reordered"] == 0
    return stages(host, events["slot"])


@pytest.mark.parametrize(
    ("threads", "nic", "cell"),
    [
        ({}, 1, 1),
        ({"eth0": [3]}, 3, 3),  # the gro_cell is that of the CPU where the thread runs
        ({"vxlan0": [5]}, 1, 5),
        ({"eth0": [3], "vxlan0": [5]}, 3, 5),
        ({"eth0": [3], "vxlan0": [4, 6, 8, 10]}, 3, 10),  # the gro_cell of CPU 3: the fourth
    ],
)
def test_each_device_s_instances_have_threads_and_the_backlog_stays_where_they_run(
    threads, nic, cell
):
    assert places(napi_threads=threads) == {((NAPI, nic), (GRO_CELL, cell), (BACKLOG, cell))}


def test_queues_take_the_cpus_in_turn():
    host = model(records=True, queues=3, irq_cpus=[1], flows=3, sockets=3, napi_threads=BOTH)
    events = run(host, frames(host, flows=3))
    found = {flow: stages(host, events["slot"][events["flow"] == flow]) for flow in range(3)}
    # Hash 1, 8 or 15 in a table of 3 queues: 1, 2 or 0.
    firsts = [stage[0] for flow in range(3) for stage in found[flow]]
    assert firsts == [(NAPI, 4), (NAPI, 3), (NAPI, 3)]


def test_the_interrupt_s_cpu_pays_for_the_wake_up_alone():
    def one(**knobs):
        host = model(**ONE_QUEUE, **knobs)
        latency = int(run(host, frames(host, count=1))["latency"][0])
        return latency, host.stats()

    host = model(**ONE_QUEUE)
    costs = host.state.costs
    latency, usual = one()
    threaded, stats = one(napi_threads={"eth0": [3]})
    busy, before = stats["busy_ns"], usual["busy_ns"]
    assert busy[1]["hardirq"] == before[1]["hardirq"] + costs.wake_up == sum(busy[1].values())
    assert busy[1]["softirq"] == 0 < before[1]["softirq"]
    assert busy[3]["napi_thread"] > 0
    assert busy[3]["softirq"] > 0  # the gro_cell's and the backlog's, when the poll has ended
    assert stats["net_rx"][3] > 0 == stats["net_rx"][1]
    # The thread's wake-up and its switch to it instead of the interrupt's softirq, and no more.
    assert threaded - latency >= costs.wake_latency - costs.hardirq
    assert threaded - latency <= costs.wake_latency + costs.idle_switch


def test_idle_states_are_left_once_by_the_interrupt_and_once_by_each_thread():
    def latency(**knobs):
        host = model(**ONE_QUEUE, napi_threads={"eth0": [3]}, **knobs)
        return int(run(host, frames(host, count=1))["latency"][0])

    assert latency(idle_exit_ns=10_000) == latency() + 3 * 10_000


def test_a_thread_polls_on_without_an_interrupt_while_frames_wait():
    host = model(slots=16_384, **ONE_QUEUE, napi_threads={"eth0": [3]}, ring=4096)
    run(host, frames(host, count=4000, gap=10))
    stats = host.stats()
    assert stats["delivered"] + sum(stats["drops"].values()) == 4000
    assert stats["softirq"]["interrupts"] < 10
    assert all(task.state == codes.ASLEEP for task in host.state.tasks)


def test_threads_and_an_application_share_a_cpu_as_the_scheduler_has_it():
    """Three threads that never sleep: the two queues' and the application's."""
    two = {"queues": 2, "irq_cpus": [1], "rx_usecs": 0, "app_cpus": [3]}
    short = {"sched_granularity.ns": 20_000}
    host = model(
        flows=2,
        sockets=2,
        slots=16_384,
        threads=1,
        napi_threads={"eth0": [3]},
        cost_overrides=short,
        ring=4096,
        service_ns=2000,
        **two,
    )
    for _ in virtual.Replay(host, frames(host, count=8000, gap=150, flows=2)).run(1_100_000):
        pass
    tasks = host.state.tasks
    nic = [tasks[codes.NAPI_THREADS + queue].runtime for queue in (0, 1)]
    ran = [*nic, tasks[codes.THREADS].runtime]
    a_poll = 64 * host.state.stages[0].skb[0]  # at least that: no thread preempts it
    assert min(ran) > 3 * 20_000
    assert max(ran) - min(ran) < 20_000 + 2 * a_poll
    stats = host.stats()
    assert stats["busy_ns"][3]["napi_thread"] == sum(nic)
    assert stats["busy_ns"][1]["softirq"] == 0


def test_a_thread_that_is_switched_off_leaves_alone_what_softirqs_poll_since():
    """Between its poll and its sleep, while softirqs run, the next interrupt is for softirqs."""
    host = model(records=True, **ONE_QUEUE, napi_threads={"eth0": [3]})
    times = np.concatenate([np.zeros(32, int), 40_000 + np.arange(200) * 400])
    trace = make_trace(times, rss_hash=1, chain=host.chain("tunnel"), wire_len=114)
    replay = virtual.Replay(host, trace)
    for _ in replay.run(39_000):
        pass
    core, thread = host.state.cpus[3], host.state.tasks[codes.NAPI_THREADS]
    assert (core.softirq, thread.state) == (codes.SOFTIRQ_INLINE, codes.RUNNING)
    host.reconfigure({"napi_threads": {}})
    slots = [slot for events in replay.run(10_000_000) for slot in events["slot"].tolist()]
    assert host.stats()["delivered"] == 232
    first = host.state.records.array["stages"][slots, 0]
    assert set(first["cpu"][first["start"] > 40_000].tolist()) == {1}
    assert thread.state == codes.ASLEEP


@pytest.mark.parametrize("when", range(20_000, 90_000, 7000))
@pytest.mark.parametrize(("first", "then"), [({}, BOTH), (BOTH, {}), (BOTH, {"eth0": [7]})])
def test_who_polls_can_change_while_frames_wait(when, first, then):
    """What has been scheduled is polled where it was, by one and by all means."""
    host = model(flows=3, sockets=3, queues=3, napi_threads=first, napi_weight=4, ring=128)
    replay = virtual.Replay(host, frames(host, count=96, gap=500, flows=3))
    for _ in replay.run(when):
        pass
    host.reconfigure({"napi_threads": then})
    for _ in replay.run(10_000_000):
        pass
    stats = host.stats()
    assert stats["queued"] == 0
    assert stats["delivered"] == 96
    assert stats["reordered"] == 0
    assert not host.state.napis.array["scheduled"].any()


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        (
            {"napi_threads": {"veth0": [0]}},  # its queue is the CPU's backlog
            r"napi_threads.veth0: got \[0\], expected devices of docker: eth0, vxlan0",
        ),
        ({"napi_threads": {"eth0": [40]}}, r"napi_threads.eth0: got 40, expected CPUs from 0 to"),
        ({"napi_threads": {"eth0": []}}, r"napi_threads.eth0: got \[\], expected at least one CPU"),
        ({"napi_threads": {"eth0": 1}}, r"napi_threads.eth0: got 1, expected a list of integers"),
        ({"napi_threads": 1}, r"napi_threads: got 1, expected a mapping"),
        (
            {"profile": "bypass", "napi_threads": {"eth0": [0]}},
            r"napi_threads.eth0: got \[0\], expected devices of bypass: none",
        ),
    ],
)
def test_threads_that_make_no_sense_are_refused(knobs, said):
    with pytest.raises(ConfigError, match=said):
        Knobs.parse(knobs)


def test_threads_come_back_as_plain_values():
    assert Knobs.parse({"napi_threads": BOTH}).to_dict()["napi_threads"] == BOTH
