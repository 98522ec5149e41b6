"""What the cores do in a run, what a cost does to a claim, and the pictures of both."""

import csv
import json
import re

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.figures import core_plots, sensitivity, tornado
from falcon_ctl.figures.core_activity import loads, timeline
from falcon_ctl.figures.evaluate import Row
from falcon_ctl.figures.experiments import BY_FIGURE, PROFILE, Experiment
from falcon_ctl.figures.sensitivity import Change, Effect
from falcon_ctl.report import provenance
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual.measure import MS, Closed, Stream, measure
from rxpath.config import costs
from rxpath.config.knobs import Knobs
from rxpath.errors import ConfigError

# -- timelines ---------------------------------------------------------------------------------


def cpus_of(seen, kind):
    return set(seen.stages.cpu[seen.stages.kind == kind].tolist())


def test_the_containers_three_softirqs_share_a_core():
    seen = timeline(BY_NAME["overlay"], "udp", 900e3, seed=1, span_us=400)
    (core,) = cpus_of(seen, "napi")
    assert cpus_of(seen, "gro_cell") == cpus_of(seen, "backlog") == {core}
    softirqs = seen.stages.where(seen.stages.cpu == core)
    assert np.all(softirqs.start[1:] >= softirqs.end[:-1])  # one after another


def test_falcons_three_softirqs_have_a_core_each_and_overlap():
    seen = timeline(BY_NAME["falcon"], "udp", 900e3, seed=1, span_us=400)
    cores = [cpus_of(seen, kind) for kind in ("napi", "gro_cell", "backlog")]
    assert [len(core) for core in cores] == [1, 1, 1]
    assert len(set.union(*cores)) == 3
    stages = seen.stages
    first, second = (stages.where(stages.kind == kind) for kind in ("napi", "gro_cell"))
    begun, going_on = first.start[:, None] < second.end, second.start < first.end[:, None]
    assert (begun & going_on).any()


def test_splitting_gives_a_tcp_flows_gro_a_core_of_its_own():
    seen = timeline(BY_NAME["falcon"], "tcp", 900e3, seed=1, span_us=400)
    assert cpus_of(seen, "split")
    assert cpus_of(seen, "split").isdisjoint(cpus_of(seen, "napi"))
    assert not cpus_of(timeline(BY_NAME["falcon"], "udp", 900e3, 1, 400), "split")


def test_a_timeline_shows_its_span_only():
    seen = timeline(BY_NAME["host"], "udp", 500e3, seed=1, span_us=100)
    assert (seen.start, seen.end) == (MS, MS + 100_000)
    assert len(seen.stages.cpu) > 50
    assert np.all((seen.stages.end > seen.start) & (seen.stages.start < seen.end))


# -- loads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "load",
    [Stream((600e3,) * 3, ms=6, warm_ms=2), Closed(3, ms=6, warm_ms=2, window=16)],
    ids=["udp", "tcp"],
)
def test_the_steps_loads_add_up_to_the_runs(load):
    system = BY_NAME["overlay"]
    steps = loads(system, load, seed=1, step_us=500)
    assert steps.percent.shape == (16, 40)
    assert steps.times[-1] == 8
    measured = measure(system, load, seed=1).loads
    last = steps.percent[4:].mean(axis=0)  # without warming up
    for cpu, percent in measured.items():
        assert last[cpu] == pytest.approx(percent, abs=6)
    idle = sorted(set(range(40)) - set(measured))
    assert not steps.percent[:, idle].any()


def test_a_surge_shows_where_it_begins():
    load = Closed(1, ms=4, warm_ms=4, window=4, surge=32, surging=1)
    steps = loads(BY_NAME["host"], load, seed=1, step_us=500)
    busy = steps.percent.max(axis=1)
    assert busy[4:8].max() < 0.7 * busy[9:].min()  # up to 4 ms, and from 4.5 ms on


# -- sensitivity -------------------------------------------------------------------------------


