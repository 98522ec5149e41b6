"""The operator's policy drops where the kernel has its hook; a way without a hook is not held."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import accounted, model, run

from rxpath.compile.tables import Rows
from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.host import Model
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.packets import Event

# The softirqs that a denied frame pays for: up to the one with the hook.
HOOKS = {"host": 1, "docker": 2, "flannel": 2, "calico": 2, "weave": 3}


def two_flows(host, chain, count=400, protocol=codes.UDP):
    """Flow 0 and flow 1 by turns, each to its own socket."""
    numbers = np.arange(count)
    tcp = protocol == codes.TCP
    return make_trace(
        numbers * 4000,
        rss_hash=np.array([0x101, 0x9999])[numbers % 2],
        flow=numbers % 2,
        socket=numbers % 2,
        chain=host.chain(chain),
        protocol=protocol,
        wire_len=200,
        payload=100 * tcp,
        seq=numbers // 2 * 100 * tcp,
        tcp_flags=0x10 * tcp,
    )


def outcome(chain, protocol=codes.UDP, **knobs):
    """(frames delivered of flow 0 and 1, dropped by the policy), with flow 1 denied."""
    host = model(sockets=2, flows=2, denied=[1], records=True, **knobs)
    events = run(host, two_flows(host, chain, protocol=protocol))
    delivered = events["flow"][events["kind"] == codes.DELIVER]
    assert accounted(host)
    return [int((delivered == flow).sum()) for flow in (0, 1)], host.stats()["drops"][
        "netfilter_drop"
    ]


@pytest.mark.parametrize("protocol", [codes.UDP, codes.TCP])
@pytest.mark.parametrize("policy", ["same_cpu", "rps", "rfs", "falcon", "mflow", "rss++"])
@pytest.mark.parametrize("profile", HOOKS)
def test_every_way_of_the_kernel_drops_a_denied_flow_and_no_other(profile, policy, protocol):
    assert outcome(profile, protocol, policy=policy) == ([200, 0], 200)


@pytest.mark.parametrize("profile", ["bypass", "slim"])
def test_a_way_without_a_hook_lets_a_denied_flow_through(profile):
    assert outcome(profile, profile=profile) == ([200, 200], 0)


@pytest.mark.parametrize(("profile", "stages"), HOOKS.items())
def test_the_work_up_to_the_hook_is_paid_and_no_more(profile, stages):
    def busy(name, overrides):
        host = model(flows=1, denied=[0], cost_overrides=overrides)
        run(host, make_trace(np.arange(50) * 10_000, chain=host.chain(name)))
        assert host.stats()["delivered"] == 0
        return sum(cpu["softirq"] for cpu in host.stats()["busy_ns"])

    chain = profiles.load()[profile]
    hooked = chain.stages[stages - 1]
    assert hooked.policy
    before = busy(profile, {})
    assert busy(profile, {f"{hooked.policy}.ns": 100_000}) > before + 50 * 90_000
    calls = [name for stage in chain.stages[: stages + 1] for name in stage.costs]
    until = calls.index(hooked.policy) + 1
    behind = next(name for name in calls[until:] if name not in calls[:until])
    assert busy(profile, {f"{behind}.ns": 100_000}) == before


def test_a_dropped_frame_s_record_ends_with_the_stage_of_the_hook():
    host = model(flows=1, denied=[0], records=True)
    events = run(host, make_trace(np.arange(20) * 5000, chain=host.chain("docker")))
    assert set(events["reason"]) == {codes.NETFILTER_DROP}
    slots = events["slot"]
    assert set(host.state.hops.array["count"][slots]) == {2}
    kinds = host.state.records.array["stages"][slots, :2]["kind"]
    assert np.all(kinds == [codes.NAPI, codes.GRO_CELL])


def test_a_rule_holds_from_its_moment_until_it_is_taken_back():
    host = model(sockets=2, flows=2, policy="falcon")
    out = Rows.new(Event, 64)
    rules = {100: [0], 200: []}
    for slot in range(300):
        if slot in rules:
            host.advance(slot * 50_000, out)  # nothing is under way
            host.reconfigure({"denied": rules[slot]})
        host.advance(slot * 50_000, out)
        frame = {"rss_hash": 7, "flow": slot % 2, "socket": slot % 2, "chain": host.chain("tunnel")}
        host.receive(slot, slot * 50_000, Frame(**frame, protocol=17, wire_len=114))
    host.advance(10**9, out)
    assert host.stats()["drops"]["netfilter_drop"] == 50
    assert host.stats()["delivered"] == 250
    assert accounted(host)


@pytest.mark.parametrize(
    ("denied", "said"), [([-1], "denied: got -1"), ([2], "denied: got 2, expected flows from 0")]
)
def test_a_flow_that_is_none_is_refused(denied, said):
    with pytest.raises(ConfigError, match=said):
        Model(Knobs.parse({"denied": denied}), slots=8, sockets=1, flows=2)


@pytest.mark.parametrize(
    ("kinds", "policies", "said"),
    [
        (("napi", "socket"), ("", "b"), r"stage\[1\].policy"),
        (("napi", "socket"), ("c", ""), r"stage\[0\].policy"),
        (("poll", "socket"), ("b", ""), r"stage\[0\].policy"),
        (("napi", "backlog", "socket"), ("b", "b", ""), "one stage at most"),
    ],
)
def test_a_hook_is_a_call_of_one_softirq(kinds, policies, said):
    stages = [
        {"kind": kind, "device": "d", "ifindex": 1, "costs": ["a", "b"], "policy": policy}
        for kind, policy in zip(kinds, policies, strict=True)
    ]
    with pytest.raises(ConfigError, match=said):
        profiles.parse("x", {"stage": stages})
