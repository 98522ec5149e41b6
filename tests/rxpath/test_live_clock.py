"""Model time from wall time, lateness, and the forwarding table."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxpath.live import clock as ck
from rxpath.live import fdb

NS = st.integers(0, 10**15)
calm = settings(deadline=None)  # the first call compiles


@calm
@given(NS, NS, st.integers(1, 10**6), st.integers(1, 10**9))
def test_a_wait_ends_exactly_when_the_deadline_is_reached(
    epoch: int, passed: int, dilation: int, ahead: int
) -> None:
    clock = ck.make(epoch, dilation, 0)
    wall = epoch + passed
    deadline = int(ck.model_ns(clock, wall)) + ahead
    wait = int(ck.wait_ns(clock, deadline, wall, 10**18))
    assert ck.model_ns(clock, wall + wait) == deadline
    assert ck.model_ns(clock, wall + wait - 1) == deadline - 1


def test_a_wait_is_never_longer_than_asked_and_never_negative() -> None:
    clock = ck.make(0, 1000, 0)
    assert ck.wait_ns(clock, np.iinfo(np.int64).max, 5_000, 777) == 777
    assert ck.wait_ns(clock, 3, 5_000, 777) == 0


@calm
@given(NS, st.integers(1, 10**4), st.lists(st.integers(1, 10**4), min_size=1))
def test_model_time_goes_on_when_the_dilation_changes(
    wall: int, first: int, dilations: list[int]
) -> None:
    clock = ck.make(0, first, 0)
    before = ck.model_ns(clock, wall)
    for dilation in dilations:
        ck.rebase(clock, wall, dilation)
        assert ck.model_ns(clock, wall) == before
    assert ck.model_ns(clock, wall + 7 * dilations[-1]) == before + 7


@calm
@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(1, 10**4))
def test_the_largest_dilation_leaves_the_clock_in_64_bits(
    epoch: int, passed: int, first: int
) -> None:
    clock, wall = ck.make(epoch, first, 0), epoch + passed
    before = ck.model_ns(clock, wall)
    ck.rebase(clock, wall, ck.largest_dilation(clock, wall))
    assert ck.model_ns(clock, wall) == before


@calm
@given(st.lists(NS, min_size=1))
def test_arrivals_never_go_back(stamps: list[int]) -> None:
    clock = ck.make(0, 3, 0)
    times = [int(ck.arrival_ns(clock, stamp)) for stamp in stamps]
    assert times == list(np.maximum.accumulate([stamp // 3 for stamp in stamps]))
    moved = [time - stamp // 3 for time, stamp in zip(times, stamps, strict=True)]
    figures = ck.figures(clock)
    assert figures["clamped"] == sum(move > 0 for move in moved)
    assert figures["clamp_max_ns"] == max(moved)


@calm
@given(st.integers(0, 2**62))
def test_a_bucket_is_at_most_a_sixteenth_wide(value: int) -> None:
    index = int(ck.bucket(value))
    above, below = ck.upper_bound(index), ck.upper_bound(index - 1) if index else -1
    assert below < value <= above
    assert above - below <= max(1, value / 16)


@calm
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300), st.integers(0, 10**9))
def test_late_figures_are_those_of_the_samples(late: list[int], budget: int) -> None:
    clock = ck.make(0, 1, budget)
    for value in late:
        ck.delivered(clock, 1_000, 1_000 + value)
    figures = ck.figures(clock)
    exact = sorted(late)[-(-len(late) * 99 // 100) - 1]
    assert figures["samples"] == len(late)
    assert figures["max_ns"] == max(late)
    assert exact <= figures["p99_ns"] <= exact * 17 / 16
    assert figures["over_budget"] == sum(value > budget for value in late) / len(late)
    ck.reset(clock)
    assert ck.figures(clock)["samples"] == 0
    assert ck.figures(clock)["budget_ns"] == budget


@dataclass
class One:
    mac_int: int
    vlan: int
    vni: int


@pytest.fixture
def table() -> fdb.Fdb:
    """Tenant A (VNI 9, VLAN 1): ports 0, 2, 3. Tenant B (VNI 5, VLAN 2): port 1, the same MAC."""
    return fdb.build([One(10, 1, 9), One(10, 2, 5), One(7, 1, 9), One(30, 1, 9)])


def reached(table: fdb.Fdb, segment: int, mac: int, tunnel: int = 1, source: int = -1) -> list:
    tenant = int(fdb.tenant_of(table, tunnel, segment))
    count = int(fdb.targets(table, tenant, mac, source))
    return table.targets.array["port"][:count].tolist()


def test_the_same_mac_in_two_tenants_is_two_containers(table: fdb.Fdb) -> None:
    assert reached(table, 9, 10) == reached(table, 1, 10, tunnel=0) == [0]
    assert reached(table, 5, 10) == reached(table, 2, 10, tunnel=0) == [1]


def test_unknown_segments_and_macs_lead_nowhere(table: fdb.Fdb) -> None:
    for segment in (0, 4, 6, 10, 2**24 - 1):
        assert fdb.tenant_of(table, 1, segment) == fdb.NOWHERE
    assert reached(table, 9, 11) == []
    assert reached(table, 5, 7) == []


def test_a_broadcast_reaches_the_tenant_but_not_its_source(table: fdb.Fdb) -> None:
    everybody = 0xFFFFFFFFFFFF
    assert reached(table, 9, everybody) == [0, 2, 3]
    assert reached(table, 9, everybody, source=2) == [0, 3]
    assert reached(table, 5, everybody, source=1) == []


def test_a_machine_without_containers() -> None:
    empty = fdb.build([])
    assert fdb.tenant_of(empty, 1, 5001) == fdb.NOWHERE
