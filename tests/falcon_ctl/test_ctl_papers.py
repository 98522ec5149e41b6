"""The papers' panels: what is run, how it is compared and counted, and what is written."""

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.errors import UsageError
from falcon_ctl.papers import catalogue, compare, data, export, fidelity, layout, plots
from falcon_ctl.papers.eurosys21 import CON, FALCON, HOST
from falcon_ctl.papers.layout import ONE_FLOW, SHARED, Layout
from falcon_ctl.papers.loads import UNSTATED, caching, datagrams, paced, streams, stress
from falcon_ctl.papers.metrics import METRICS
from falcon_ctl.papers.panel import (
    ALL_CORES,
    Bar,
    FirstStage,
    Missing,
    Role,
    StageShares,
    on_cores,
)
from falcon_ctl.papers.run import Asked, Job, Modelled, Place, jobs, lacking, places, run_all
from falcon_ctl.papers.stages import first_stage
from falcon_ctl.report import provenance
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.timeline import of_runs
from falcon_ctl.virtual.loads import Stream
from falcon_ctl.virtual.measure import Metrics, measure
from falcon_ctl.virtual.peak import Peak, with_knobs
from rxpath.config.knobs import Knobs

ORIGIN = provenance.begin([1], "")
STRESS = next(panel for panel in catalogue.PANELS if panel.name == "10c")
FLOW = datagrams(16, 1e5, ms=2, warm_ms=1)  # one at fixed intervals, whose hash is given


def metrics(rate, loads=(), softirq=(), latencies=()):
    return Metrics(
        rate,
        1,
        10,
        {},
        0,
        2,
        np.array(latencies, np.int64),
        dict(loads),
        dict(softirq),
        net_rx=7.0,
        messages_per_s=rate,
        gbit_per_s=rate / 1e6,
        rest_ns=1000,
    )


# -- panels ------------------------------------------------------------------------------------


def test_every_panel_about_receiving_is_there_and_has_its_measurements():
    wanted = {
        "eurosys21": {2, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19},
        "ipdps23": {4, 8, 9, 10, 12, 13},
    }
    for paper, figures in wanted.items():
        found = {int(panel.figure) for panel in catalogue.PANELS if panel.paper == paper}
        assert found == figures
    compare.verify(catalogue.PANELS)  # raises where a bar has no value in the data


def test_every_bar_of_their_figures_is_in_a_panel():
    """Rates and latencies; CPU time is compared for the cores whose use is known."""
    shown = {}
    for panel, bar, x in places(catalogue.PANELS):
        for metric in panel.data or (panel.metric,):
            shown.setdefault((panel.paper, panel.figure, panel.panel, metric), set()).add(
                (bar.name, x)
            )
    figures = {(panel.paper, panel.figure) for panel in catalogue.PANELS}
    for paper in data.PAPERS:
        for value in data.load(paper):
            if (paper, value.figure) in figures and value.metric in ("rate", "latency"):
                key = (paper, value.figure, value.panel, value.metric)
                assert (value.system, value.x) in shown[key], value


@pytest.mark.parametrize("panel", catalogue.PANELS, ids=lambda one: f"{one.paper} {one.name}")
def test_a_panel_is_whole(panel):
    assert panel.kind in compare.KINDS
    assert (
        panel.metric in METRICS
        or panel.metric == "share"
        or (panel.metric.startswith("first stage "))
    )
    names = [bar.name for bar in panel.bars]
    assert len(set(names)) == len(names)
    for bar in panel.bars:
        assert bar.over == "" or bar.over in names
    for x in panel.points:
        assert all(panel.point(bar, x) is not None for bar in panel.bars)
    both = {f"{name} {x}" for name in names for x in panel.points}
    assert set(panel.roles) <= {*panel.points, *names, *both, "*"}


def test_only_the_named_measurements_may_set_amounts():
    fitted = {
        (place.panel.paper, place.panel.name, place.x if place.panel.kind == "rate" else "")
        for place in places(catalogue.PANELS)
        if place.panel.role(place.bar, place.x) is Role.FITTED
    }
    assert fitted == {
        ("eurosys21", "5 single-flow", ""),
        ("eurosys21", "5 multi-flow", ""),
        ("eurosys21", "6 sockperf", ""),
        ("eurosys21", "6 memcached", ""),
        ("eurosys21", "9a", ""),
        ("eurosys21", "11", ""),
        ("ipdps23", "4b", ""),
        ("eurosys21", "10c", "16B"),
        ("eurosys21", "13d", "1"),
    }


