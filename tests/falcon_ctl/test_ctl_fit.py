"""The fit of the cost profile: on models whose amounts are known, and on the panels."""

import re
from dataclasses import replace

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.errors import UsageError
from falcon_ctl.fit import amounts, independent, observations, report
from falcon_ctl.fit.amounts import Amount
from falcon_ctl.fit.solve import solve
from falcon_ctl.papers.catalogue import PANELS
from falcon_ctl.papers.loads import datagrams
from falcon_ctl.papers.panel import Role
from rxpath.config import costs

KEYS = [Amount(key, 1000, 0.7) for key in ("a.ns", "b.ns", "c.ns")]
KNOWN = {name: costs.amounts_of(cost) for name, cost in costs.load("xeon-silver-4114").items()}
START = {"a.ns": 1000, "b.ns": 1000, "c.ns": 1000}
TRUE = np.array([700.0, 1500.0, 1100.0])


def linear(*rows):
    matrix = np.array(rows, float)

    def modelled(overrides):
        return matrix @ np.array([overrides[one.key] for one in KEYS], float)

    return modelled, matrix @ TRUE


def fitted(rows, sigma=5.0):
    modelled, value = linear(*rows)
    return solve(KEYS, START, modelled, value, np.full(len(value), sigma))


def test_amounts_that_are_measured_alone_are_found():
    found = fitted(np.eye(3))
    assert [one.after for one in found.amounts] == pytest.approx(TRUE, rel=0.01)
    assert [one.verdict for one in found.amounts] == ["well"] * 3
    assert [one.error for one in found.amounts] == pytest.approx([5.0] * 3, rel=0.1)
    assert found.after == pytest.approx(TRUE, rel=0.01)
    assert found.before == pytest.approx([1000] * 3)


def test_a_sum_alone_leaves_its_parts_open():
    """Estimates of 1000 each and a sum of 2200: both grow alike, and neither is determined."""
    found = fitted([[1, 1, 0], [0, 0, 1]])
    first, second, third = found.amounts
    assert first.after == second.after == pytest.approx(1100, rel=0.01)
    assert first.determined == pytest.approx(0.5, abs=0.05)
    assert (first.verdict, third.verdict) == ("partly", "well")


def test_a_weak_measurement_determines_nothing():
    found = fitted(np.eye(3), sigma=5000.0)
    assert [one.verdict for one in found.amounts] == ["not"] * 3
    for one in found.amounts:  # as of the estimate, whose logarithm may be off by log(1.7)
        assert one.error == pytest.approx(np.log(1.7) * one.after, rel=0.1)


def test_the_estimate_counts_and_not_where_the_fit_begins():
    modelled, value = linear([1, 1, 0], [0, 0, 1])
    begun = {"a.ns": 300, "b.ns": 1900, "c.ns": 1100}
    found = solve(KEYS, begun, modelled, value, np.full(2, 50.0), rounds=50)
    assert [one.after for one in found.amounts] == pytest.approx([1100, 1100, 1100], rel=0.02)
    assert [one.before for one in found.amounts] == [300, 1900, 1100]


def test_one_measurement_that_contradicts_the_others_does_not_decide():
    """Of five, one says three times as much: squares would take their mean, 18 errors off."""
    rows = np.repeat(np.eye(3), 5, axis=0)
    modelled, value = linear(*rows)
    value[0] *= 3
    found = solve(KEYS, START, modelled, value, np.full(15, 15.0), rounds=20)
    first, *others = [one.after for one in found.amounts]
    # Four at a distance that pulls as the far one does: 4 x / sqrt(1 + x^2) = 1.
    assert first == pytest.approx(TRUE[0] + 15 / np.sqrt(15), abs=2)
    assert others == pytest.approx(TRUE[1:], abs=2)
    assert found.after[0] == pytest.approx(first)  # what the model has, and not its loss
    assert found.amounts[0].error > found.amounts[2].error * TRUE[0] / TRUE[2]


def test_an_amount_that_no_measurement_sees_is_named():
    with pytest.raises(
        UsageError, match=r"fit: under-determined: no measurement .* on b.ns, c.ns;"
    ):
        fitted([[1, 0, 0]])


@pytest.mark.parametrize(("value", "bound"), [(1.0, 0.2), (1e6, 5.0)])
def test_bounds_hold(value, bound):
    modelled, _ = linear(*np.eye(3))
    found = solve(KEYS, START, modelled, np.array([value, 1000, 1000]), np.ones(3), rounds=50)
    assert found.amounts[0].after == pytest.approx(1000 * bound, rel=0.01)


# -- which amounts and measurements ------------------------------------------------------------


def test_the_profile_has_the_free_amounts():
    for one in amounts.FREE:
        assert amounts.amount_of(KNOWN, one.key) > 0
        assert not costs.load("xeon-silver-4114")[one.key.partition(".")[0]].source.startswith(
            costs.CONSTANT
        )
    assert amounts.select("", KNOWN) is amounts.FREE
    assert amounts.select("ip_rcv.ns, veth_xmit.ns", KNOWN)[1].key == "veth_xmit.ns"
    assert amounts.select("netif_rx.ns", KNOWN)[0].estimate == KNOWN["netif_rx"]["udp"]


@pytest.mark.parametrize("text", ["warp.ns", "ip_rcv", "ip_rcv.sctp", ","])
def test_unknown_amounts(text):
    with pytest.raises(UsageError, match=r"--amounts: .*; expected NAME.ns, .udp, .tcp or .ns_kib"):
        amounts.select(text, KNOWN)


