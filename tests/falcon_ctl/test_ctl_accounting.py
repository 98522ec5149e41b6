"""Whose frames were lost where, from the counters along a path."""

from types import SimpleNamespace

import pytest

from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.attribution import Hop, attribute
from falcon_ctl.live import accounting
from falcon_ctl.live.accounting import Account
from falcon_ctl.live.counting import Path
from falcon_ctl.live.interfaces import Link
from falcon_ctl.traffic.flows import Endpoint, Flow
from topo.spec.builders import pair

NO_ROUTE, SPLIT_HORIZON, UNDERLAY = (
    accounting.REASONS.index(r) for r in ("NO_ROUTE", "SPLIT_HORIZON", "NOT_UNDERLAY")
)


def hop(came, went, **counted):
    return Hop(came, went, {f"s1 {place}": n for place, n in counted.items()}, "s1 unaccounted")


@pytest.mark.parametrize(
    ("found", "own", "foreign"),
    [
        (hop(10, 10), {}, {}),
        (hop(10, 7, NO_ROUTE=3), {"s1 NO_ROUTE": 3}, {}),
        (hop(10, 7, NO_ROUTE=1), {"s1 NO_ROUTE": 1, "s1 unaccounted": 2}, {}),
        (hop(10, 10, NOT_UNDERLAY=7), {}, {"s1 NOT_UNDERLAY": 7}),
        (hop(10, 8, NO_ROUTE=2, NOT_UNDERLAY=7), {"s1 NO_ROUTE": 2}, {"s1 NOT_UNDERLAY": 7}),
        (hop(10, 8, NOT_UNDERLAY=7), {"s1 NOT_UNDERLAY": 2}, {"s1 NOT_UNDERLAY": 5}),
        (hop(10, 8, NO_ROUTE=5), {"s1 NO_ROUTE": 2}, {"s1 NO_ROUTE": 3}),
        (
            hop(10, 8, NO_ROUTE=2, METER=1),
            {"s1 NO_ROUTE or s1 METER": 2},
            {"s1 NO_ROUTE or s1 METER": 1},
        ),
        (hop(10, 12, NO_ROUTE=1), {}, {"s1 NO_ROUTE": 1}),
    ],
)
def test_a_drop_is_the_runs_own_as_far_as_its_frames_are_missing(found, own, foreign):
    losses = attribute([found])
    assert (losses.own, losses.foreign) == (own, foreign)


def test_each_hop_keeps_its_own_account():
    losses = attribute([hop(10, 8, NO_ROUTE=1), Hop(8, 5, {"m2 veth": 3}, "m2 unaccounted")])
    assert losses.own == {"s1 NO_ROUTE": 1, "s1 unaccounted": 1, "m2 veth": 3}


# -- with a testbed whose counters a test sets -----------------------------------------------------

FLOW = Flow(
    1000,
    Endpoint("red1-1", "02:00:00:00:00:01", "10.0.0.11"),
    Endpoint("red2-1", "02:00:00:00:00:02", "10.0.0.21"),
    *(40_000, 7000),
)
TX = {"tagged": 0, "too_long": 0, "to_itself": 0, "refused": 0, "afpacket": 0}
INSIDE = {"rx_missed": 0, "not_ours": 0, "veth": 0, "afpacket": 0}


class Bench:
    """Stands in for a `Testbed` on `pair`; every counter of it can be set."""

    def __init__(self, target="v1switch"):
        self.topology, self.target = pair(), target
        self.counting = self
        self.tx_drops = dict(TX)
        self.cells = {"port_rx": {}, "ingress_drops": {}, "egress_drops": {}}
        self.at_ports = {}
        self.links_of = {}
        self.arrived = dict.fromkeys(Path.of(self.topology, [FLOW]).points, 0)
        host = SimpleNamespace(stats=lambda: {"tx_drops": dict(self.tx_drops)})
        self.hosts = {"m1": host}
        switch = SimpleNamespace(name="s1", packets=self.packets)
        self.controller = SimpleNamespace(switches={"s1": switch})

    def start(self, *_):
        """Counting begins."""

    def read(self, _):
        return self.arrived

    def packets(self, cells):
        return {n: {i: self.cells[n].get(i, 0) for i in wanted} for n, wanted in cells.items()}

    def links(self, node):
        names = {"s1": ("s1-eth1", "s1-eth2"), "m1": ("m1-up",), "m2": ("m2-red2-1", "m2-up")}
        found = self.links_of.get(node, {})
        return {name: found.get(name, Link(0, 0)) for name in names.get(node, ("eth0",))}

    def ports(self, _):
        every = [
            (port, what) for port in (1, 2) for what in ("socket", "refused", "errors", "queue")
        ]
        return dict.fromkeys(every, 0) | self.at_ports

    def carry(self, *counts):
        """Own frames behind each hop: container, machine, switch, target machine."""
        points = [("m1", "m1-red1-1"), ("s1", "s1-eth1"), ("m2", "m2-up"), ("red2-1", "eth0")]
        self.arrived.update(zip(points, counts, strict=True))