def test_a_change_scales_all_amounts_of_a_cost():
    before = costs.load(PROFILE)
    changed = costs.load(PROFILE, sensitivity.overrides(Change("copy_to_user", 1.5)))
    assert changed["copy_to_user"].ns_kib == round(before["copy_to_user"].ns_kib * 1.5)
    split = costs.load(PROFILE, sensitivity.overrides(Change("l4_rcv", 0.5)))["l4_rcv"]
    assert split.udp == round(before["l4_rcv"].udp / 2)
    assert split.tcp == round(before["l4_rcv"].tcp / 2)


def test_only_costs_that_the_runs_pay_are_changed():
    names = sensitivity.costs_of(BY_FIGURE[1].runs())
    assert {"vxlan_rcv", "driver_poll", "hardirq"} <= set(names)
    assert not {"mtcp_recv", "ovs_vport_receive", "nf_policy"} & set(names)


def test_the_overlays_costs_move_its_claims_and_the_hosts_do_not():
    load = Stream((2e6,), ms=2, warm_ms=1)
    experiment = Experiment(1, "short", "short", [("udp", "1", load)])
    found = sensitivity.effects([experiment], seeds=1, percent=30).effects
    by_cost = {effect.cost: effect for effect in found}
    assert len(found) == len(by_cost) == len(sensitivity.costs_of(experiment.runs()))
    assert by_cost["remote_enqueue"].lowered > by_cost["remote_enqueue"].raised  # FALCON pays it
    few = by_cost["context_switch"].swing  # each thread has a core of its own
    assert few < 0.2 * by_cost["remote_enqueue"].swing
    assert by_cost["hardirq"].swing < by_cost["remote_enqueue"].swing


def effect(cost, lowered, raised):
    row = Row(1, "falcon", "udp", "packet rate / container's", 2.0, 2.2, True, 2.1, 2.3, "1")
    return Effect(row, cost, lowered, raised)


def test_the_strongest_come_first_even_when_both_ways_are_down():
    found = [effect("a", 2.1, 2.3), effect("b", 1.9, 2.0), effect("c", 2.2, 2.2)]
    assert [one.cost for one in tornado.strongest(found, 2)] == ["b", "a"]


@pytest.mark.slow
def test_sensitivity_writes_a_table_and_pictures(tmp_path, capsys, monkeypatch):
    short = Experiment(1, "short", "short", [("udp", "1", Stream((2e6,), ms=1, warm_ms=1))])
    monkeypatch.setattr("falcon_ctl.figures.experiments.EXPERIMENTS", (short,))
    trace, results = tmp_path / "runs.json", tmp_path / "results"
    with pytest.raises(SystemExit) as ended:
        cli.main(["sensitivity", "--seeds", "1", "--results", str(results), "--trace", str(trace)])
    assert ended.value.code == 0
    assert "1 single flow" in capsys.readouterr().out
    (folder,) = results.iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "sensitivity.csv",
        "figure-1-tornado.png",
        "provenance.json",
        "frames.json",
        "report.html",
    }
    base, extreme = json.loads((folder / "frames.json").read_text())["runs"]
    assert base["title"].startswith("the base: figure 1, ")
    assert re.search(r", \w+ [+-]30 %$", extreme["title"])
    assert len(base["frames"]) == len(extreme["frames"]) == 24
    assert base["frames"] != extreme["frames"]
    with (folder / "sensitivity.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert {row["cost"] for row in rows} == set(sensitivity.costs_of(short.runs()))
    most = max(rows, key=lambda row: abs(float(row["raised"]) - float(row["lowered"])))["cost"]
    traced = [one["group"].rpartition(": ")[2] for one in json.loads(trace.read_text())["runs"]]
    plain = traced[: len(traced) // 3]
    assert traced == plain + [f"{one}, {most} {by} %" for by in (-30, "+30") for one in plain]


def test_a_change_below_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"cost_overrides\.hardirq"):
        Knobs.parse({"cost_overrides": sensitivity.overrides(Change("hardirq", -1))})


# -- pictures ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_cores_pictures_belong_to_their_figures(tmp_path):
    paths = core_plots.draw_all(tmp_path, [1, 2, 7], provenance.begin([1], ""))
    names = sorted(path.name for path in paths)
    assert names == ["figure-1-timeline.png", "figure-7-load.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)
