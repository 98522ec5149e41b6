"""PRISM: packets of flows with priority go first at each backlog."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_hosts import accounted, model, run
from test_twin import arrivals, compare, hosts, traffics

from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.model.state import codes
from rxpath.model.state.codes import BACKLOG, GRO_CELL, NAPI, SOCKET
from tests.examples import examples

CHAIN = list(profiles.load()).index("prism")
FIRST, OTHER = 0, 1  # the flow with priority, and a flow without


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    hosts,
    traffics(),
    st.sampled_from([[0], [1, 2], [0, 1, 2, 3]]),
    st.sampled_from([0, 1, 2, 5, 1000]),
    st.sampled_from([1, 2, 64]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from(["same_cpu", "same_cpu", "rps", "falcon"]),
    st.sampled_from([[], [0], [1]]),
)
def test_kernel_does_what_the_plain_twin_does(
    raw, traffic, first, backlog, weight, haste, policy, denied
):
    few = {"irq_cpus": [1, 3], "max_backlog": backlog, "napi_weight": weight, "ring": 1024}
    prism = {"profile": "prism", "policy": policy, "priority": first, "denied": denied}
    frames = [{**frame, "chain": CHAIN} for frame in arrivals(*traffic, True)]
    for frame in frames:
        frame["now"] = frame["now"] >> 2 * haste  # or bursts, which fill the queues
    compare(Knobs.parse({**raw, **few, **prism, "rps_masks": {}}), frames, 64)


def two_flows(profile="prism", gap=4000, burst=64, count=3200, share=8, **knobs):
    """Bursts on one CPU, every ``share``th frame of flow FIRST and the others of flow OTHER.

    ``gap``: ns a frame, on average.
    """
    first = {"priority": [FIRST], "queues": 1, "rx_usecs": 0}
    host = model(
        flows=2, sockets=2, slots=16_384, profile=profile, records=True, **{**first, **knobs}
    )
    numbers = np.arange(count)
    flow = np.where(numbers % share == 0, FIRST, OTHER)
    trace = make_trace(
        numbers // burst * burst * gap,
        rss_hash=np.array([0x101, 0x202])[flow],
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    return host, run(host, trace)


def stages(host, events, flow):
    """Kinds of the stages that the delivered frames of a flow went through."""
    slots = events["slot"][(events["flow"] == flow) & (events["kind"] == codes.DELIVER)]
    hops, records = host.state.hops.array["count"], host.state.records.array["stages"]["kind"]
    return {tuple(records[slot, : hops[slot]].tolist()) for slot in slots}


def median(events, flow):
    mine = (events["flow"] == flow) & (events["kind"] == codes.DELIVER)
    return np.median(events["latency"][mine])


def test_priority_takes_backlogs_and_the_others_the_gro_cell():
    host, events = two_flows()
    assert accounted(host)
    assert stages(host, events, FIRST) == {(NAPI, BACKLOG, BACKLOG, SOCKET)}
    assert stages(host, events, OTHER) == {(NAPI, GRO_CELL, BACKLOG, SOCKET)}


def test_priority_overtakes_the_others_behind_the_ring():
    """In the same bursts, behind the NIC's ring, which knows no priorities."""
    _, usual = two_flows("docker", priority=[])
    host, events = two_flows()
    assert host.stats()["reordered"] == 0  # each flow by itself
    assert median(events, FIRST) < median(usual, FIRST)
    assert median(events, FIRST) < median(events, OTHER)


def test_synchronously_it_needs_one_softirq():
    host, events = two_flows("prism-sync")
    assert stages(host, events, FIRST) == {(NAPI, SOCKET)}
    assert stages(host, events, OTHER) == {(NAPI, GRO_CELL, BACKLOG, SOCKET)}
    assert median(events, FIRST) < median(two_flows()[1], FIRST)


def test_all_packets_with_priority_of_a_poll_go_through_both_devices_before_the_others():
    host, events = two_flows(count=256, burst=256, share=4)
    done = {}
    for event in events[events["kind"] == codes.DELIVER]:
        record = host.state.records.array["stages"][event["slot"]]
        done.setdefault(int(event["flow"]), []).append(int(record["end"][2]))
    first, other = (np.sort(done[flow]) for flow in (FIRST, OTHER))
    # 16 of the first 64 frames have priority: all of them are at their socket before any other.
    assert first[15] < other[0]


def test_without_priorities_it_is_docker_s_devices():
    host, events = two_flows(count=500, priority=[])
    assert stages(host, events, FIRST) == {(NAPI, GRO_CELL, BACKLOG, SOCKET)}
    assert host.stats()["delivered"] == 500


def test_priority_has_a_backlog_of_its_own():
    """A flood without priority fills netdev_max_backlog; packets with priority are not lost."""
    _, events = two_flows(max_backlog=30)
    lost = events["kind"] == codes.DROP
    inside = lost & (events["reason"] != codes.SOCKET_RCVBUFF)
    assert (events["flow"][inside] == OTHER).sum() > 0
    assert (events["flow"][inside] == FIRST).sum() == 0


@pytest.mark.parametrize("when", range(40_000, 70_000, 5000))
def test_what_waits_when_it_is_switched_off_drains(when):
    host = model(flows=2, sockets=2, profile="prism", priority=[FIRST], queues=1, rx_usecs=0)
    numbers = np.arange(64)
    trace = make_trace(
        0 * numbers, flow=numbers % 2, socket=numbers % 2, chain=host.chain("tunnel")
    )
    replay = virtual.Replay(host, trace)
    for _ in replay.run(when):
        pass
    assert host.stats()["queued"] > 0
    host.reconfigure({"profile": "docker"})
    for _ in replay.run(10_000_000):
        pass
    assert host.stats()["queued"] == 0
    assert host.stats()["delivered"] == 64
    assert host.stats()["reordered"] == 0


def test_fragments_have_no_ports_and_no_priority():
    host = model(profile="prism", priority=[0], records=True)
    trace = make_trace(
        np.arange(4) * 9000, chain=host.chain("tunnel"), payload=900, seq=[0, 0, 1, 1], fragments=2
    )
    events = run(host, trace)
    assert host.stats()["delivered"] == 4
    kinds = host.state.records.array["stages"]["kind"][events["slot"], 1]
    assert set(kinds.tolist()) == {GRO_CELL}


def test_a_denied_flow_is_dropped_with_priority_too():
    host, _ = two_flows(count=80, denied=[FIRST])
    assert host.stats()["drops"]["netfilter_drop"] == 10
    assert host.stats()["delivered"] == 70


@pytest.mark.parametrize("flows", [[-1], [7]])
def test_flows_that_are_not_there_are_refused(flows):
    with pytest.raises(ConfigError, match="priority"):
        model(priority=flows)
