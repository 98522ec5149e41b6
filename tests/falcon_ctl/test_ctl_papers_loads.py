"""Loads that are read from the papers' bars: still those that the rules beside them give.

A rule is about the model with its present amounts: whoever changes these may have to read again.
"""

from dataclasses import replace

import pytest

from falcon_ctl.papers import catalogue, compare
from falcon_ctl.papers.data import PAPERS
from falcon_ctl.papers.run import Asked, run_all

COSTS = {name: paper.costs for name, paper in PAPERS.items()}


def bars(names, at, bar):
    """[measured, modelled] of a bar at a place of each of these panels."""
    panels = [
        replace(
            panel,
            points={x: point for x, point in panel.points.items() if x in at},
            bars=tuple(one for one in panel.bars if one.name == bar),
        )
        for name in names
        for panel in catalogue.select(name)
        if set(at) & set(panel.points)
    ]
    found = compare.levels(run_all(panels, 1, Asked(costs=COSTS)))
    return [(one.measured, one.modelled) for one in found]


@pytest.mark.parametrize(
    ("paper", "figure", "bar"), [("eurosys21", "18", "Con"), ("ipdps23", "13", "Con (vanilla)")]
)
def test_ten_clients_of_memcached_wait_as_many_times_longer_for_the_container(paper, figure, bar):
    names = [f"{paper}:{figure} {count}" for count in ("1 client", "10 clients")]
    one, ten = bars(names, ("mean",), bar)
    assert ten[1] / one[1] == pytest.approx(ten[0] / one[0], rel=0.05)


def test_the_core_that_takes_the_hosts_interrupts_is_full_in_the_stress_test():
    ((_, modelled),) = bars(["eurosys21:11"], ("core 0",), "Host")
    assert modelled > 99


def test_falcons_stages_stay_on_cores_3_and_4():
    """The first one's is the busier one [EuroSys Fig 11: 95 and 42 %]."""
    (_, third), (_, fourth) = bars(["eurosys21:11"], ("core 3", "core 4"), "Falcon")
    assert 30 < third < fourth
