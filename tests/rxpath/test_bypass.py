"""Kernel bypass: a polling core that nothing steers and that is never idle."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import accounted, flood, model, run

from rxpath.compile.tables import Rows
from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers.closed import ClosedLoop
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.state.packets import Event
from rxpath.policies.policy import of_function
from rxpath.tcp.connections import Connection


def refuse(packet, host):
    """A policy that ends the run when it is asked: there is no such CPU."""
    return -1, 1


def bypass(**knobs):
    return model(profile="bypass", slots=16_384, **knobs)


def steered(profile):
    """A host whose policy must not be asked."""
    knobs = Knobs.parse({"profile": profile})
    return Model(knobs, slots=16_384, sockets=1, flows=1, policy=of_function(refuse))


def test_no_policy_is_asked():
    assert flood(steered("bypass"), chain="plain") > 0
    with pytest.raises(ValueError, match="a CPU that the host does not have"):
        flood(steered("host"), chain="plain")


def test_there_is_neither_interrupt_nor_softirq():
    host = bypass()
    flood(host, chain="plain")
    stats = host.stats()
    assert not any(stats["softirq"].values())
    kinds = {kind for cpu in stats["busy_ns"] for kind, ns in cpu.items() if ns}
    assert kinds == {"polling"}


def test_a_polling_core_is_busy_all_the_time_with_and_without_traffic():
    host = bypass(irq_cpus=[3], falcon={"load_interval_ns": 1_000_000})
    run(host, make_trace([]), until=50_000_000)
    stats = host.stats()
    assert [sum(cpu.values()) for cpu in stats["busy_ns"]] == [
        50_000_000 * (c == 3) for c in range(40)
    ]
    assert stats["load"][3] == 96  # what the reference's rounding makes of 100 %
    assert max(stats["load"][:3] + stats["load"][4:]) == 0
    run(host, make_trace(50_000_000 + np.arange(2000) * 1000, chain=host.chain("plain")))
    assert host.stats()["delivered"] == 2000
    assert host.stats()["busy_ns"][3]["polling"] == host.stats()["clock_ns"]
    host.reset()
    assert host.stats()["busy_ns"][3]["polling"] == 0


def test_an_idle_core_without_bypass_rests():
    host = model(profile="host")
    run(host, make_trace([]), until=50_000_000)
    assert not any(any(cpu.values()) for cpu in host.stats()["busy_ns"])


def test_one_udp_flow_is_faster_and_sooner_there_than_over_the_host():
    assert flood(bypass(), chain="plain") > flood(
        model(profile="host", slots=16_384), chain="plain"
    )
    times = []
    for profile in ("host", "bypass"):
        host = model(profile=profile)
        trace = make_trace(np.arange(2000) * 20_000, chain=host.chain("plain"))
        times.append(np.median(run(host, trace)["latency"]))
    assert times[1] < times[0]


@pytest.mark.slow
def test_tcp_runs_over_it_in_order():
    host = bypass(rcvbuf=10_000_000)
    closed_loop = ClosedLoop(host, [Connection(rss_hash=5, chain=host.chain("plain"))])
    closed_loop.run(5_000_000)
    assert closed_loop.retransmits == 0
    assert host.stats()["reordered"] == 0
    assert closed_loop.acknowledged()[0] > 4000


def test_a_full_ring_loses_frames_and_all_are_accounted_for():
    host = bypass(ring=16)
    flood(host, chain="plain", gap=100)
    assert host.stats()["drops"]["rx_missed"] > 0
    assert accounted(host)
    assert host.stats()["reordered"] == 0


def test_switching_it_on_and_off_loses_nothing():
    host = model(profile="docker")
    out = Rows.new(Event, 4096)
    for slot in range(3000):
        if slot % 100 == 0:
            host.reconfigure({"profile": ("bypass", "docker")[slot // 100 % 2]})
        host.advance(slot * 400, out)
        chain = host.chain("plain") if slot % 3 else host.chain("tunnel")
        host.receive(slot, slot * 400, Frame(slot, 0, 0, chain, 17, 90))
        if slot % 50 == 0:
            assert accounted(host)
    host.advance(10**9, out)
    assert accounted(host)
    assert host.stats()["queued"] == 0


def test_a_chain_with_poll_is_poll_and_socket():
    stage = {"device": "eth0", "ifindex": 2, "costs": []}
    raw = {"stage": [{"kind": kind, **stage} for kind in ("poll", "backlog", "socket")]}
    with pytest.raises(ConfigError, match="a chain of poll and socket alone"):
        profiles.parse("x", raw)


def test_the_ring_holds_as_many_frames_after_each_burst():
    host = model(profile="bypass", ring=4)
    frame = Frame(1, 0, 0, host.chain("plain"), 17, 64)
    missed = []
    for burst in range(4):
        for number in range(8):  # one goes to the polling core at once, four into its ring
            host.receive(8 * burst + number, burst * 1_000_000, frame)
        host.advance(burst * 1_000_000 + 900_000, Rows.new(Event, 64))
        missed.append(host.stats()["drops"]["rx_missed"])
    assert missed == [3, 6, 9, 12]
