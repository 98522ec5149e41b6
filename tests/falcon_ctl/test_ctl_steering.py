"""Choices, observations and flows by hand, as far as they are pure."""

from __future__ import annotations

import json

import pytest

from falcon_ctl.errors import UsageError
from falcon_ctl.steering import choice as choices
from falcon_ctl.steering import last_choice
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_report import Latency
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import Observation, Work
from falcon_ctl.steering.reading import Reader
from falcon_ctl.steering.recognition import Recognition
from falcon_ctl.systems.catalogue import FALCON, LIVE, OVERLAY
from falcon_ctl.systems.system import merge_knobs
from rxpath.config.knobs import Knobs
from topo.spec.sources import load

PAIR = load("pair")
POLICY = "labs/policies/in_turn.py:in_turn"
CHAIN = "labs/chains/double_bridge.toml:nested"


def knobs_of(chosen):
    """What a host has that was told to run the choice."""
    system = chosen.resolve()
    custom = {"policy": system.custom.spec} if system.custom else {}
    merged = merge_knobs(Knobs().to_dict(), system.knobs, custom, chosen.knobs)
    return {**Knobs.parse(merged).to_dict(), "dilation": chosen.dilation}


@pytest.mark.parametrize("system", [one.name for one in LIVE])
def test_what_a_system_sets_is_read_back_as_that_system(system):
    chosen = Choice(system, dilation=300)
    assert choices.of_knobs(knobs_of(chosen)) == chosen


@pytest.mark.parametrize(
    "chosen",
    [
        Choice("falcon", threshold=60, falcon_cpus=(0, 2), order="none", dilation=200),
        Choice("flannel", policy="rps", dilation=1000),
        choices.from_arguments("overlay", policy=POLICY, dilation=1000),
        choices.from_arguments(POLICY, dilation=1000),
        choices.from_arguments(CHAIN, threshold=10, dilation=1000),
    ],
    ids=str,
)
def test_a_choice_is_read_back_as_it_was_made(chosen):
    assert choices.of_knobs(knobs_of(chosen), chosen) == chosen
    assert Choice.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    assert chosen.command().startswith(f"falcon_ctl use {chosen.system}")


def test_a_host_that_nobody_told_anything_runs_the_overlay():
    assert choices.of_knobs({**Knobs().to_dict(), "dilation": 9}) == Choice("overlay", dilation=9)


def test_the_remembered_system_is_named_where_two_set_the_same_knobs():
    chosen = Choice("overlay", policy="falcon", dilation=1)
    assert chosen.resolve().falcon == FALCON.falcon
    assert choices.of_knobs(knobs_of(chosen), chosen).system == "overlay"
    assert choices.of_knobs(knobs_of(chosen)).system == "falcon"


def test_while_use_is_at_work_a_host_runs_what_it_ran():
    old = Choice("falcon", threshold=65, order="none", dilation=700)
    new = Choice("falcon", policy="rps", dilation=1000)
    recognition = Recognition()
    assert choices.of_knobs(knobs_of(old)).system == "falcon-published"  # sets the same
    assert recognition.find(1, knobs_of(old), old) == old
    assert recognition.find(1, knobs_of(old), new) == old  # remembered, and not told yet
    assert recognition.find(2, knobs_of(new), new) == new
    assert recognition.find(3, knobs_of(old), new).system == "falcon-published"  # another's doing


@pytest.mark.parametrize(
    ("chosen", "where"),
    [
        (Choice("falcom"), "system: falcom"),
        (Choice("bypass"), "bypass cannot run live"),
        (Choice("falcon", policy="best"), "--policy: best"),
        (Choice("falcon", threshold=101), "--threshold: 101"),
        (Choice("falcon", order="any"), "--order: any"),
        (Choice("falcon", dilation=0), "--dilation: 0"),
        (Choice("falcon", falcon_cpus=()), "--falcon-cpus: none given"),
        (Choice("falcon", falcon_cpus=(2, 99)), "--falcon-cpus: 99; expected CPUs from 0 to 39"),
    ],
)
def test_a_wrong_choice_is_one_line_that_names_the_option(chosen, where):
    def verify():
        chosen.resolve()
        chosen.verify_for({**Knobs().to_dict(), "dilation": 1000, "late_budget_ns": 0})

    with pytest.raises(UsageError, match=where):
        verify()


