"""The table of systems: every claim holds, and fails for a wrong system."""

import json
from dataclasses import replace

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.claims import check, published, trial
from falcon_ctl.claims.check import CLAIMS
from falcon_ctl.claims.claims import CROSS, PUBLISHED, TICK, Finding, judge
from falcon_ctl.claims.trial import Rounds
from falcon_ctl.systems.catalogue import BY_NAME

BY_KEY = {claim.key: claim for claim in CLAIMS if claim.mark != PUBLISHED}
WRONG = {  # systems of which the claim is false
    "host-softirq": ["overlay", "weave", "bypass"],
    "docker-serialized": ["falcon-pipelining", "host", "weave", "rps"],
    "docker-port": ["flannel", "host"],
    "flannel-serialized": ["falcon-pipelining", "host"],
    "flannel-port": ["overlay"],
    "calico-serialized": ["rps", "host"],
    "calico-port": ["weave"],
    "weave-serialized": ["overlay", "mflow"],
    "weave-port": ["calico"],
    "rps-one-flow": ["falcon-pipelining", "mflow"],
    "rps-many-flows": ["overlay"],
    "rfs-one-flow": ["falcon"],
    "rfs-many-flows": ["overlay"],
    "rss++-buckets": ["overlay"],
    "rss++-one-flow": ["mflow", "falcon-pipelining"],
    "mflow-parallel": ["falcon-pipelining", "rps", "overlay"],
    "falcon-pipelining": ["overlay", "rps", "mflow"],
    "falcon-splitting": ["falcon-pipelining", "overlay"],
    "falcon-balancing": ["falcon-splitting", "falcon-rfs"],
    "falcon-order": ["falcon-published"],
    "falcon-handover": ["falcon-published", "falcon-rfs", "overlay"],
    "falcon-isolation": ["bypass", "slim"],
    "falcon-devices": ["host", "weave", "offload"],
    "falcon-off": ["falcon", "rps"],
    "falcon-protocols": ["slim", "overlay"],
    "bypass-overhead": ["host", "overlay"],
    "bypass-policy": ["overlay", "falcon", "offload"],
    "bypass-idle": ["host", "falcon"],
    "slim-fast": ["overlay", "falcon"],
    "slim-tcp": ["host", "overlay"],
    "slim-policy": ["host", "falcon"],
    "slim-system": ["overlay", "host"],
    "offload-cpu": ["overlay", "bypass"],
    "offload-hardware": ["host", "falcon"],
    "offload-entries": ["host", "overlay"],
    "offload-functions": ["host", "overlay"],
    "rps-masks-cores": ["rps", "overlay", "falcon-pipelining"],
    "rps-masks-cell": ["rps", "falcon-rps", "overlay"],
    "rps-masks-first": ["falcon-splitting", "overlay"],
    "threads-cores": ["overlay", "rps-masks", "falcon-pipelining"],
    "threads-backlog": ["overlay", "falcon-pipelining", "host"],
    "threads-latency": ["overlay", "falcon-pipelining", "rps-masks", "redirect-peer"],
    "econ-skips": ["overlay", "offload", "redirect-peer"],
    "econ-order": ["overlay", "offload", "falcon"],
    "oncache-skips": ["host", "mflow"],
    "oncache-order": ["overlay", "redirect-peer"],
    "oncache-entries": ["overlay", "offload"],
    "redirect-peer-backlog": ["overlay", "oncache", "falcon-pipelining"],
    "redirect-peer-policy": ["bypass"],
    "redirect-peer-core": ["falcon-pipelining", "host", "overlay"],
    "prism-first": ["overlay", "redirect-peer"],
    "prism-ring": ["rps"],
    "prism-cell": ["overlay", "prism-sync"],
    "prism-sync": ["prism", "host"],
}


@pytest.mark.parametrize("key", BY_KEY)
def test_every_claim_holds(key):
    finding = judge(BY_KEY[key]).finding
    assert finding.holds, finding.measured


@pytest.mark.parametrize(
    ("key", "name"), [(k, name) for k, names in WRONG.items() for name in names]
)
def test_a_claim_fails_for_a_wrong_system(key, name):
    finding = judge(replace(BY_KEY[key], system=BY_NAME[name])).finding
    assert not finding.holds, finding.measured


def test_a_published_number_is_within_ten_points_or_missed():
    plain = published.Number(
        "x", "X", BY_NAME["econ"], BY_NAME["host"], "speed", 1.2, len, "somewhere"
    )
    sizes = {BY_NAME["host"]: 10.0, BY_NAME["econ"]: 12.9, BY_NAME["overlay"]: 15.0}
    number = replace(plain, measure=sizes.__getitem__)
    assert number.compare(BY_NAME["econ"]) == Finding("1.29x, +9 points", True)
    assert number.compare(BY_NAME["overlay"]) == Finding("1.50x, +30 points", False)
    assert number.compare(BY_NAME["host"]) == Finding("1.00x, -20 points", False)
    assert number.claim().says == "speed: 1.20x that of the host network (somewhere)"