def test_a_unit_of_the_data_is_that_of_the_metric():
    of = {
        "rate": "messages/s",
        "goodput": "bit/s",
        "latency": "ns",
        "half rtt": "ns",
        "softirqs": "1/s",
    }
    for place in places(catalogue.PANELS):
        unit = data.UNITS[compare.measured(place).unit].of
        assert unit in (of.get(place.panel.metric, "percent"), "ratio")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("eurosys21:10c", {"10c"}),
        ("eurosys21:10", {"10a", "10b", "10c"}),
        ("ipdps23:8,eurosys21:16", {"16", "8a TCP", "8a UDP", "8b TCP", "8b UDP"}),
    ],
)
def test_panels_by_name(text, names):
    assert {panel.name for panel in catalogue.select(text)} == names


def test_all_panels_and_those_of_a_paper():
    assert catalogue.select("all") == list(catalogue.PANELS)
    assert {panel.paper for panel in catalogue.select("ipdps23")} == {"ipdps23"}


@pytest.mark.parametrize("text", ["eurosys21:7", "sigcomm", "", ",", "10c"])
def test_unknown_panels(text):
    with pytest.raises(UsageError, match=r"--figures: .*; expected all, or some of eurosys21:2"):
        catalogue.select(text)


# -- core layouts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "one",
    [
        *(SHARED, layout.BUSY, layout.MFLOW, SHARED.changed({"rps": 5})),
        *map(SHARED.changed, layout.ALTERNATIVES.values()),
    ],
)
def test_a_layout_is_of_cores_that_the_host_has(one):
    one.check("layout")
    knobs = Knobs.parse(one.knobs)
    assert knobs.queues == len(knobs.irq_cpus) == one.receiving
    used = {*knobs.irq_cpus, *knobs.rps_cpus, *knobs.app_cpus}
    used |= {*knobs.falcon.cpus, *knobs.falcon.grosplit_cpus}
    assert used == set(range(sum(vars(one).values())))


def test_falcon_cores_are_idle_ones_unless_they_are_the_receiving_ones():
    assert not set(SHARED.knobs["falcon"]["cpus"]) & set(SHARED.knobs["irq_cpus"])
    busy = layout.BUSY.changed({"falcon": 8, "receiving": 5})
    assert busy == Layout(receiving=5, falcon=0, split=0)
    assert busy.knobs["falcon"]["cpus"] == busy.knobs["irq_cpus"] == [0, 1, 2, 3, 4]


def test_rps_has_cores_of_its_own_or_the_receiving_ones():
    assert SHARED.knobs["rps_cpus"] == SHARED.knobs["irq_cpus"]
    apart = Layout(receiving=2, rps=3, falcon=2, split=1, applications=2)
    assert Knobs.parse(apart.knobs).rps_cpus == (2, 3, 4)
    falcon = {"cpus": [5, 6], "grosplit_cpus": [7]}
    assert (apart.knobs["falcon"], apart.knobs["app_cpus"]) == (falcon, [8, 9])
    assert SHARED.changed({"rps": 3}).rps == 3
    assert layout.parse("--layout", "rps=3") == {"rps": 3}
    with pytest.raises(UsageError, match=r"rps=36, .*: 51 cores; expected at most 40, the machine"):
        layout.parse("--layout", "rps=36")


def test_a_layout_of_the_command_line():
    assert layout.parse("--layout", "receiving=5, falcon=4") == {"receiving": 5, "falcon": 4}
    assert layout.parse("--layout", "") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "receiving=30,falcon=9",
            "=30, rps=0, falcon=9, split=4, .*: 43 cores; expected at most 40, the",
        ),
        (
            "cores=3",
            "--layout: 'cores=3'; expected NAME=COUNT, NAME one of receiving, rps, falcon, ",
        ),
        ("falcon=-1", "--layout: 'falcon=-1'; expected NAME=COUNT"),
        ("receiving=0", "receiving=0, .*; expected counts of 0 and more, and one receiving core"),
    ],
)
def test_a_layout_that_cannot_be(text, said):
    with pytest.raises(UsageError, match=said) as error:
        layout.parse("--layout", text)
    assert "\n" not in str(error.value)


