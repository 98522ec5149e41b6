"""The figures: what is run, how it is judged, and the commands that show it."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.errors import NotConserved
from falcon_ctl.figures import evaluate, plots
from falcon_ctl.figures.experiments import BY_FIGURE, CLAIMS, EXPERIMENTS, Run
from falcon_ctl.fit.report import rewritten
from falcon_ctl.report import provenance
from falcon_ctl.systems.catalogue import BY_NAME, SYSTEMS
from falcon_ctl.virtual.measure import Closed, Metrics, Stream, measure
from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs


def metrics(pps, *latencies):
    return Metrics(
        pps, 1, 1, {}, 0, 0, np.array(latencies, np.int64), {}, messages_per_s=float(pps)
    )


# -- measuring ---------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
@pytest.mark.parametrize(
    "load",
    [
        Stream((900e3, 300e3), ms=2, warm_ms=1, surge=3.0, surging=1),
        Closed(3, ms=2, warm_ms=2, window=32, surge=2, surging=1),
        Closed(5, ms=2, warm_ms=1, asks=True, think_ns=5000.0),
        Closed(5, ms=2, warm_ms=1, asks=True, renews=True),
    ],
    ids=["udp", "tcp", "requests", "new connections"],
)
def test_every_system_runs_every_kind_of_load_and_conserves_frames(system, load):
    found = measure(system, load, seed=3)
    assert found.is_conserved
    assert found.pps > 10_000
    assert found.delivered > 0
    assert found.loads
    assert all(0 < percent < 101 for percent in found.loads.values())
    # Behind a flow's first packet the next ones of its poll take the shorter way.
    once = Knobs().napi_weight if profiles.load()[system.profile].first_path else 0
    if "balancing" not in system.falcon or system.order != "none":
        assert found.reordered <= once


def test_a_rate_comes_with_the_reordered_share_and_the_cpu_time_a_packet():
    run = Run(3, "falcon-published", "udp", "8 flows", Stream((1.0,), ms=1))
    ran = np.array([1]), {0: 100.0, 2: 50.0}
    found = Metrics(2e6, 40, 40, {}, 0, 10, *ran, messages_per_s=1e6)
    rows = {row.metric: row.measured for row in evaluate.measured({run: [found]})}
    assert rows["message rate (messages/s), 8 flows"] == 1e6
    assert rows["reordered packets (%), 8 flows"] == 25.0
    assert rows["CPU time a packet (ns), 8 flows"] == 750.0
    (bars,) = plots.draw(3, {run: [found]}).axes
    assert "0.8 µs\n25.0 % reord." in [text.get_text() for text in bars.texts]


def test_a_run_that_loses_count_is_no_result(monkeypatch):
    wrong = Metrics(1.0, 10, 7, {"backlog": 1}, 1, 0, np.empty(0, np.int64), {})
    monkeypatch.setattr("falcon_ctl.virtual.measure.udp", lambda *_: wrong)
    with pytest.raises(NotConserved, match="host, seed 5: 10 frames sent, but 7 delivered, 1 drop"):
        measure(BY_NAME["host"], Stream((1.0,), ms=1), seed=5)


def test_a_run_follows_its_seed_alone():
    load, system = Stream((500e3,) * 4, ms=2), BY_NAME["falcon"]
    one, again, other = (measure(system, load, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.latencies, again.latencies)
    assert not np.array_equal(one.latencies, other.latencies)


def test_a_surge_is_as_intense_as_it_says():
    calm = measure(BY_NAME["host"], Stream((100e3,) * 4, ms=20), 1)
    surging = measure(BY_NAME["host"], Stream((100e3,) * 4, ms=20, surge=3.0, surging=2), 1)
    assert calm.pps == pytest.approx(400e3, rel=0.05)
    assert surging.pps == pytest.approx(800e3, rel=0.05)


# -- judging -----------------------------------------------------------------------------------


def results(figure, proto, by_setup):
    """{system: {label: [metrics]}} as the results of a run."""
    load = Stream((1.0,), ms=1)
    return {
        Run(figure, system, proto, label, load): found
        for system, labels in by_setup.items()
        for label, found in labels.items()
    }


def test_the_best_load_counts_and_ten_points_are_within():
    found = results(
        3,
        "udp",
        {
            "rps": {"8": [metrics(100.0), metrics(200.0)], "16": [metrics(100.0)] * 2},
            "falcon-rps": {"8": [metrics(150.0), metrics(300.0)], "16": [metrics(90.0)] * 2},
        },
    )
    (row,) = evaluate.claims(found)
    assert (row.measured, row.claim, row.within, row.load) == (1.5, 1.55, True, "8")
    worse = results(3, "udp", {"rps": {"8": [metrics(100.0)]}, "falcon-rps": {"8": [metrics(144)]}})
    assert evaluate.claims(worse)[0].within is False
    better = results(3, "udp", {"rps": {"8": [metrics(1.0)]}, "falcon-rps": {"8": [metrics(1.7)]}})
    assert evaluate.claims(better)[0].within is False


def test_at_least_is_no_upper_bound():
    found = results(
        1,
        "udp",
        {"rps": {"1": [metrics(100.0)]}, "falcon-rps": {"1": [metrics(260.0)]}},
    )
    (row,) = evaluate.claims(found)
    assert row.within is True
    found = results(
        1, "udp", {"rps": {"1": [metrics(100.0)]}, "falcon-rps": {"1": [metrics(199.0)]}}
    )
    assert evaluate.claims(found)[0].within is False


def test_latencies_are_better_when_lower():
    found = results(
        6,
        "tcp",
        {"rps": {"10": [metrics(1, 1000, 1000)]}, "falcon-rps": {"10": [metrics(1, 450, 530)]}},
    )
    mean, tail = evaluate.claims(found)
    assert mean.measured == 0.49
    assert mean.within
    assert tail.metric.startswith("p99")


def test_what_was_not_run_is_not_claimed():
    alone = results(3, "udp", {"falcon-rps": {"8": [metrics(1.0)]}})
    assert evaluate.claims(alone) == []


def test_every_claim_has_its_runs():
    for claim in CLAIMS:
        runs = BY_FIGURE[claim.figure].runs()
        assert {claim.system, claim.base} <= {r.system for r in runs if r.proto == claim.proto}
    assert {experiment.figure for experiment in EXPERIMENTS} == set(range(1, 8))


def test_systems_asked_for_run_beside_a_figures_own():
    ran = dict.fromkeys(run.system for run in BY_FIGURE[1].runs(["flannel", "rps"]))
    assert list(ran) == ["host-rps", "rps", "falcon-rps", "flannel"]


# -- the commands ------------------------------------------------------------------------------


def call(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(list(argv))
    return ended.value.code, *capsys.readouterr()


@pytest.mark.slow
def test_figures_writes_everything(tmp_path, capsys):
    file = tmp_path / "figures.json"
    argv = ("--figures", "1,2", "--seeds", "2", "--systems", "offload", "--json", str(file))
    status, out, error = call(capsys, "figures", *argv, "--results", str(tmp_path / "results"))
    assert (status, error) == (0, "")
    assert "1 single flow" in out
    assert "2 steady flow" in out
    rows = json.loads(file.read_text())
    keys = ["figure", "system", "proto", "metric", "claim", "measured", "within"]
    keys += ["invalid", "provenance"]
    assert all(list(row) == keys for row in rows)
    claimed = [row for row in rows if row["claim"] is not None]
    assert len(claimed) == 4
    assert all(isinstance(row["within"], bool) for row in claimed)
    assert {row["system"] for row in rows} >= {"host-rps", "rps", "falcon-rps", "offload"}
    (folder,) = (tmp_path / "results").iterdir()
    names = {path.name for path in folder.iterdir()}
    pictures = {"figure-1.png", "figure-1-timeline.png", "figure-2.png"}
    pages = {"report.html", "latencies.json", "frames.json"}
    assert names == {"figures.json", "figures.csv", *pictures, *pages}
    with (folder / "figures.csv").open() as table:
        lines = list(csv.DictReader(table))
    assert len(lines) == len(rows)
    rates = [line for line in lines if line["claim"] and line["metric"].startswith("message rate")]
    assert len(rates) == 2
    assert all(0 <= float(line["reordered_ratio"]) < 1 for line in rates)
    assert all(float(line["cpu_ratio"]) > 0 for line in rates)
    assert "reord%" in out
    assert (folder / "figure-1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("--figures", "8"), "--figures: 8; expected some of 1, 2"),
        (("--figures", ","), "--figures"),
        (("--systems", "warp"), "--systems: warp; expected some of host, overlay"),
        (("--seeds", "0"), "--seeds"),
        (("--chain", "warp"), "profile: got 'warp', expected one of host, docker"),
        (("--chain", "labs/chains/double_bridge.toml:warp"), "expected one of nested in the file"),
        (("--costs", "warp"), f"costs: got 'warp', expected one of {', '.join(costs.names())}"),
        (("--json", "/nowhere/x.json"), "--json /nowhere/x.json"),
    ],
)
def test_wrong_calls_are_named_in_one_line(capsys, argv, named):
    status, _, error = call(capsys, "figures", *argv)
    assert status == 2
    assert named in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_chain_and_costs_of_ones_own_stand_beside_the_others(tmp_path, capsys):
    path = tmp_path / "costs.toml"
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text("utf-8")
    path.write_text(rewritten(text, {"driver_poll.ns": 5000}))
    mine = ("--chain", "labs/chains/double_bridge.toml:nested")
    argv = ("--figures", "1", "--seeds", "1", "--results", str(tmp_path), *mine)
    found = []
    for more in ((), ("--costs", str(path))):
        file = tmp_path / "figures.json"
        status, out, _ = call(capsys, "figures", *argv, "--json", str(file), *more)
        assert status == 0
        assert "nested" in out
        rows = [row for row in json.loads(file.read_text()) if row["claim"] is None]
        rates = {row["system"]: row["measured"] for row in rows if "rate" in row["metric"]}
        found.append(rates)
    usual, slow = found
    assert usual["nested"] < usual["host-rps"]
    assert all(slow[system] < usual[system] for system in ("host-rps", "rps", "falcon-rps"))


def test_every_figure_can_be_drawn(tmp_path):
    found = {
        run: [metrics(1e6, 1000, 2000, 3000)] * 2
        for experiment in EXPERIMENTS
        for run in experiment.runs()
    }
    assert len(plots.draw_all(tmp_path, found, provenance.begin([1], ""))) == 7


# -- custom policies ---------------------------------------------------------------------------

IN_TURN = Path(__file__).parents[2] / "labs" / "policies" / "in_turn.py"


@pytest.mark.slow
def test_a_policy_of_ones_own_stands_beside_the_others(tmp_path, capsys):
    file = tmp_path / "figures.json"
    argv = (
        "--figures",
        "1,2",
        "--seeds",
        "2",
        "--policy",
        f"{IN_TURN}:in_turn",
        "--json",
        str(file),
    )
    status, out, error = call(capsys, "figures", *argv, "--results", str(tmp_path / "results"))
    assert (status, error) == (0, "")
    (shown,) = re.findall(r"1 single flow +udp +message rate .*, 16 B +[\d,]+ +[\d,]+ +(\S+)", out)
    rows = [row for row in json.loads(file.read_text()) if row["claim"] is None]
    rates = {
        row["system"]: row["measured"]
        for row in rows
        if row["metric"].startswith("message rate") and row["figure"] == 1 and row["proto"] == "udp"
    }
    # One flow whose stages get a core each is as fast as FALCON's.
    assert rates["in_turn"] == pytest.approx(rates["falcon-rps"], rel=0.1)
    assert shown == f"{rates['in_turn']:,.0f}"
    assert rates["in_turn"] > 1.5 * rates["rps"]
    (folder,) = (tmp_path / "results").iterdir()
    assert "in_turn" in (folder / "figures.csv").read_text()


def test_a_policy_of_ones_own_is_in_the_legend():
    run = BY_FIGURE[2].runs(["in_turn"])[-1]
    (axes,) = plots.draw(2, {run: [metrics(1e6, 1000, 2000)]}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["in_turn"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return 99", "mine.py:1: mine returned CPU 99 for a packet on CPU"),
        ("return host.load[40]", "mine.py:2: mine raised IndexError"),
        ("return cpu", "mine.py:2: Numba cannot compile mine: "),
        ("return (", "mine.py:2: expected Python: '(' was never closed"),
    ],
)
def test_a_policy_that_fails_is_one_line_and_leaves_nothing(tmp_path, capsys, line, said):
    file = tmp_path / "mine.py"
    file.write_text(f"def mine(packet, host):\n    {line}\n")
    argv = ("--figures", "2", "--seeds", "1", "--policy", f"{file}:mine")
    json_file, folder = tmp_path / "figures.json", tmp_path / "results"
    status, _, error = call(
        capsys, "figures", *argv, "--json", str(json_file), "--results", str(folder)
    )
    assert status == 2
    assert said in error
    assert error.count("\n") == 1
    assert not json_file.exists()
    assert not folder.exists()


def test_own_policies_want_names_of_their_own(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("def host(packet, host): return 1\ndef mine(packet, host): return 1\n")
    status, _, error = call(capsys, "figures", "--policy", f"{file}:host")
    assert (status, error.count("\n")) == (2, 1)
    assert "expected a function named otherwise than host, overlay" in error
    twice = ("--policy", f"{file}:mine") * 2
    assert "--policy: mine twice" in call(capsys, "figures", *twice)[2]
