"""Bad input: one clear error that names the key and what is allowed, and nothing half-done."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from model_hosts import model

from rxpath.config import apply as tables
from rxpath.config import costs, profiles
from rxpath.config.knobs import Knobs, merge
from rxpath.drivers import virtual
from rxpath.errors import ConfigError
from rxpath.model.state import settings

BUILT_IN = ", ".join(costs.names())
CHAIN = [
    {"kind": "napi", "device": "eth0", "ifindex": 2, "costs": []},
    {"kind": "backlog", "device": "veth0", "ifindex": 3, "costs": []},
    {"kind": "socket", "device": "veth0", "ifindex": 3, "costs": []},
]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"cpus": 0}, "cpus: got 0, expected an integer from 1 to 64"),
        ({"cpus": "many"}, "cpus: got 'many', expected an integer"),
        ({"cpus": True}, "cpus: got True, expected an integer"),
        ({"queues": 65}, "queues: got 65, expected an integer from 1 to 64"),
        (
            {"falcon": {"cpus": []}},
            r"falcon.cpus: got \[\], expected at least one CPU",
        ),
        ({"falcon": {"cpus": [40]}}, "falcon.cpus: got 40, expected CPUs from 0 to 39"),
        ({"falcon": {"cpus": [-1]}}, "falcon.cpus: got -1, expected CPUs from 0 to 39"),
        ({"falcon": {"cpus": "0-3"}}, "falcon.cpus: got '0-3', expected a list of integers"),
        ({"falcon": {"grosplit_cpus": []}}, "falcon.grosplit_cpus: .* at least one CPU"),
        ({"falcon": {"threshold": 101}}, "falcon.threshold: got 101, .* from 0 to 100"),
        (
            {"falcon": {"balance": True}},
            "falcon.balance: got True, expected one of balancing",
        ),
        ({"falcon": 3}, "falcon: got 3, expected a mapping"),
        (
            {"falcon": {"order": "guard"}},
            "falcon.order: got 'guard', expected one of none, rfs, handover",
        ),
        (
            {"falcon": {"order_guard": True}},
            r"order_guard: got True, expected its new name, falcon.order \(none, rfs, handover\)",
        ),
        ({"irq_cpus": []}, "irq_cpus"),
        ({"app_cpus": [64]}, "app_cpus"),
        ({"cpus": 4}, "irq_cpus: got 5, expected CPUs from 0 to 3"),
        ({"rss_indirection": [0]}, "rss_indirection: got 1, expected 128 entries"),
        ({"rss_indirection": [9] * 128}, "rss_indirection: got 9, expected queues from 0 to 7"),
        ({"profile": "pigeon"}, "profile: got 'pigeon', expected one of host, docker"),
        ({"mflow_batch": 0}, "mflow_batch: got 0, expected an integer from 1 to 65536"),
        ({"policy": "best"}, "policy: got 'best', expected one of same_cpu, rps, falcon"),
        ({"costs": "free"}, f"costs: got 'free', expected one of {BUILT_IN}, or a FILE.toml"),
        ({"cost_overrides": {"skb_alloc.tcp": -1}}, "cost_overrides.skb_alloc.tcp: got -1"),
        ({"cost_overrides": {"skb_alloc": 1}}, "cost_overrides.skb_alloc: got 1, expected NAME"),
        (
            {"cost_overrides": {"hardirq.tcp": 9}},
            "cost_overrides.hardirq.tcp: got 9, expected hardirq.ns",
        ),
        (
            {"cost_overrides": {"gro_receive.ns_kib": 5}},
            "gro_receive.ns_kib: got 5, expected 0, for a cost per gro",
        ),
        ({"cost_overrides": {"xdp.ns": 1}}, "cost_overrides.xdp.ns: .* NAME a cost's name"),
        ({"falcon": {"cpus": [0] * 129}}, "falcon.cpus: got 129, expected at most 128 CPUs"),
        ({"rps_cpus": []}, r"rps_cpus: got \[\], expected at least one CPU from 0 to 39"),
        ({"speed": 11}, "speed: got 11, expected one of app_cpus"),
        (3, "knobs: got 3, expected a mapping"),
        (None, "knobs: got None, expected a mapping"),
    ],
)
def test_knobs(raw, message):
    with pytest.raises(ConfigError, match=message):
        Knobs.parse(raw)


def test_knobs_survive_a_round_trip():
    knobs = merge(Knobs(), {"policy": "falcon", "falcon": {"cpus": [1, 3]}, "cpus": 50})
    assert Knobs.parse(knobs.to_dict()) == knobs
    assert knobs.falcon.threshold == 80


def test_knobs_survive_a_round_trip_with_everything_changed():
    raw = Knobs().to_dict()
    assert Knobs.parse(raw) == Knobs()


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "x.stage: .* whose first stage, and only that, is napi"),
        (CHAIN[1:], "x.stage: .* whose first stage"),
        (CHAIN[:2], "x.stage: .* whose last stage, and only that, is socket"),
        ([*CHAIN, CHAIN[2]], "x.stage: .* whose last stage"),
        ([CHAIN[0], *CHAIN], "x.stage: .* whose first stage"),
        ([CHAIN[0], *CHAIN[1:2] * 5, CHAIN[2]], "x.stage: got 7, expected at most 6 stages"),
        ([{**CHAIN[0], "kind": "xdp"}], r"x.stage\[0\].kind: got 'xdp', expected one of napi"),
        ([{**CHAIN[0], "ifindex": 0}], r"x.stage\[0\].ifindex: got 0"),
        ([{"kind": "napi"}], r"x.stage\[0\].device: got None, expected a value"),
    ],
)
def test_profiles(stages, message):
    with pytest.raises(ConfigError, match=message):
        profiles.parse("x", {"stage": stages})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, r"x.stage: got \[\], expected a chain whose first stage"),
        ({"stage": 3}, "x.stage: got 3, expected a list of stages"),
        ({"stage": [3]}, r"x.stage\[0\]: got 3, expected a table"),
        (
            {"stages": CHAIN},
            "x.stages: .* expected title, vxlan_port, slow_path, first_path, low_path, stage",
        ),
        ({"stage": [{**CHAIN[0], "cost": 1}]}, r"x.stage\[0\].cost: got 1, expected kind, device"),
        ({"stage": [{**CHAIN[0], "costs": [3]}]}, r"x.stage\[0\].costs: got \[3\], .* names of"),
        ({"stage": CHAIN, "vxlan_port": "4789"}, "x.vxlan_port: got '4789', expected a UDP port"),
        ({"stage": CHAIN, "vxlan_port": -1}, "x.vxlan_port: got -1, expected a UDP port"),
    ],
)
def test_tables_of_profiles(raw, message):
    with pytest.raises(ConfigError, match=message):
        profiles.parse("x", raw)


def entries(**changes):
    raw = {name: {"per": "host", "ns": 1, "source": "test"} for name in settings.Costs.FIELDS}
    return {**raw, "a": {"per": "skb", "ns": 1, "source": "test"}, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": {"per": "skb", "ns": -1, "source": "s"}}, "a.ns: got -1, expected an integer of ns"),
        ({"a": {"per": "skb", "ns": 1.5, "source": "s"}}, "a.ns: got 1.5"),
        ({"a": {"per": "skb", "source": "s"}}, "a.ns: got None, expected a cost in ns, or both"),
        ({"a": {"per": "skb", "udp": 1, "source": "s"}}, "a.ns: got None"),
        ({"a": {"per": "hop", "ns": 1, "source": "s"}}, "a.per: got 'hop', expected one of frame"),
        ({"a": {"per": "skb", "ns": 1}}, "a.source: got None, expected where the number is from"),
        ({"a": {"per": "skb", "ms": 1, "source": "s"}}, "a.ms: got 1, expected per, source, ns"),
        ({"a": 7}, "a: got 7, expected a table"),
        ({"hardirq": {"per": "skb", "ns": 1, "source": "s"}}, "hardirq: .* per = .host"),
        (
            {"a": {"per": "segment", "ns": 1, "ns_kib": 2, "source": "s"}},
            "a.ns_kib: got 2, expected 0, for a cost per segment",
        ),
    ],
)
def test_costs(changes, message):
    costs.parse(entries(), {})
    with pytest.raises(ConfigError, match=message):
        costs.parse(entries(**changes), {})


def test_absent_cost_that_a_stage_names(tmp_path):
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("[vxlan_rcv]", "[vxlan_receive]"))
    said = r"docker\.stage\[\d\]\.costs: got 'vxlan_rcv', expected a cost that the cost profile has"
    with pytest.raises(ConfigError, match=said):
        model(costs=str(file))


SCALED = """[scaled]
profile = "xeon-silver-4114"
from_mhz = 2200
to_mhz = 4400
source = "test"
"""


def test_a_profile_that_is_another_one_at_a_faster_clock(tmp_path):
    file = tmp_path / "fast.toml"
    file.write_text(SCALED)
    slow, fast = costs.load("xeon-silver-4114"), costs.load(str(file))
    half = partial(pytest.approx, abs=0.5)  # whole ns
    assert fast["skb_alloc"].tcp == half(slow["skb_alloc"].tcp / 2)
    assert fast["copy_to_user"].ns_kib == half(slow["copy_to_user"].ns_kib / 2)
    assert fast["skb_overhead"] == slow["skb_overhead"]  # bytes, a constant of the kernel
    assert set(fast) == set(slow)
    assert costs.load(str(file), {"skb_alloc.tcp": 7})["skb_alloc"].tcp == 7
    model(costs=str(file))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SCALED.replace("xeon-silver-4114", "vax"),
            "scaled.profile: got 'vax', expected one of xeon",
        ),
        (SCALED.replace("4400", "0"), "scaled.to_mhz: got 0, expected MHz from 1 to 100000"),
        (SCALED.replace("4400", "4.4"), "scaled.to_mhz: got 4.4, expected MHz"),
        (SCALED.replace("source", "from"), "scaled: got .*, expected a table of profile, from_mhz"),
        (SCALED + "[skb_alloc]\nns = 3\n", "scaled: got .*, expected the only table of its file"),
        ("scaled = 3\n", "scaled: got 3, expected a table of profile"),
    ],
)
def test_a_wrong_scaled_profile(tmp_path, text, message):
    file = tmp_path / "fast.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        costs.load(str(file))


def test_every_profile_has_its_costs():
    host = model()
    for name in profiles.load():
        assert host.chain(name) == tables.chain_number(name)
    with pytest.raises(ConfigError, match="chain: got 'pigeon', expected one of host"):
        host.chain("pigeon")


def test_plain_and_tunnel_chains_follow_the_profile():
    host = model(profile="flannel")
    assert host.chain("tunnel") == host.chain("flannel")
    assert host.chain("plain") == host.chain("host")
    host.reconfigure({"profile": "offload"})
    assert host.chain("tunnel") == host.chain("docker")
    assert host.chain("plain") == host.chain("offload")


def test_a_refused_change_changes_nothing():
    host = model(policy="falcon")
    before = host.state.tobytes()
    with pytest.raises(ConfigError, match=r"falcon\.cpus"):
        host.reconfigure({"ring": 1, "policy": "rps", "falcon": {"cpus": [99]}})
    assert host.knobs.policy == "falcon"
    assert host.state.tobytes() == before


@pytest.mark.parametrize("size", ["slots", "sockets", "flows"])
def test_a_model_of_nothing(size):
    with pytest.raises(ConfigError, match=f"{size}: got 0, expected at least 1"):
        model(**{size: 0})


def test_records_need_room():
    with pytest.raises(ConfigError, match="records: got True"):
        model().set_records(True)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"colour": 1}, "colour: .* expected one of rss_hash, flow"),
        ({"flow": [0, 1]}, "flow: got 2, expected 3 values, or one"),
    ],
)
def test_traces(columns, message):
    with pytest.raises(ConfigError, match=message):
        virtual.make_trace([1, 2, 3], **columns)


def test_trace_out_of_order():
    with pytest.raises(ConfigError, match="arrival"):
        virtual.make_trace([2, 1])


@pytest.mark.parametrize("column", ["flow", "socket", "chain"])
@pytest.mark.parametrize("value", [99, -1])
def test_trace_that_does_not_fit_the_model(column, value):
    trace = virtual.make_trace([0, 1], **{column: [0, value]})
    with pytest.raises(ConfigError, match=f"{column}: got {value}, expected numbers from 0 to"):
        list(virtual.run(model(), trace))


@pytest.mark.parametrize(
    ("arrival", "columns", "message"),
    [
        (5, {"wire_len": 0}, "wire_len: got 0, expected numbers from 1 to"),
        (5, {"payload": -1}, "payload: got -1, expected numbers from 0 to"),
        (-5, {}, "arrival: got -5, expected numbers from 0 to"),
        (2**63 - 1, {}, "arrival: got 9223372036854775807, expected"),
    ],
)
def test_frames_that_cannot_be(arrival, columns, message):
    with pytest.raises(ConfigError, match=message):
        list(virtual.run(model(), virtual.make_trace([arrival], **columns)))


def test_too_few_slots_for_what_the_host_holds():
    host = model(slots=3)
    with pytest.raises(ConfigError, match="slots: got 3, expected more"):
        list(virtual.run(host, virtual.make_trace(np.zeros(10))))