def test_one_flow_is_laid_out_as_the_papers_picture_shows_it():
    """EuroSys Fig 11: interrupt and first stage on 0, application on 2, later stages on 3 and 4."""
    bar = FALCON
    load = datagrams(16, 100e3, ms=2, warm_ms=1)
    panel = replace(STRESS, bars=(bar,), points={"16B": load}, knobs=ONE_FLOW)
    (found,) = [job.run() for job in jobs(Place(panel, bar, "16B"), 1, Asked())]
    assert set(found.loads) == {0, 1, 2, 3, 4}
    assert set(found.softirq) == {0, 1, 3, 4}


@pytest.mark.parametrize("load", [FLOW, Peak(FLOW), streams(4096)], ids=["udp", "peak", "tcp"])
def test_a_load_may_have_cores_of_its_own(load):
    """They go before the panel's layout, and the load's other knobs before them."""
    own = with_knobs(load, {"rx_usecs": 7, "app_cpus": [9]})
    points = {"16B": on_cores(own, ONE_FLOW), "1KB": own}
    panel = replace(STRESS, points=points, knobs={}, layout=SHARED)
    there, here = (next(jobs(Place(panel, CON, x), 1, Asked())) for x in points)
    assert knobs_of(there)["irq_cpus"] == ONE_FLOW["irq_cpus"]
    assert knobs_of(here)["irq_cpus"] == SHARED.knobs["irq_cpus"]
    for job in (there, here):
        assert (knobs_of(job)["rx_usecs"], knobs_of(job)["app_cpus"]) == (7, [9])


def knobs_of(job):
    """The host's, of a run: the load's own go before the panel's."""
    found = with_knobs(job.point, job.knobs)
    return (found.load if isinstance(found, Peak) else found).knobs


def test_each_bars_load_may_have_cores_of_its_own():
    both = on_cores({"Host": FLOW, "Con": stress(16), "Falcon": UNSTATED}, ONE_FLOW)
    assert both["Host"] == replace(FLOW, knobs=ONE_FLOW)
    assert both["Con"].load.knobs == ONE_FLOW
    assert both["Falcon"] == UNSTATED


# -- metrics -----------------------------------------------------------------------------------


def test_metrics_of_a_run():
    run = metrics(1e6, {0: 30.0, 2: 60.0}, {0: 30.0, 2: 10.0}, [1000, 2000, 3000])
    panel = replace(STRESS, cores=6)
    of_all = ("rate", "goodput", "softirq", "application", "cpu", "softirqs")
    value = {name: METRICS[name](run, panel, ALL_CORES) for name in of_all}
    assert value == {
        "rate": 1e6,
        "goodput": 1e9,
        "softirq": 40.0,
        "application": 50.0,
        "cpu": 15.0,
        "softirqs": 7.0,
    }
    shares = [METRICS["core share"](run, panel, f"core {core}") for core in (0, 1, 2)]
    assert shares == pytest.approx([100 / 3, 0, 200 / 3])
    assert METRICS["softirq"](run, panel, "core 0") == 30.0
    assert METRICS["application"](run, panel, "core 2") == 50.0
    assert METRICS["application"](run, panel, "core 7") == 0.0
    assert METRICS["latency"](run, panel, "mean") == 2000
    assert METRICS["latency"](run, panel, "p50") == 2000
    assert METRICS["latency"](run, panel, "p99.99") == pytest.approx(3000, rel=1e-3)
    assert METRICS["half rtt"](run, panel, "p50") == (2000 + 1000) / 2
    assert math.isnan(METRICS["latency"](metrics(1.0), panel, "p50"))


