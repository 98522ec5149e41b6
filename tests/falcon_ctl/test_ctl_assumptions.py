"""What would have to hold for missed ratios: each assumption is about bars that are there."""

import pytest

from falcon_ctl.papers import fidelity
from falcon_ctl.papers.assumptions import ASSUMPTIONS, Assumption
from falcon_ctl.papers.catalogue import PANELS
from falcon_ctl.papers.compare import Ratio
from falcon_ctl.papers.layout import SHARED
from falcon_ctl.papers.run import Asked, Place, jobs
from rxpath.config import costs

TWELVE = Assumption("less", ("eurosys21 12a",), ("Con",), ("p50",), knobs={"napi_weight": 16})


@pytest.mark.parametrize("one", ASSUMPTIONS, ids=lambda one: one.experiment)
def test_an_assumption_is_about_ratios_that_are_there(one):
    found = one.of(PANELS)
    assert {f"{panel.paper} {panel.name}" for panel in found} == set(one.panels)
    assert {bar.name for panel in found for bar in panel.bars} >= set(one.bars)
    assert {x for panel in found for x in panel.points} == set(one.at)
    assert all(bar.over for panel in found for bar in panel.bars if bar.name in one.bars)
    costs.load("xeon-silver-4114", one.amounts)  # raises for an amount that is not there
    SHARED.changed(one.layout).check("layout")
    assert one.experiment


def test_its_knobs_come_before_a_bars_own():
    panel = TWELVE.of(PANELS)[0]
    assert list(panel.points) == ["p50"]
    job = next(jobs(Place(panel, panel.bars[1], "p50"), 1, Asked()))
    assert job.knobs["napi_weight"] == 16


def test_the_page_has_the_ratio_as_it_is_and_with_the_assumption():
    panel = next(panel for panel in PANELS if panel.name == "12a")
    before = [Ratio(Place(panel, bar, "p50"), 1.3, 1.9, "") for bar in panel.bars[1:]]
    changed = TWELVE.of(PANELS)[0]
    after = [Ratio(Place(changed, bar, "p50"), 1.3, 1.4, "") for bar in changed.bars[1:]]
    page = fidelity.page(before, {}, 1, {}, "", [(TWELVE, after)])
    row = "| less | `napi_weight 16` | eurosys21 12a | p50 | Con / Host | 1.30 | 1.90 | 1.40 |"
    assert row in page
    assert "Falcon / Host | 1.30 | 1.90 | 1.40" not in page  # it is not about that
    assert "What would have to hold" not in fidelity.page(before, {}, 1, {}, "")


def test_what_is_missed_without_an_assumption_is_named():
    panel = next(panel for panel in PANELS if panel.name == "12a")
    con, falcon = panel.bars[1:]
    missed = [Ratio(Place(panel, con, "p50"), 1.0, 1.5, "")]
    missed += [Ratio(Place(panel, falcon, "p50"), 1.0, 1.5, "")]
    page = fidelity.page(missed, {}, 1, {}, "", [(TWELVE, [])])
    assert "20 % off: eurosys21 12a (Falcon / Host)." in page
    near = [Ratio(Place(panel, falcon, "p50"), 1.0, 1.1, "")]
    assert "No assumption is known" not in fidelity.page(near, {}, 1, {}, "", [(TWELVE, [])])


def test_a_faster_clock_changes_every_amount_but_constants():
    found = Assumption("", (), (), (), {"ip_rcv.ns": 7}, clock=2.0).overrides("xeon-silver-4114")
    known = costs.load("xeon-silver-4114")
    assert found["skb_alloc.tcp"] == round(known["skb_alloc"].tcp / 2)
    assert found["ip_rcv.ns"] == 7
    assert found["sched_granularity.ns"] == known["sched_granularity"].udp
