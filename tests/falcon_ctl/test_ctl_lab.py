"""The notebooks' API: the same calls under either clock, and one line for what is wrong."""

import builtins
import json

import pytest

from falcon_ctl import lab
from falcon_ctl.errors import CtlError
from falcon_ctl.lab.flows import ends
from topo.spec.sources import load


@pytest.fixture(scope="module")
def net():
    with lab.up("pair", clock="virtual") as opened:
        for system in ("overlay", "falcon-pipelining"):
            opened.use(system)
            opened.send(rate=900e3, ms=2)
        yield opened


def test_the_virtual_clock_shows_what_falcon_is_for(net):
    pytest.importorskip("pandas")
    table = net.table().set_index("system")
    assert table.pps["falcon-pipelining"] > 1.3 * table.pps["overlay"]
    assert table.cores["falcon-pipelining"] > table.cores["overlay"]
    assert (table.sent == 1800).all()
    assert (table.reordered == 0).all()
    assert table.attrs["provenance"]["seeds"] == [1]


def test_a_row_is_a_run_and_a_column_a_core(net):
    pytest.importorskip("pandas")
    cores = net.cores()
    assert list(cores.index) == ["overlay", "falcon-pipelining"]
    assert cores.loc["overlay"].max() > 95
    assert (cores.loc["overlay"] >= 1).sum() < (cores.loc["falcon-pipelining"] >= 1).sum()


def test_the_figure_is_a_picture_in_any_notebook_and_a_file(net, tmp_path):
    assert net.figure()._repr_png_().startswith(b"\x89PNG")
    assert net.save(tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_timeline_of_all_runs_is_a_picture_and_a_file(net, tmp_path):
    assert net.timeline()._repr_png_().startswith(b"\x89PNG")
    found = json.loads(net.trace(tmp_path / "x.json").read_text())
    assert [run["group"] for run in found["runs"]] == ["overlay", "falcon-pipelining"]
    with pytest.raises(CtlError, match=r"trace .*x\.txt: unknown ending; expected one of"):
        net.trace(tmp_path / "x.txt")
    assert not (tmp_path / "x.txt").exists()


def test_the_same_seed_gives_the_same_run(net):
    one, other = (net.send(rate=500e3, ms=1, poisson=True, seed=seed) for seed in (3, 3))
    assert (one.latencies_us == other.latencies_us).all()
    del net.runs[-2:]


def test_knobs_reach_the_model():
    with lab.up(clock="virtual") as net:
        few = net.use("falcon", falcon_cpus=[0, 2]).send(4, rate=300e3, ms=2)
        more = net.use("falcon", falcon_cpus=[0, 2, 4, 6]).send(4, rate=300e3, ms=2)
    used = [{cpu for cpu in (4, 6) if run.measured.loads.get(cpu, 0) >= 1} for run in (few, more)]
    assert used[0] == set()
    assert used[1]
    assert few.row()["falcon_cpus"] == (0, 2)


def test_tcp_is_limited_by_its_window():
    with lab.up(clock="virtual") as net:
        net.use("overlay")
        small, large = (net.send(proto="tcp", window=window, ms=2) for window in (2, 64))
    assert small.measured.pps < large.measured.pps


def test_ones_own_policy_and_chain():
    with lab.up(clock="virtual") as net:
        mine = net.use(policy="labs/policies/in_turn.py:in_turn").send(ms=1)
        longer = net.use(chain="labs/chains/double_bridge.toml:nested").send(ms=1)
        hashed = net.use("overlay", policy="rps").send(ms=1)
    assert (mine.system, longer.system) == ("in_turn", "nested")
    assert len([load for load in hashed.measured.loads.values() if load > 1]) > 2
    assert lab.run.labels([hashed])[0] == "overlay"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda: lab.up("pear"), "pear: expected one of pair, leafspine, fattree"),
        (lambda: lab.up(clock="sun"), "clock: 'sun'; expected virtual or live"),
        (lambda: lab.up().timeline(), "timeline: no run; expected `send` before it"),
        (lambda: lab.up().send(), "send: no system is in use; expected `use` before it"),
        (lambda: lab.up().use("fast"), "system: fast; expected some of host"),
        (lambda: lab.up().use(), "use: nothing chosen; expected a system, or chain=FILE.toml:NAME"),
        (lambda: lab.up().use("falcon", chain="x.toml:y"), "use: falcon and x.toml:y; expected"),
        (lambda: lab.up().use("falcon", policy="x"), "--policy: x; expected same_cpu"),
        (lambda: lab.up().use("falcon", threshold=101), "falcon.threshold: got 101, expected"),
        (lambda: lab.up().use(policy="no.py:f"), "no.py"),
        (lambda: lab.up().use("overlay").send(rate=-1), "rate: -1; expected 1 to 1e+08 packets/s"),
        (lambda: lab.up().use("overlay").send(ms=True), "ms: True; expected a number"),
        (lambda: lab.up().use("overlay").send(proto="sctp"), "proto: 'sctp'; expected udp or tcp"),
        (
            lambda: lab.up().use("overlay").send(source="red9"),
            "source: 'red9'; expected a container",
        ),
        (
            lambda: lab.up().use("overlay").send(source="red1-1", target="blue2-1"),
            "topology pair: no flow from red1-1 to blue2-1; expected two containers of one tenant",
        ),
    ],
)
def test_what_is_wrong_is_one_line(wrong, line):
    with pytest.raises(CtlError) as caught:
        wrong()
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value._render_traceback_() == [f"falcon_ctl: {caught.value}"]


def test_without_pandas_it_names_the_extra(net, monkeypatch):
    real = builtins.__import__

    def without(name, *args):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CtlError, match=r"pip install 'falcon-testbed\[notebook\]'"):
        net.table()


def test_flows_go_between_containers_of_one_tenant_on_two_machines():
    pair = load("pair")
    assert ends(pair, None, None) == ("red1-1", "red2-1")
    assert ends(pair, "blue1-2", None)[1].startswith("blue2")
    assert ends(pair, None, "red1-1") == ("red2-1", "red1-1")


def test_labels_say_what_distinguishes_runs(net):
    from falcon_ctl.lab.run import labels

    assert labels(net.runs) == ["overlay", "falcon-pipelining"]
    assert labels([net.runs[0], net.runs[0]]) == ["overlay #1", "overlay #2"]