def test_the_first_stage_leaves_gro_once_for_each_skb_that_it_merged():
    dear = {"cost_overrides": {"gro_complete.ns": 10**7, "vxlan_gro_complete.ns": 10**7}}
    few = {"cost_overrides": {"gro_complete.ns": 0, "vxlan_gro_complete.ns": 0}}
    share = {
        (point, name): first_stage(BY_NAME["rps"], point, knobs)["first stage GRO"]
        for point in (FirstStage("udp", 3), FirstStage("tcp", 1), FirstStage("tcp", 3))
        for name, knobs in (("dear", dear), ("few", few))
    }
    assert share[FirstStage("tcp", 3), "dear"] > 99
    assert share[FirstStage("tcp", 3), "few"] < 90
    for alone in (FirstStage("udp", 3), FirstStage("tcp", 1)):
        assert share[alone, "dear"] == share[alone, "few"]


# -- comparing ---------------------------------------------------------------------------------


def results(**by_system):
    """Results of Fig 10c at 16 B: system → values of the seeds, or why there are none."""
    found = {}
    for bar in STRESS.bars:
        given = by_system.get(bar.name, "not run")
        model = Modelled(why=given) if isinstance(given, str) else Modelled(tuple(given), 0.0, 5.0)
        found[Place(STRESS, bar, "16B")] = model
    return found


def test_ratios_are_a_systems_over_its_baseline():
    found = compare.ratios(results(Host=[2e6, 1e6], Con=[5e5, 5e5], Falcon=[1e6, 2e6]))
    con, falcon = found
    assert (con.place.bar, falcon.place.bar) == (CON, FALCON)
    assert con.measured == pytest.approx(550 / 2000)
    assert con.modelled == pytest.approx(0.5 / 1.5)  # of the means, as the papers' bars are
    assert falcon.measured == pytest.approx(1300 / 550)
    assert falcon.modelled == pytest.approx(3.0)
    assert falcon.error == pytest.approx(3.0 / (1300 / 550) - 1)
    assert falcon.role is Role.FITTED


def test_what_is_not_modelled_is_said_and_not_counted():
    found = compare.ratios(results(Host=[2e6], Con=[5e5], Falcon="no such system"))
    con, falcon = found
    assert not con.why
    assert falcon.why == "no such system"
    assert math.isnan(falcon.modelled)
    assert [score.count for score in compare.scores(found, Role.FITTED)] == [1]
    without_base = compare.ratios(results(Host="no host", Con=[5e5], Falcon=[5e5]))
    assert without_base[0].why == "no host"


def test_levels_are_in_the_papers_unit():
    host, *_ = compare.levels(results(Host=[2e6, 1e6], Con=[5e5], Falcon=[1e6]))
    assert (host.unit, host.measured, host.modelled) == ("Kpps", 2000, 1500)
    assert 1000 <= host.low < host.high <= 2000
    assert (host.reordered, host.cpu_ns) == (0.0, 5.0)


def test_normalised_bars_are_over_the_first_system():
    panel = next(one for one in catalogue.PANELS if one.name == "2b 100G")
    host, con = panel.bars
    found = {
        Place(panel, host, "16B"): Modelled((4e6,)),
        Place(panel, con, "16B"): Modelled((1e6,)),
    }
    first, second = compare.levels(found)
    assert (first.modelled, second.modelled) == (1.0, 0.25)
    (ratio,) = compare.ratios(found)
    assert (ratio.measured, ratio.modelled) == (0.3705, 0.25)


def test_user_and_system_time_are_the_applications():
    panel = next(one for one in catalogue.PANELS if (one.name, one.metric) == ("11", "application"))
    value = compare.measured(Place(panel, HOST, "core 2"))
    assert value.value == pytest.approx(28.86 + 71.14)
    assert value.error == pytest.approx(0.054 * 2**0.5)


def test_all_cores_are_the_sum_of_a_panels_cores():
    panel = next(
        one for one in catalogue.PANELS if (one.name, one.metric) == ("5 multi-flow", "softirq")
    )
    value = compare.measured(Place(panel, HOST, ALL_CORES))
    assert value.value == pytest.approx(29.25 + 20.54 + 38.43 + 23.66 + 27.98)


def test_shares_are_of_the_whole():
    flame = next(one for one in catalogue.PANELS if one.name == "6 sockperf")
    value = compare.measured(Place(flame, flame.bars[0], "gro_cell_poll"))
    assert value.value == pytest.approx(100 * 30.61 / (30.61 + 20.54 + 35.97))
    stage = next(one for one in catalogue.PANELS if one.metric == "first stage GRO")
    value = compare.measured(Place(stage, stage.bars[0], "UDP 1 KB"))
    assert value.value == pytest.approx(100 * 21.88 / 48)