@pytest.mark.parametrize("number", published.NUMBERS, ids=lambda number: number.key)
def test_a_published_number_is_compared_with_the_base_measured_alike(number):
    assert number.compare(number.base).measured.startswith("1.00x")
    found = float(number.compare(number.system).measured.partition("x")[0])
    assert (found > 1) == (number.ratio > 1) or abs(found - 1) < published.WITHIN


def test_a_missed_number_is_shown_and_fails_nothing(tmp_path, capsys, monkeypatch):
    missed = replace(published.CLAIMS[0], check=lambda _: Finding("9.00x", False))
    monkeypatch.setattr(check, "CLAIMS", (CLAIMS[0], missed))
    file = tmp_path / "systems.json"
    status, out, _ = call(capsys, "systems", "--json", str(file))
    assert status == 0
    assert "1 of 1 claims hold" in out
    assert "0 of 1 published numbers are within ten points" in out
    assert [row["holds"] for row in json.loads(file.read_text())] == [True, False]


def test_every_claim_can_be_seen_to_fail():
    assert WRONG.keys() == BY_KEY.keys()
    assert all(WRONG.values())
    assert len(BY_KEY) == len(CLAIMS) - len(published.NUMBERS)
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)


def test_every_system_of_the_talk_has_its_advantages_and_drawbacks():
    marks = {claim.subject: set() for claim in CLAIMS}
    for claim in CLAIMS:
        marks[claim.subject].add(claim.mark)
    assert {"host network", "Docker overlay", "Flannel", "Calico", "Weave"} <= marks.keys()
    for system in ("RPS", "RFS", "kernel bypass", "Slim / FreeFlow", "hardware offload"):
        assert marks[system] == {TICK, CROSS}
    assert TICK in marks["FALCON"]
    assert {
        "mFlow",
        "RSS++",
        "ECON",
        "ONCache",
        "RPS masks",
        "threaded NAPI",
        "bpf_redirect_peer",
        "PRISM",
    } <= marks.keys()


# -- what the checks look at -------------------------------------------------------------------


def test_a_trial_sees_the_reordering_that_the_host_counts():
    falcon = {"load_interval_ns": 50_000, "cpus": [0, 2, 4]}
    rounds = Rounds((0x101, 0x102), gap=450, count=20_000, knobs={"falcon": falcon})
    run = trial.run(BY_NAME["falcon-published"], rounds)
    orders = [run.order(flow) for flow in (0, 1)]
    assert sum(order.reordered for order in orders) == run.counters.reordered > 0
    assert sum(order.received for order in orders) == run.counters.delivered
    assert max(order.max_extent for order in orders) > 1


def test_a_trial_knows_stages_depth_and_time_of_its_frames():
    run = trial.run(BY_NAME["overlay"], Rounds((1, 2), count=100))
    assert run.depth() == run.depth(1) == [3]
    assert [len(sent) for sent in run.sent] == [50, 50]
    assert len(run.softirqs(0).cpu) == 150
    assert len(run.softirqs(skip=1).cpu) == 200
    assert set(run.softirqs(0, skip=2).kind) == {"backlog"}
    assert sorted(run.frames.arrival) == (np.arange(100) * trial.STEADY).tolist()
    assert run.counters.busy_ns("softirq") > 100 * 1000
    assert run.counters.busy_ns("polling") == 0


# -- the command -------------------------------------------------------------------------------


def call(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(list(argv))
    return ended.value.code, *capsys.readouterr()


def test_the_command_prints_every_claim_and_writes_it(tmp_path, capsys):
    file = tmp_path / "systems.json"
    status, out, error = call(capsys, "systems", "--json", str(file))
    assert (status, error) == (0, "")
    assert f"{len(BY_KEY)} of {len(BY_KEY)} claims hold" in out
    rows = json.loads(file.read_text())
    assert [row["key"] for row in rows] == [claim.key for claim in CLAIMS]
    numbers = [row for row in rows if row["mark"] == PUBLISHED]
    within = sum(row["holds"] for row in numbers)
    assert f"{within} of {len(numbers)} published numbers are within ten points" in out
    keys = ["key", "system", "mark", "claim", "measured", "holds", "invalid", "provenance"]
    assert all(list(row) == keys for row in rows)
    assert all(row["holds"] is True for row in rows if row["mark"] != PUBLISHED)


def test_a_claim_that_does_not_hold_gives_exit_status_1(tmp_path, capsys, monkeypatch):
    bad = replace(CLAIMS[0], check=lambda system: Finding(f"{system.name} has [none]", False))
    monkeypatch.setattr(check, "CLAIMS", (bad, CLAIMS[1]))
    file = tmp_path / "systems.json"
    status, out, _ = call(capsys, "systems", "--json", str(file))
    assert status == 1
    assert "1 of 2 claims hold" in out
    assert "host has [none]" in out
    assert [row["holds"] for row in json.loads(file.read_text())] == [False, True]


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(capsys):
    status, _, error = call(capsys, "systems", "--json", "/nowhere/x.json")
    assert status == 2
    assert "--json /nowhere/x.json" in error
    assert error.count("\n") == 1
