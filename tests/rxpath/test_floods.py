"""Floods of one tenant: what they take from another's flow, and that they reorder nothing.

A ring and a per-CPU backlog are FIFOs with tail drop, as in Linux: flows that share one lose the
same part of what they send, and flows that share none lose nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import accounted, model

from rxpath import results
from rxpath.drivers.virtual import make_trace
from rxpath.model.hashes import hash_32

LONG, GAP, VICTIMS_GAP = 10_000_000, 400, 5_000  # ns
ATTACKERS = 64
FALCON_CPUS = 6
LOAD = {"load_interval_ns": 100_000, "switch_off": False}
MANY = np.random.default_rng(7).integers(1 << 32, size=4000)


def falcon_cores(ifindex):
    """Of all flows: numbers of the FALCON cores on which their packets leave a device."""
    return np.array([hash_32(int(one) + ifindex, 16) % FALCON_CPUS for one in MANY])


QUEUES = MANY % 8
CORES, VETH_CORES = falcon_cores(5), falcon_cores(7)  # the tunnel device's, and the veth's
BUSY, CALM = MANY[QUEUES == 0], MANY[QUEUES == 3]
NEXT = int(np.bincount(VETH_CORES[CORES == 2]).argmax())
ONE_CORE = MANY[(CORES == 2) & (VETH_CORES == NEXT)]


def flood(policy, victim, attackers, **knobs):
    """Delivered share of the victim's frames and of the attackers', and what the host counted."""
    host = model(policy=policy, flows=ATTACKERS + 1, sockets=ATTACKERS + 1, slots=65_536, **knobs)
    # Random times, or the victim's frames could always meet the same phase of a queue.
    chance = np.random.default_rng(1)
    mine, theirs = (chance.integers(LONG, size=LONG // gap) for gap in (VICTIMS_GAP, GAP))
    flow = np.concatenate([np.zeros(len(mine), int), 1 + np.arange(len(theirs)) % ATTACKERS])
    arrival = np.concatenate([mine, theirs])
    hashes = np.concatenate([[victim], attackers[:ATTACKERS]])
    order = np.argsort(arrival, kind="stable")
    flow = flow[order]
    trace = make_trace(
        arrival[order],
        rss_hash=hashes[flow],
        flow=flow,
        socket=flow,
        chain=host.chain("tunnel"),
        wire_len=114,
    )
    found = results.run(host, trace)
    assert accounted(host)
    own = found.flow == 0
    delivered = [np.count_nonzero(found.delivered & mask) for mask in (own, ~own)]
    return delivered[0] / len(mine), delivered[1] / len(theirs), host.stats()


@pytest.mark.parametrize("policy", ["same_cpu", "falcon", "rss++"])
def test_who_shares_no_queue_with_a_flood_of_one_queue_loses_nothing(policy):
    mine, theirs, stats = flood(policy, CALM[0], BUSY)
    assert theirs < 0.6
    assert stats["drops"]["rx_missed"] > 0
    assert mine == 1.0
    assert stats["reordered"] == 0


@pytest.mark.parametrize("policy", ["same_cpu", "falcon", "rss++"])
def test_who_shares_the_queue_loses_the_same_part_and_order_is_kept(policy):
    mine, theirs, stats = flood(policy, BUSY[-1], BUSY)
    assert theirs < 0.75
    assert mine == pytest.approx(theirs, abs=0.05)
    assert stats["reordered"] == 0


@pytest.mark.parametrize(("balancing", "order"), [(False, "handover"), (True, "rfs")])
def test_on_a_core_that_a_flood_fills_all_lose_the_same_part(balancing, order):
    knobs = {"falcon": {**LOAD, "balancing": balancing, "order": order}}
    mine, theirs, stats = flood("falcon", ONE_CORE[-1], ONE_CORE, **knobs)
    assert stats["drops"]["cpu_backlog"] > 0
    assert theirs < 0.6
    assert mine == pytest.approx(theirs, abs=0.05)
    assert stats["reordered"] == 0, "RFS's rule keeps them on the core"


@pytest.mark.parametrize("order", ["handover", "none"])
def test_balancing_spreads_the_flood_and_reorders_without_the_guard(order):
    mine, theirs, stats = flood("falcon", ONE_CORE[-1], ONE_CORE, falcon={**LOAD, "order": order})
    assert min(mine, theirs) > 0.85
    assert (stats["reordered"] > 0) == (order == "none")


def test_who_shares_neither_queue_nor_core_with_a_flood_of_one_core_loses_nothing():
    other = MANY[~np.isin(CORES, [2, NEXT]) & ~np.isin(VETH_CORES, [2, NEXT])][0]
    mine, theirs, stats = flood("falcon", other, ONE_CORE, falcon={**LOAD, "balancing": False})
    assert theirs < 0.6
    assert mine == 1.0
    assert stats["reordered"] == 0