def test_an_idle_core_is_no_baseline():
    panel = next(one for one in catalogue.PANELS if (one.name, one.metric) == ("11", "softirq"))
    found = {Place(panel, bar, "core 3"): Modelled((50.0,)) for bar in panel.bars}
    assert compare.ratios(found) == []


def test_a_measurement_that_is_not_there_is_named():
    panel = replace(STRESS, points={"2KB": stress(2000)})
    with pytest.raises(UsageError, match="eurosys21 Fig 10c: no rate of Host at 2KB; expected a v"):
        compare.verify([panel])


def test_the_score():
    panel = replace(STRESS, roles={})
    ratio = 550 / 2000

    def one(factor, kind="rate"):
        return compare.Ratio(
            Place(replace(panel, kind=kind), CON, "16B"), ratio, ratio * factor, ""
        )

    found = [one(1.0), one(0.92), one(1.11), one(0.7), one(1.5, "cpu")]
    found.append(replace(found[0], modelled=float("nan"), why="missing"))
    rate, cpu = compare.scores(found)
    assert (rate.kind, rate.count, rate.near, rate.wide) == ("rate", 4, 0.5, 0.75)
    assert rate.median == pytest.approx((0.08 + 0.11) / 2)
    assert (cpu.kind, cpu.count, cpu.near, cpu.wide) == ("cpu", 1, 0.0, 0.0)
    assert compare.scores(found, Role.FITTED) == []


# -- running -----------------------------------------------------------------------------------


def test_why_a_place_cannot_be_run():
    bar = Bar("X", "warp")
    panel = replace(STRESS, bars=(bar, CON), points={"16B": stress(16), "4KB": Missing("no")})
    assert lacking(Place(panel, bar, "16B")) == "the catalogue has no system warp"
    assert lacking(Place(panel, CON, "4KB")) == "no"
    assert lacking(Place(panel, CON, "16B")) == ""


def test_one_run_serves_all_panels_that_show_it(monkeypatch):
    ran = []
    monkeypatch.setattr(Job, "run", lambda job: ran.append(job.key) or metrics(1e5))
    bars = (HOST, CON)
    one = replace(STRESS, bars=bars, points={"16B": stress(16, flows=2)})
    other = replace(one, panel="b")
    found = run_all([one, other], 2, Asked())
    assert len(ran) == len(set(ran)) == 4  # two systems, two seeds
    assert len(found) == 4
    assert all(model.values == (1e5, 1e5) for model in found.values())
    run_all([one], 1, Asked(overrides={"eurosys21": {"ip_rcv.ns": 5}}))
    assert len(set(ran)) == 6


@pytest.mark.parametrize(
    ("point", "runs"),
    [
        (FLOW, 1),
        (stress(16), 3),  # when each of three clients begins
        (streams(4096), 1),
        (paced(4096, 1e4), 1),
        (StageShares(FLOW), 1),
        (FirstStage("tcp", 3), 1),
        (Missing("no"), 0),
        (replace(FLOW, paced=False), 3),
        (replace(FLOW, hashes=()), 3),
        (replace(FLOW, rates=(1e5, 1e5)), 3),
        (stress(16, flows=2), 3),
        (streams(4096, 2), 3),
        (replace(streams(4096), connections=2), 3),
        (caching(1, 100), 3),
    ],
)
def test_what_no_seed_decides_is_run_once(point, runs):
    panel = replace(STRESS, bars=(CON,), points={"16B": point})
    assert [job.seed for job in jobs(Place(panel, CON, "16B"), 3, Asked())] == [1, 2, 3][:runs]


def test_a_load_without_anything_drawn_is_the_same_with_every_seed():
    load = replace(FLOW, knobs=ONE_FLOW)
    one, other = (measure(BY_NAME["rps"], load, seed) for seed in (1, 2))
    assert one.messages_per_s == pytest.approx(other.messages_per_s, rel=0.01)
    assert np.median(one.latencies) == pytest.approx(np.median(other.latencies), rel=0.01)


