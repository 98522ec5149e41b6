"""What a switch's counters say about the frames that it lost."""

from types import SimpleNamespace

import pytest

from falcon_ctl.live import accounting
from topo.spec.builders import pair
from topo.spec.model import CPU_PORT

NO_ROUTE, SPLIT_HORIZON = (accounting.REASONS.index(r) for r in ("NO_ROUTE", "SPLIT_HORIZON"))


class CountingSwitch:
    """Answers for the cells that it is asked for, as a switch does."""

    def __init__(self) -> None:
        self.counts = {"port_rx": {}, "port_tx": {}, "ingress_drops": {}, "egress_drops": {}}

    def count(self, counter, index, packets):
        self.counts[counter][index] = self.counts[counter].get(index, 0) + packets

    def packets(self, cells):
        return {n: {i: self.counts[n].get(i, 0) for i in indices} for n, indices in cells.items()}


def lab(switch, target):
    controller = SimpleNamespace(switches={"s1": switch})
    return SimpleNamespace(topology=pair(), target=target, controller=controller, hosts={})


def losses(target, *counts):
    switch = CountingSwitch()
    network = lab(switch, target)
    before = accounting.outside_host(network, "m2", [])
    for cell in counts:
        switch.count(*cell)
    return accounting.outside_host(network, "m2", []).since(before)


CAME, WENT = ("port_rx", 1, 10), ("port_tx", 2, 7)


@pytest.mark.parametrize(
    ("target", "place"), [("v1switch", "s1 unaccounted"), ("bmv2", "s1 queues")]
)
def test_only_a_switch_with_queues_may_lose_frames_without_a_trace(target, place):
    found = losses(target, CAME, WENT, ("ingress_drops", NO_ROUTE, 2))
    assert found == {"s1 NO_ROUTE": 2, place: 1}


def test_packets_of_the_controller_are_not_lost():
    punted = losses("v1switch", CAME, WENT, ("port_tx", CPU_PORT, 3))
    sent = losses("v1switch", ("port_rx", CPU_PORT, 3), ("port_tx", 2, 3))
    assert punted == sent == {}


def test_a_flood_is_no_loss():
    flood = [("port_rx", 1, 1), ("port_tx", 2, 1), ("egress_drops", SPLIT_HORIZON, 1)]
    assert losses("v1switch", *flood) == {}
