"""Learning under a flood of addresses: what a tenant may have, and that others lose nothing."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_ctl.intent.learning import UNKNOWN_STATIONS, Learner, Recent, Sighting, quotas
from falcon_ctl.intent.network import LEARN, intent
from falcon_ctl.intent.overlay import REPORTS
from falcon_ctl.live.learners import Learners
from falcon_ctl.p4rt.entities import Entry
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.program import P4INFO
from falcon_ctl.systems.catalogue import OVERLAY
from topo.spec.builders import leafspine, pair

RED, BLUE = 5001, 5002
SCHEMA = Schema.load(P4INFO)


def sightings(vni, numbers):
    return [Sighting(vni, 0x02DD00000000 + number, 1, 0) for number in numbers]


def struct(sighting):
    fields = (sighting.vni, sighting.mac, sighting.port, sighting.vtep)
    return [number.to_bytes(6, "big").lstrip(b"\0") or b"\0" for number in fields]


def test_a_tenant_never_has_more_than_its_quota_and_the_last_ones_stay():
    learner = Learner({RED: 10, BLUE: 10})
    learner.report(sightings(BLUE, range(4)))
    for first in range(0, 17_000, 64):
        learner.report(sightings(RED, range(first, first + 64)))
        for new, gone in iter(lambda: learner.changes(7), ([], [])):
            assert len(new) >= len(gone)
    held = Counter(sighting.vni for sighting in learner.held)
    assert held == {RED: 10, BLUE: 4}
    assert {s for s in learner.held if s.vni == BLUE} == set(sightings(BLUE, range(4)))


@given(
    st.lists(st.tuples(st.sampled_from([RED, BLUE, 9]), st.integers(0, 30)), max_size=200),
    st.integers(0, 12),
    st.integers(1, 9),
)
def test_what_is_written_is_what_is_held_and_within_the_quota(reports, quota, limit):
    learner = Learner({RED: quota, BLUE: quota})
    table = set()
    for turn, (vni, number) in enumerate(reports):
        learner.report(sightings(vni, [number]))
        if turn % 5 == 0:
            new, gone = learner.changes(limit)
            assert set(gone) <= table
            table = (table - set(gone)) | set(new)
        assert table == {sighting.entry() for sighting in learner.held}
        assert max(Counter(s.vni for s in learner.held).values(), default=0) <= quota


def test_a_backlog_of_one_tenant_delays_no_other():
    learner = Learner({RED: 1000, BLUE: 1000})
    learner.report(sightings(RED, range(5000)))
    learner.report(sightings(BLUE, range(3)))
    new, _ = learner.changes(6)
    assert Counter(dict(entry.match)["vni"] for entry in new) == {RED: 3, BLUE: 3}


def test_an_address_that_is_reported_again_is_the_latest():
    recent = Recent({RED: 2})
    assert [recent.note(RED, key) for key in ("a", "b", "a", "c")] == [None, None, None, "b"]
    assert list(recent) == ["a", "c"]


def test_quotas_fit_the_table_however_many_tenants_there_are():
    topology = leafspine(machines=4)
    assert quotas(topology, 16384) == dict.fromkeys((RED, BLUE), 16 + UNKNOWN_STATIONS)
    assert quotas(topology, 100) == dict.fromkeys((RED, BLUE), 50)


def test_strangers_are_bounded_and_the_inventory_is_no_stranger():
    topology = pair()
    learners = Learners(topology, SCHEMA)
    learner = learners.renew("s1")
    own = topology.containers[0]
    mac = int(own.mac.replace(":", ""), 16)
    learner.report(LEARN, [struct(Sighting(RED, mac, 1, 0))])
    for sighting in sightings(RED, range(5000)):
        learner.report(LEARN, [struct(sighting)])
        learner.changes(100)
    assert len(learners.unknown_stations) == UNKNOWN_STATIONS
    assert learners.unknown_stations[-1].mac == "02:dd:00:00:13:87"
    assert (RED, own.mac) in learners.seen["s1"]  # although its entry made room long ago
    assert len(learners.seen["s1"]) == 1 + 4 + UNKNOWN_STATIONS


def test_each_tenant_of_an_access_switch_has_a_limit_of_reports():
    for switch, entities in intent(leafspine(), OVERLAY).items():
        limits = [e for e in entities if isinstance(e, Entry) and e.table == "learn_limit"]
        assert [entry.meter for entry in limits] == [REPORTS] * (2 * switch.startswith("leaf"))
        for entry in limits:
            config = entry.message(SCHEMA).table_entry.meter_config
            assert (config.cir, config.pburst) == (REPORTS.rate, REPORTS.burst)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_a_switch_holds_already_is_adopted_within_the_quota(order):
    learner = Learner({RED: 2})
    found = sightings(RED, order)
    assert learner.adopt([*found, *sightings(7, [1])]) == [*sightings(7, [1]), found[0]]
    assert list(learner.held) == found[1:]
    learner.report(found[1:])
    assert learner.changes(10) == ([], [])
