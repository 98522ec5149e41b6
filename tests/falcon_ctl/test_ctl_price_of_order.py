"""The price of order: how it is computed, when it fails, and the command."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.figures import price_report
from falcon_ctl.figures.experiments import Experiment, Run
from falcon_ctl.figures.price_of_order import (
    HANDOVER,
    NONE,
    WAYS,
    Price,
    failures,
    prices,
    shortfalls,
)
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual.measure import Metrics, Stream

LOAD = Stream((250e3,) * 8, ms=4, warm_ms=2, surge=4.0, surging=2)
PRICE = Price(5, HANDOVER, "udp", "8 flows", 9e5, 0.99, 0.0, 20.0, 90.0, 0.1, 12.0, 3000.0)


def metrics(pps, reordered=0, held=0, held_ns=0):
    latencies = np.array([1000, 2000, 3000])
    return Metrics(pps, 10, 10, {}, 0, reordered, latencies, {1: 50.0}, held=held, held_ns=held_ns)


def test_the_ways_are_systems_of_the_catalogue_that_differ_in_their_order():
    orders = [BY_NAME[name].order for name in WAYS if name != "mflow"]
    assert orders == ["none", "rfs", "handover"]
    knobs = [BY_NAME[name].knobs["falcon"] for name in WAYS if name != "mflow"]
    assert all(one | {"order": ""} == knobs[0] | {"order": ""} for one in knobs)


def test_a_price_is_relative_to_the_rate_without_order():
    free = Run(5, NONE, "udp", "8 flows", LOAD)
    found = {
        free: [metrics(100.0, reordered=2), metrics(200.0)],
        free._replace(system=HANDOVER): [metrics(90.0, 0, 4, 8000), metrics(200.0, 0, 1, 2000)],
    }
    plain, kept = prices(found)
    assert (plain.kept, plain.reordered, plain.held, plain.held_us) == (1.0, 0.1, 0.0, 0.0)
    assert (kept.kept, kept.reordered) == (0.95, 0.0)
    assert (kept.held, kept.held_us) == (0.25, 2.0)
    assert (kept.p50_us, kept.pps) == (2.0, 145.0)
    assert kept.cpu_ns == pytest.approx((0.5e9 / 90 + 0.5e9 / 200) / 2)


def test_a_hand_over_that_reorders_fails_and_a_slow_one_is_named():
    assert failures([PRICE, replace(PRICE, system=NONE, reordered=0.2)]) == []
    (wrong,) = failures([replace(PRICE, reordered=0.01)])
    assert wrong == "figure 5, udp, 8 flows: 1.00% of the frames reordered, expected none"
    assert shortfalls([PRICE, replace(PRICE, system="mflow", kept=0.5)]) == []
    (slow,) = shortfalls([replace(PRICE, kept=0.94)])
    assert slow == "figure 5, udp, 8 flows: 0.94 of the rate without order, the goal is 0.95"


def test_the_picture_has_a_bar_for_each_way_and_load():
    loads = ("8 flows", "16 flows")
    rows = [replace(PRICE, system=name, load=load) for name in WAYS for load in loads]
    figure = price_report.draw(rows)
    for axes in figure.axes:
        assert len(axes.patches) == len(rows)


def test_the_command_writes_a_table_and_a_picture(tmp_path, capsys, monkeypatch):
    short = Experiment(5, "surge", "surge", [("udp", "8 flows", LOAD)], tuple(WAYS))
    monkeypatch.setattr(price_report, "EXPERIMENTS", (short,))
    trace, results = tmp_path / "runs.json", tmp_path / "results"
    with pytest.raises(SystemExit) as ended:
        cli.main(["order", "--seeds", "1", "--results", str(results), "--trace", str(trace)])
    out = capsys.readouterr().out
    assert ended.value.code == 0, out
    assert "mFlow's resequencing" in out
    groups = [one["group"] for one in json.loads(trace.read_text())["runs"]]
    assert groups == [f"figure 5, UDP 8 flows: {BY_NAME[name].title}" for name in WAYS]
    (folder,) = results.iterdir()
    assert (folder / "report.html").is_file()
    assert (folder / "price-of-order.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "price-of-order.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["system"] for row in rows] == list(WAYS)
    assert [row["reordered"] for row in rows if row["system"] == HANDOVER] == ["0.0"]


def test_a_failure_is_the_exit_status(tmp_path, capsys, monkeypatch):
    rows = [replace(PRICE, kept=0.5, reordered=0.5)]
    monkeypatch.setattr(price_report, "priced", lambda _: rows)
    monkeypatch.setattr(price_report, "EXPERIMENTS", ())
    with pytest.raises(SystemExit) as ended:
        cli.main(["order", "--seeds", "1", "--results", str(tmp_path)])
    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert "50.00% of the frames reordered, expected none" in out
    assert "0.50 of the rate without order, the goal is 0.95" in out
