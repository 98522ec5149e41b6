"""When a cost is charged that is not one of every packet: switches of threads, merged skbs."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import model, run

from rxpath.config import costs
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.model.state import codes

FREE = {f"{name}.{key}": 0 for name in costs.load(Knobs().costs) for key in ("ns", "ns_kib")}
IDLE_SWITCH, CONTEXT_SWITCH, SERVICE = 100, 10_000, 1_000_000
SWITCHES = FREE | {"idle_switch.ns": IDLE_SWITCH, "context_switch.ns": CONTEXT_SWITCH}
COMPLETE, VXLAN_COMPLETE = 100, 10_000
COMPLETES = FREE | {"gro_complete.ns": COMPLETE, "vxlan_gro_complete.ns": VXLAN_COMPLETE}


# -- threads ------------------------------------------------------------------------------------


def readers(arrival, sockets=1, **overrides):
    """(what threads took in all, ns; how often another thread than before read a message).

    Frames go to the sockets by turns; their threads, one each, are on one core.
    """
    host = model(
        sockets=sockets,
        flows=sockets,
        profile="host",
        app_cpus=[20],
        service_ns=SERVICE,
        cost_overrides=SWITCHES | overrides,
    )
    flow = np.arange(len(arrival)) % sockets
    events = run(
        host, make_trace(arrival, rss_hash=1, flow=flow, socket=flow, chain=host.chain("host"))
    )
    assert host.stats()["delivered"] == len(arrival)
    assert host.stats()["busy_ns"][20]["task"] == sum(
        cpu["task"] for cpu in host.stats()["busy_ns"]
    )
    return host.stats()["busy_ns"][20]["task"], np.count_nonzero(np.diff(events["flow"]))


def test_a_thread_that_sleeps_and_is_woken_pays_for_the_switch_from_idle_once():
    taken, _ = readers(np.arange(7) * 2 * SERVICE)
    assert taken == 7 * (SERVICE + IDLE_SWITCH)
    taken, _ = readers(np.arange(7) * SERVICE // 2)  # it does not sleep in between
    assert taken == 7 * SERVICE + IDLE_SWITCH


def test_two_threads_that_take_turns_pay_for_the_switch_between_them():
    taken, turns = readers(np.zeros(20, int), sockets=2, **{"sched_granularity.ns": SERVICE // 2})
    assert turns > 5
    assert taken == 20 * SERVICE + IDLE_SWITCH + turns * CONTEXT_SWITCH


def test_two_threads_that_wake_by_turns_on_an_idle_core_do_not_switch_between_each_other():
    taken, turns = readers(np.arange(8) * 2 * SERVICE, sockets=2)
    assert turns == 7
    assert taken == 8 * (SERVICE + IDLE_SWITCH)


# -- skbs that leave GRO ------------------------------------------------------------------------


def softirqs(bursts, size, chain, **knobs):
    """What softirqs took in all, ns, of bursts of TCP segments in sequence, or of UDP packets."""
    numbers = np.arange(bursts * size)
    protocol = knobs.pop("protocol", codes.TCP)
    host = model(cost_overrides=COMPLETES, mflow_batch=size, **knobs)
    trace = make_trace(
        numbers // size * 1_000_000,
        rss_hash=1,
        chain=host.chain(chain),
        protocol=protocol,
        wire_len=1564,
        payload=1448,
        seq=numbers * 1448,
        tcp_flags=0x10,
    )
    run(host, trace)
    stats = host.stats()
    assert stats["delivered"] == len(numbers)
    merges = protocol == codes.TCP and knobs.get("gro", True)
    assert stats["softirq"]["merged"] == (bursts * (size - 1) if merges else 0)
    return sum(cpu["softirq"] for cpu in stats["busy_ns"])


@pytest.mark.parametrize("policy", ["same_cpu", "rps", "falcon", "falcon+rps", "mflow"])
@pytest.mark.parametrize(
    ("chain", "each"), [("host", COMPLETE), ("docker", COMPLETE + VXLAN_COMPLETE)]
)
@pytest.mark.parametrize("size", [2, 5, 20])
def test_a_merged_skb_pays_once_for_leaving_gro(policy, chain, each, size):
    assert softirqs(6, size, chain, profile=chain, policy=policy) == 6 * each


@pytest.mark.parametrize(
    ("policy", "chain", "passes"),
    [
        ("same_cpu", "docker", 6),
        ("rps", "docker", 6),
        ("mflow", "mflow", 6),
        ("falcon", "docker", 0),  # netif_rx in place of the gro_cell
        ("falcon+rps", "docker", 0),
    ],
)
def test_what_falcon_steers_passes_the_gro_cells_gro_by(policy, chain, passes):
    paid = FREE | {"inner_gro_receive.ns": 10, "inner_udp_gro_receive.udp": 1}
    host = model(profile=chain, policy=policy, cost_overrides=paid)
    run(host, make_trace(np.arange(6) * 1000, rss_hash=1, chain=host.chain(chain)))
    assert host.stats()["delivered"] == 6
    busy = host.stats()["busy_ns"]
    assert sum(cpu["softirq"] + cpu["ksoftirqd"] for cpu in busy) == passes * 11


@pytest.mark.parametrize("policy", ["same_cpu", "rps", "falcon"])
def test_a_frame_that_gro_holds_alone_or_not_at_all_pays_nothing(policy):
    assert softirqs(6, 1, "docker", policy=policy) == 0
    assert softirqs(6, 5, "docker", policy=policy, gro=False) == 0
    assert softirqs(6, 5, "docker", policy=policy, protocol=codes.UDP) == 0
