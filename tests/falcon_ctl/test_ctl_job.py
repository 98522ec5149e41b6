"""What a run tries and what it judges, without a network."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from falcon_ctl.live import isolation, job, reach
from falcon_ctl.live.findings import Findings
from falcon_ctl.systems.catalogue import MAIN_JOB, select
from topo.spec.builders import pair

ISOLATED = "tenants with the same addresses are isolated"


def alone():
    """The pair with one of its tenants only."""
    both = pair()
    one = both.tenants[0]
    containers = tuple(c for c in both.containers if c.tenant == one.name)
    return both.model_copy(update={"tenants": (one,), "containers": containers})


def names(findings):
    return {verdict.name for verdict in findings.judge()}


def test_isolation_is_judged_where_tenants_share_addresses_only():
    shared = {p.name: p.listener for p in isolation.probes(pair())}
    assert isolation.probes(alone()) == []
    assert ISOLATED in names(Findings(list(MAIN_JOB), probes=shared))
    assert ISOLATED not in names(Findings(list(MAIN_JOB)))


@pytest.mark.parametrize(
    ("chosen", "tried"),
    [
        (["host"], ["overlay", "host"]),
        (["overlay", "falcon-pipelining"], ["overlay"]),
        ([s.name for s in MAIN_JOB], ["overlay", "host", "offload"]),
    ],
)
def test_every_set_of_entries_is_probed(monkeypatch, chosen, tried):
    used = []
    testbed = SimpleNamespace(topology=pair(), use=lambda system, **_: used.append(system.name))
    monkeypatch.setattr(reach, "ping_all", lambda *_: {("a", "b"): used[-1] != "offload"})
    monkeypatch.setattr(isolation, "listen", lambda *_: ({"b": [used[-1]]}, {"x": "b"}))
    run = job.Job(testbed, None, select(chosen), Silent())
    run.probe_tenants()
    assert sorted(run.findings.answered) == sorted(tried)
    assert {s: h["b"] for s, h in run.findings.heard.items()} == {s: [s] for s in tried}
    assert used == run_order(run) * 2
    verdicts = {v.name: v for v in run.findings.judge()}
    assert verdicts["all containers of a tenant reach each other"].ok == ("offload" not in tried)


def run_order(run):
    return list(run.findings.answered)


class Silent:
    """Steps without output."""

    def step(self, name):
        return self

    def __enter__(self):
        return []

    def __exit__(self, *exception):
        pass

    def note(self, text):
        pass


def test_a_late_answer_counts_for_no_later_round():
    first, second = (set(reach.identities(pair(), turn).values()) for turn in (0, 1))
    assert len(first) == len(reach.pairs(pair()))
    assert not first & second


@pytest.mark.parametrize(
    ("lates", "seconds", "runs", "valid"),
    [
        (["late", ""], 10, 2, True),
        (["late", "late", ""], 10, 3, True),
        (["late"] * 9, 10, 3, False),
        (["late"] * 9, 50, 1, False),
        ([""], 10, 1, True),
        (["late, disordered", ""], 10, 1, False),
    ],
)
def test_a_late_run_is_repeated_twice_at_most_and_in_time(lates, seconds, runs, valid):
    outcomes = [
        SimpleNamespace(
            measurement=SimpleNamespace(
                invalid=late, mark=late, pps=1e6, label="x", disordered="disordered" in late
            ),
            trace=None,
        )
        for late in lates
    ]
    left = iter(outcomes)
    steps = Silent()
    steps.seconds = seconds
    testbed = SimpleNamespace(
        watch=SimpleNamespace(blaming=nullcontext), controller=SimpleNamespace(switches={})
    )
    run = job.Job(testbed, SimpleNamespace(duration=1.0), select(["host"]), steps)
    run.measured_step(run.systems[0], "udp", "steady", lambda: next(left))
    assert len(list(left)) == len(outcomes) - runs
    (kept,) = run.findings.measurements
    assert kept is outcomes[runs - 1].measurement
    assert (kept.invalid == "") == valid