def test_a_panel_from_load_to_ratio():
    bars = (HOST, CON)
    points = {"16B": datagrams(16, 300e3, ms=2, warm_ms=1)}
    panel = replace(STRESS, bars=bars, points=points)
    found = run_all([panel], 1, Asked())
    (ratio,) = compare.ratios(found)
    assert ratio.modelled == pytest.approx(1.0, abs=0.05)  # both carry it
    slow = run_all(
        [replace(panel, points={"16B": stress(16)})],
        1,
        Asked(overrides={"eurosys21": {"br_handle_frame.udp": 5000}}),
    )
    (ratio,) = compare.ratios(slow)
    assert ratio.modelled < 0.2


def test_results_do_not_depend_on_the_number_of_threads():
    panel = replace(STRESS, bars=(CON,), points={"16B": datagrams(16, 3e5, ms=2, warm_ms=1)})
    one, two = (run_all([panel], 3, Asked(), threads=count) for count in (1, 2))
    assert one == two


# -- what is written ---------------------------------------------------------------------------


@pytest.fixture
def outcome():
    found = results(Host=[2e6], Con=[5e5], Falcon="no such system")
    return compare.levels(found), compare.ratios(found)


def test_the_page_has_every_ratio(outcome):
    _, ratios = outcome
    page = fidelity.page(ratios, {}, 1, {"eurosys21": "some-profile"}, "make-it")
    assert "Written by `make-it`" in page
    assert "| 16B | Con / Host | 0.275 | 0.250 | -9.1% | 1.00 | 0.0% | fitted |" in page
    assert "| 16B | Falcon / Con | 2.364 | - | - |  |  | not modelled |" in page
    assert "| no such system | 1 | eurosys21 10c |" in page
    assert "| fitted | rate | 1 | 100% | 100% | 9.1% |  |" in page


def test_the_page_says_which_goals_are_missed_and_what_limits_the_fit(outcome):
    _, ratios = outcome
    one = ratios[0]  # 9 % off
    predicted = replace(one.place.panel, roles={})
    near = replace(one, place=one.place._replace(panel=predicted))
    far = replace(near, modelled=3 * one.measured)
    state = "The goals of the score are {}."
    for found, goals in (
        ([near], "met"),
        ([near, far], "missed for rate"),
        ([one], "not looked at"),
    ):
        assert state.format(goals) in fidelity.page(found, {}, 1, {}, "")
    page = fidelity.page(ratios, {}, 1, {}, "")
    assert "left out and count as open" in page
    assert "not looked up" in page


def test_the_page_says_which_of_the_talks_claims_are_met():
    found = compare.ratios(results(Host=[2e6], Con=[5e5], Falcon=[1.2e6]))
    row = "| 1 single flow, UDP | 10c, 16B | Falcon / Con | 2.36 | {} | {} |"
    assert row.format("2.40", "yes") in fidelity.page(found, {}, 1, {}, "")
    found = compare.ratios(results(Host=[2e6], Con=[5e5], Falcon=[1.1e6]))
    assert row.format("2.20", "no") in fidelity.page(found, {}, 1, {}, "")


def test_every_claim_of_the_talk_is_a_ratio_of_the_paper():
    for _, name, bar, x in fidelity.TALK:
        (panel,) = [
            one for one in catalogue.select("eurosys21") if one.name == name and x in one.points
        ]
        (found,) = [one for one in panel.bars if one.name == bar]
        assert found.over


def test_the_page_shows_what_other_layouts_do(outcome):
    _, ratios = outcome
    moved = [replace(one, place=_laid_out(one.place)) for one in ratios]
    effects = {"five cores": [replace(one, modelled=0.5) for one in moved]}
    page = fidelity.page(moved, effects, 1, {}, "")
    assert "| eurosys21 10c | 16B | Con / Host | 0.28 | 0.25 | 0.50 |" in page


def _laid_out(place):
    return place._replace(panel=replace(place.panel, layout=SHARED))