def losses(bench, change, sent=10, delivered=0, drops=INSIDE, ours=()):
    account = Account(bench, [FLOW])
    change(bench)
    account.stop({"drops": {**INSIDE, **drops}})
    return account.losses(sent, delivered, Trace(list(ours), {"machine": "m2"}), list(ours))


def set_all(**values):
    def change(bench):
        for name, value in values.items():
            if name == "carry":
                bench.carry(*value)
            else:
                getattr(bench, name).update(value)

    return change


AT_SWITCH, AT_MACHINE = (10, 10, 0, 0), (10, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({"carry": (0, 0, 0, 0), "links_of": {"red1-1": {"eth0": Link(0, 10)}}},
         {"red1-1 eth0 veth": 10}),
        ({"carry": AT_MACHINE, "tx_drops": {"tagged": 10}}, {"m1 tx tagged": 10}),
        ({"carry": AT_MACHINE, "tx_drops": {"afpacket": 10}}, {"m1 afpacket": 10}),
        ({"carry": AT_MACHINE, "tx_drops": {"refused": 10}}, {"m1 tx refused": 10}),
        ({"carry": AT_MACHINE, "tx_drops": {"refused": 10},
          "links_of": {"m1": {"m1-up": Link(0, 10)}}}, {"m1 m1-up veth": 10}),
        ({"carry": AT_SWITCH, "cells": {"ingress_drops": {NO_ROUTE: 10}}}, {"s1 NO_ROUTE": 10}),
        ({"carry": AT_SWITCH, "at_ports": {(1, "socket"): 10}}, {"s1:1 socket": 10}),
        ({"carry": AT_SWITCH, "at_ports": {(2, "refused"): 10}}, {"s1:2 refused": 10}),
        ({"carry": AT_SWITCH, "at_ports": {(2, "queue"): 10}}, {"s1:2 queue": 10}),
        ({"carry": AT_SWITCH, "at_ports": {(2, "refused"): 10},
          "links_of": {"s1": {"s1-eth2": Link(0, 10)}}}, {"s1 s1-eth2 veth": 10}),
        ({"carry": AT_SWITCH}, {"s1 unaccounted": 10}),
        ({"carry": (10, 10, 10, 0), "links_of": {"m2": {"m2-red2-1": Link(0, 10)}}},
         {"m2 containers veth": 10}),
        ({"carry": (10, 10, 10, 0)}, {"m2 unaccounted": 10}),
        ({"carry": (10, 10, 10, 10)}, {"containers unaccounted": 10}),
    ],
)  # fmt: skip
def test_a_loss_has_its_place(changes, own):
    assert losses(Bench(), set_all(**changes)).own == own


def test_what_bmv2_did_not_read_is_what_its_interface_got_and_its_program_did_not():
    changes = {
        "carry": (10, 10, 3, 3),
        "links_of": {"s1": {"s1-eth1": Link(10, 0)}},
        "cells": {"port_rx": {1: 5}},
    }
    found = losses(Bench("bmv2"), set_all(**changes), delivered=3)
    assert found.own == {"s1:1 socket": 5, "s1 queues": 2}


def test_frames_of_others_are_shown_apart():
    changes = {"carry": (10, 10, 10, 9), "cells": {"ingress_drops": {UNDERLAY: 7}}}
    mine = Passage(1, 0, 0, 0, 17, 0, (), 0, "rx_missed", 100, b"")
    drops = {"rx_missed": 3, "not_ours": 2}
    found = losses(Bench(), set_all(**changes), delivered=9, drops=drops, ours=[mine])
    assert found.own == {"rx_missed": 1}
    assert found.foreign == {"s1 NOT_UNDERLAY": 7, "m2 rx_missed": 2, "m2 not_ours": 2}


def test_the_copy_of_a_flood_towards_its_own_port_is_no_loss():
    changes = {"carry": (10, 10, 10, 10), "cells": {"egress_drops": {SPLIT_HORIZON: 10}}}
    found = losses(Bench(), set_all(**changes), delivered=10)
    assert (found.own, found.foreign) == ({}, {})