def test_only_panels_that_may_set_amounts_are_looked_at():
    target = observations.observed(PANELS, "xeon-silver-4114", {"eurosys21": 1.0, "ipdps23": 1.0})
    for panel in target.panels:
        for x in panel.points:
            assert any(panel.role(bar, x) is Role.FITTED for bar in panel.bars)
    names = [one.name for one in target.observations]
    assert len(set(names)) == len(names)
    assert names[-4:] == [one.name for one in independent.SUMS]
    assert not any("10c" in name and "16B" not in name for name in names)


def test_what_a_bar_counts_with():
    target = observations.observed(PANELS, "xeon-silver-4114", {})
    found = {one.name: one for one in target.observations}
    rate = found["eurosys21 10c, Con at 16B: rate"]
    assert (rate.value, rate.sigma) == (550, 27.5)
    core = found["eurosys21 5 single-flow, Con at core 1: softirq"]
    assert core.sigma == pytest.approx(np.hypot(0.05 * 91.3, 1.0))


def test_the_models_values_follow_the_amounts_and_the_clock():
    core = next(p for p in PANELS if (p.name, p.metric) == ("5 single-flow", "softirq"))
    (con,) = [bar for bar in core.bars if bar.name == "Con"]
    point = datagrams(16, 200e3, ms=4, warm_ms=1)
    panel = replace(core, bars=(con,), points={"core 1": point})
    there = observations.observed([panel], "xeon-silver-4114", {"eurosys21": 1.0})
    dear = {"br_handle_frame.udp": KNOWN["br_handle_frame"]["udp"] + 1000}
    (one, *sums), (more, *_) = there.modelled({}), there.modelled(dear)
    assert more - one == pytest.approx(100 * 200e3 * 1000 / 1e9, rel=0.1)  # 1000 ns, 200,000 times
    assert sums[1] == KNOWN["gro_receive"]["udp"]
    slow = observations.observed([panel], "xeon-silver-4114", {"eurosys21": 2.0})
    assert slow.modelled({})[0] == pytest.approx(2 * one, rel=0.1)
    assert len(there.observations) == 1 + len(sums)


# -- what is shown and written -----------------------------------------------------------------


def test_a_profile_with_its_amounts_replaced():
    text = "# why\n[a]\nper = 'frame'\nns = 110 # so\n[b]\nudp = 5\ntcp = 6\nns_kib = 7\n"
    expected = "# why\n[a]\nper = 'frame'\nns = 95 # so\n[b]\nudp = 5\ntcp = 8\nns_kib = 7\n"
    assert report.rewritten(text, {"a.ns": 95, "b.tcp": 8}) == expected
    assert "udp = 9\ntcp = 9\nns_kib = 3" in report.rewritten(text, {"b.ns": 9, "b.ns_kib": 3})
    with pytest.raises(UsageError, match=r"--write: the profile has no z\.ns of its own; expected"):
        report.rewritten(text, {"z.ns": 2})


def call(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(["fit", *argv])
    return ended.value.code, *capsys.readouterr()


@pytest.fixture
def small(monkeypatch):
    """Two bars that run in milliseconds, instead of all panels."""
    core = next(p for p in PANELS if (p.name, p.metric) == ("5 single-flow", "softirq"))
    (con,) = [bar for bar in core.bars if bar.name == "Con"]
    point = datagrams(16, 500e3, ms=3, warm_ms=1)
    panel = replace(core, bars=(con,), points={"core 0": point, "core 1": point})
    monkeypatch.setattr("falcon_ctl.fit.fitting.PANELS", [panel])


def test_the_command(small, tmp_path, capsys):
    text = (costs.DIRECTORY / "xeon-silver-4114.toml").read_text("utf-8")
    wrong, file = tmp_path / "wrong.toml", tmp_path / "profile.toml"
    ns = 4 * KNOWN["br_handle_frame"]["udp"]
    off = {"br_handle_frame.udp": ns, "skb_alloc.udp": 4 * KNOWN["skb_alloc"]["udp"]}
    wrong.write_text(report.rewritten(text, off))
    argv = ("--amounts", "br_handle_frame.udp,skb_alloc.udp")
    begun = ("--costs", str(wrong), "--write", str(file))
    status, out, error = call(capsys, *argv, *begun)
    assert error == ""
    (estimate,) = [one.estimate for one in amounts.FREE if one.key == "br_handle_frame.udp"]
    assert re.search(rf"br_handle_frame.udp +{estimate} +{ns} +\d+ +\d+ +\d+% \w+", out)
    assert "eurosys21 5 single-flow, Con at core 1: softirq" in out
    changed, before = costs.load(str(file)), costs.load(str(wrong))
    assert changed["br_handle_frame"].udp != before["br_handle_frame"].udp
    assert {name for name in before if changed[name] != before[name]} == {
        "br_handle_frame",
        "skb_alloc",
    }
    assert status == 1  # the profile has others
    again, _, _ = call(capsys, *argv, "--costs", str(file))
    assert again == 0


def test_an_amount_that_the_panels_are_not_charged_with(small, capsys):
    status, _, error = call(capsys, "--amounts", "ovs_vport_receive.ns")
    assert status == 2
    assert error.count("\n") == 1
    assert "under-determined: no measurement depends on ovs_vport_receive.ns" in error


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--amounts", "warp.ns"), "--amounts: 'warp.ns'"),
        (("--costs", "warp"), "costs: got 'warp', expected one of"),
        (("--write", "/nowhere/x.toml"), "--write /nowhere/x.toml"),
        (("--costs", "xeon-gold-5218", "--write", "x.toml"), "--write: the profile has no"),
    ],
)
def test_wrong_calls_are_one_line(capsys, argv, said):
    status, _, error = call(capsys, *argv)
    assert (status, error.count("\n")) == (2, 1)
    assert said in error