def test_tables_and_document(outcome):
    levels, ratios = outcome
    rows = list(csv.DictReader(io.StringIO(export.levels_csv(levels, ORIGIN))))
    assert [row["system"] for row in rows] == ["Host", "Con", "Falcon"]
    assert rows[0]["measured"] == "2000.0"
    assert rows[0]["modelled"] == "2000.0"
    assert rows[0]["reordered_ratio"] == "0.0"
    assert rows[2]["not_modelled"] == "no such system"
    assert rows[2]["modelled"] == ""
    assert all(row["provenance"] == ORIGIN.id for row in rows)
    rows = list(csv.DictReader(io.StringIO(export.ratios_csv(ratios, ORIGIN))))
    assert rows[0]["over"] == "Host"
    document = json.loads(export.document(levels, ratios, ORIGIN))
    assert document["scores"]["fitted"][0]["count"] == 1
    assert document["ratios"][1]["modelled"] is None
    assert len(document["bars"]) == 3


def test_measured_and_modelled_bars_stand_side_by_side(outcome, tmp_path):
    levels, _ = outcome
    panel = replace(STRESS, points={"16B": STRESS.points["16B"]})
    levels = [replace(one, place=one.place._replace(panel=panel)) for one in levels]
    (axes,) = plots.draw(levels).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [2000, 2000, 550, 500, 1300, 0]
    lefts = sorted(bar.get_x() for bar in axes.patches)
    assert lefts == [bar.get_x() for bar in axes.patches]
    assert axes.get_ylabel() == "rate, Kpps"
    assert "not modelled" in {text.get_text() for text in axes.texts}
    (path,) = plots.draw_all(tmp_path, levels, ORIGIN)
    assert path.name == "eurosys21-figure-10.png"
    assert path.read_bytes().startswith(b"\x89PNG")


# -- the command -------------------------------------------------------------------------------


def call(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(["figures", "--paper", *argv])
    return ended.value.code, *capsys.readouterr()


def test_the_command_writes_everything(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Job, "run", lambda _: metrics(1e5, {0: 1.0}, {0: 1.0}, [1000]))
    monkeypatch.setattr(of_runs, "measured_at", lambda *_: Stream((300e3,), ms=1, warm_ms=0))
    file, page = tmp_path / "all.json", tmp_path / "page.md"
    argv = ("--figures", "eurosys21:2d TCP,eurosys21:12a", "--seeds", "1")
    where = ("--json", str(file), "--page", str(page), "--results", str(tmp_path / "results"))
    where += ("--trace", str(tmp_path / "runs.json"))
    status, out, error = call(capsys, *argv, *where)
    assert (status, error) == (0, "")
    assert "ratios are not modelled" in out
    (folder,) = (tmp_path / "results").iterdir()
    names = {path.name for path in folder.iterdir()}
    pictures = {"eurosys21-figure-2.png", "eurosys21-figure-12.png"}
    texts = {"papers.json", "bars.csv", "ratios.csv", "fidelity.md", "report.html"}
    assert names == texts | pictures
    assert json.loads(file.read_text())["ratios"]
    assert page.read_text() == (folder / "fidelity.md").read_text()
    runs = [one["group"] for one in json.loads((tmp_path / "runs.json").read_text())["runs"]]
    assert runs == [  # each once, though two places of the panel are of the same runs
        "eurosys21 12a, p50: Host (host network with RPS)",
        "eurosys21 12a, p50: Con (overlay with RPS)",
        "eurosys21 12a, p50: Falcon (FALCON beside RPS)",
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--figures", "eurosys21:7"), "--figures: 'eurosys21:7'; expected all, or some of"),
        (("--layout", "falcon=99"), "cores; expected at most 40, the machine's"),
        (("--costs", "warp"), "costs: got 'warp', expected one of"),
        (("--systems", "mflow"), "--systems, --policy and --chain are for the talk's"),
        (("--json", "/nowhere/x.json"), "--json /nowhere/x.json"),
        (("--page", "/nowhere/x.md"), "--page /nowhere/x.md"),
    ],
)
def test_wrong_calls_are_one_line(capsys, argv, said):
    status, _, error = call(capsys, *argv)
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


def test_a_page_and_a_layout_are_the_papers(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["figures", "--layout", "falcon=3"])
    assert ended.value.code == 2
    assert "--layout and --page: without --paper" in capsys.readouterr().err
