"""The load that is raised until drops begin, on systems whose capacity is known."""

from dataclasses import replace

import numpy as np
import pytest

from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.measure import Metrics, Stream
from falcon_ctl.virtual.peak import Peak

FLOW = Stream((1.0,), ms=4, warm_ms=2)


def server(capacity, beyond=1.0):
    """A system that receives up to `capacity`, and more badly when more is offered."""

    def measured(_system, load, _seed):
        offered = sum(load.rates)
        pps = offered if offered <= capacity else capacity * (capacity / offered) ** beyond
        return Metrics(pps, 1, 1, {}, 0, 0, np.array([load.warm_ms]), {}, messages_per_s=pps)

    return measured


@pytest.mark.parametrize("capacity", [150e3, 550e3, 2e6])
@pytest.mark.parametrize("beyond", [0.0, 1.0, 3.0], ids=["flat", "falling", "collapsing"])
def test_the_peak_is_the_capacity(monkeypatch, capacity, beyond):
    monkeypatch.setattr(peak, "measure", server(capacity, beyond))
    found = peak.run(BY_NAME["host"], Peak(FLOW), 1)
    assert found.messages_per_s == pytest.approx(capacity, rel=0.04)


def test_proportions_of_the_flows_stay(monkeypatch):
    seen = []

    def measured(system, load, seed):
        seen.append(load.rates)
        return server(1e6)(system, load, seed)

    monkeypatch.setattr(peak, "measure", measured)
    peak.run(BY_NAME["host"], Peak(replace(FLOW, rates=(1.0, 3.0))), 1)
    assert len(seen) > 5
    assert all(second == pytest.approx(3 * first) for first, second in seen)


def test_a_link_is_a_limit(monkeypatch):
    """1 GBit/s of frames of 976 + 24 bytes: 125,000 a second; the tunnel adds 50."""
    monkeypatch.setattr(peak, "measure", server(1e7))
    load = Peak(replace(FLOW, size=976), gbit_per_s=1)
    assert peak.run(BY_NAME["host"], load, 1).messages_per_s == pytest.approx(125_000)
    assert peak.run(BY_NAME["overlay"], load, 1).messages_per_s == pytest.approx(1e9 / 8 / 1050)


def test_every_fragment_is_on_the_link(monkeypatch):
    """4096 bytes: three fragments of 1514, 1514 and 1178 bytes, and 24 for each."""
    monkeypatch.setattr(peak, "measure", server(1e7))
    load = Peak(replace(FLOW, message=4096), gbit_per_s=1)
    rate = peak.run(BY_NAME["host"], load, 1).messages_per_s
    assert rate == pytest.approx(1e9 / 8 / (1514 + 1514 + 1178 + 72), rel=0.001)


@pytest.mark.parametrize(("beyond", "received"), [(1.37, 1e6), (0.8, 0.8e6), (1.0, 1e6)])
def test_measured_at_a_part_of_the_peak_or_beyond_it(monkeypatch, beyond, received):
    seen = []

    def measured(system, load, seed):
        seen.append(sum(load.rates))
        return server(1e6, beyond=0.0)(system, load, seed)

    monkeypatch.setattr(peak, "measure", measured)
    found = peak.run(BY_NAME["host"], Peak(FLOW, beyond=beyond, warm_ms=77), 1)
    assert found.latencies.tolist() == [77]
    assert seen[-1] == pytest.approx(beyond * 1e6, rel=0.04)
    assert found.messages_per_s == pytest.approx(received, rel=0.04)


def test_a_system_that_takes_all_is_measured_at_the_highest_rate(monkeypatch):
    monkeypatch.setattr(peak, "measure", server(1e9))
    assert peak.run(BY_NAME["host"], Peak(FLOW, high=3e6), 1).messages_per_s == pytest.approx(3e6)


def test_another_load_is_measured_as_it_is(monkeypatch):
    monkeypatch.setattr(peak, "measure", server(1e9))
    assert peak.run(BY_NAME["host"], replace(FLOW, rates=(5e4,)), 1).messages_per_s == 5e4


def test_the_models_own_peak():
    """One core's worth of the host network: 1e9 ns over what its stages cost a packet."""
    load = replace(FLOW, ms=8, knobs={"queues": 1, "irq_cpus": [0], "app_cpus": [2]})
    found = peak.run(BY_NAME["host"], Peak(load), 1)
    alone = peak.run(BY_NAME["host"], replace(load, rates=(0.9 * found.messages_per_s,)), 1)
    assert alone.lost == 0
    assert max(found.loads.values()) > 95