@pytest.mark.parametrize("raw", [None, {}, {"system": 1}, {"system": "host", "order": 3}, {"x": 1}])
def test_json_that_is_no_choice_is_refused(raw):
    with pytest.raises(UsageError):
        Choice.from_json(raw)


def test_what_was_asked_for_is_remembered_and_a_damaged_file_is_not(tmp_path):
    assert last_choice.recall(tmp_path) is None
    last_choice.remember(tmp_path, Choice("falcon", threshold=5))
    found = last_choice.recall(tmp_path)
    assert found is not None
    assert found.choice == Choice("falcon", threshold=5)
    (tmp_path / last_choice.NAME).write_text('{"format": 1, "choice": []}')
    assert last_choice.recall(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == [last_choice.NAME]


def answer(model_ns, busy, delivered, first=0):
    """What a host says: CPU 2 works for VXLAN, one flow comes."""
    names = [["napi", "eth0"], ["gro_cell", "vxlan0"], ["backlog", "veth0"], []]
    flow = {
        "number": [9], "source": ["10.0.0.11"], "target": ["10.0.0.21"], "ports": [7 << 16 | 80],
        "protocol": [17], "address_len": [4], "container": [0], "bytes": [100],
        "arrived": [delivered], "delivered": [delivered],
        "drops": [{"rx_missed": 2}], "reordered": [1], "moves": [0],
        "first": [first], "places": [[[1, 2]]],
    }  # fmt: skip
    return {
        "model_ns": model_ns, "activities": names, "busy": busy, "flows": flow, "off": False,
        "average_load": 3, "profile": "docker", "counts": dict.fromkeys(COUNTS, delivered),
        "drops": {"rx_missed": 2}, "doing": ["idle", "softirq", "idle"], "load": [0, 5, 9],
        "depths": {"ring": [0, 4], "backlog": [0, 1, 0], "gro_cell": [0] * 3, "socket": [3]},
        "memory": [700], "limits": {"ring": 1024, "backlog": 1000, "socket": 212_992},
        "irq_cpus": [1, 3], "latencies": [[100, 200], [delivered, 1]], "slices": "",
        "next_slice": 0, "next_move": 0, "moves": [[], [], [], [], [], []],
    }  # fmt: skip


COUNTS = ("delivered", "bytes", "reordered", "handovers", "switched_off", "switched_on")


def test_loads_and_rates_are_of_the_time_since_the_last_observation():
    reader = Reader("m2", PAIR)
    first, events = reader.read(answer(1000, [[2], [1], [500]], 10), Choice("overlay"))
    assert (first.span_ns, first.pps, events) == (0, 0.0, [])
    now = answer(3000, [[1, 2], [0, 1], [400, 1500]], 30)
    now["counts"]["switched_off"] = 11
    now["moves"] = [[2500], [1], [9], [2], [4], [2]]
    host, events = reader.read(now, Choice("falcon"))
    assert {cpu.number: cpu.load for cpu in host.cpus} == {1: 0.2, 2: 0.5}
    assert host.cpus[1].shares[0].work == Work("gro_cell", "vxlan0")
    assert host.cpus[0].backlog == 1
    assert host.pps == 20 / 2000 * 1e9
    (flow,) = host.flows
    assert str(flow) == "udp red1-1:7 > red2-1:80"
    assert flow.pps == host.pps
    assert host.latencies == ((100, 20),)
    assert host.queues[1].depth == 4
    assert host.sockets[0].container == "red2-1"
    assert [(event.kind, event.time) for event in events] == [
        ("use", 3000), ("rehash", 2500), ("handover", 3000), ("switch-off", 3000),
        ("switch-on", 3000),
    ]  # fmt: skip
    assert events[0].text == "m2 runs falcon"
    assert events[1].text == "udp red1-1:7 > red2-1:80: gro_cell vxlan0 CPU 2 → 4"


def test_a_flow_that_an_answer_left_out_has_the_rate_of_the_whole_time():
    reader = Reader("m2", PAIR)
    busy = [[2], [1], [500]]
    reader.read(answer(1000, busy, 10), Choice("overlay"))
    without = answer(2000, busy, 20)
    without["flows"] = {name: [] for name in without["flows"]}
    reader.read(without, Choice("overlay"))
    host, _ = reader.read(answer(5000, busy, 90), Choice("overlay"))
    assert host.flows[0].pps == 80 / 4000 * 1e9
    unknown = Reader("m2", PAIR)
    unknown.read(without, Choice("overlay"))
    host, _ = unknown.read(answer(5000, busy, 90), Choice("overlay"))
    assert host.flows[0].pps == 0.0  # it came before: nobody knows how much of it is new


def test_a_host_that_was_started_again_has_no_negative_rates():
    reader = Reader("m2", PAIR)
    reader.read(answer(9000, [[2], [1], [500]], 1000), Choice("overlay"))
    host, events = reader.read(answer(10, [[2], [1], [5]], 1), Choice("overlay"))
    assert (host.span_ns, host.pps, events) == (0, 0.0, [])


def test_observations_are_json_and_back():
    reader = Reader("m2", PAIR)
    host, events = reader.read(answer(1000, [[2], [1], [500]], 10), Choice("falcon", order="rfs"))
    seen = Observation(5, Choice("falcon"), {"m2": host}, tuple(events))
    assert Observation.from_json(json.loads(json.dumps(seen.to_json()))) == seen
    with pytest.raises(UsageError, match="format 2"):
        Observation.from_json({**seen.to_json(), "format": 2})


def test_percentiles_are_the_buckets_in_which_they_lie():
    latency = Latency.of([100, 200, 400], [50, 49, 1], 9_000, 333)
    assert latency.percentiles == {"p50": 100, "p90": 200, "p99": 200, "p99.9": 333}
    assert latency.mean == 90.0


def test_a_flow_has_the_rate_that_was_asked_for_and_surges_in_the_middle():
    request = FlowRequest("red1-1", "red2-1", rate=300.0, seconds=3.0, surge=True)
    offsets = [ns for chunk in request.schedule() for ns in chunk.tolist()]
    thirds = [sum(start <= ns < start + 1e9 for ns in offsets) for start in (0, 1e9, 2e9)]
    assert thirds == [300, 1200, 300]
    assert offsets == sorted(offsets)
    slow = FlowRequest("red1-1", "red2-1", rate=0.5, seconds=10.0)
    assert sum(len(chunk) for chunk in slow.schedule()) == 5


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        (FlowRequest("red1-9", "red2-1"), "no container 'red1-9'"),
        (FlowRequest("red1-1", "blue2-1"), "two containers of one tenant"),
        (FlowRequest("red1-1", "red1-1"), "both on m1"),
        (FlowRequest("red1-1", "red2-1", proto="sctp"), "--proto: sctp"),
        (FlowRequest("red1-1", "red2-1", rate=0), "--rate: 0"),
        (FlowRequest("red1-1", "red2-1", rate=1e6), "a higher dilation"),
        (FlowRequest("red1-1", "red2-1", size=2000), "--size: 2000"),
        (FlowRequest("red1-1", "red2-1", seconds=0), "--duration: 0 s"),
        (FlowRequest("red1-1", "red2-1", port=70_000), "--port: 70000"),
    ],
)
def test_a_wrong_flow_is_one_line(request_, where):
    with pytest.raises(UsageError, match=where):
        request_.verify(PAIR)


def test_overlay_is_the_system_of_an_own_policy():
    assert choices.from_arguments(POLICY).system == OVERLAY.name
    with pytest.raises(UsageError, match="none beside"):
        choices.from_arguments(POLICY, policy="rps")
