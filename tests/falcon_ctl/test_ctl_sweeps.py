"""Sweeps: the points of a spec, the same bytes everywhere, continuing after any end."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from falcon_ctl import cli
from falcon_ctl.errors import PartFailed
from falcon_ctl.sweeps import cluster, excerpts, journal, plot, points, run, spec, table, work
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.virtual.measure import Closed, Stream

ROOT = Path(__file__).parents[2]
IN_TURN = ROOT / "labs" / "policies" / "in_turn.py"
SMALL = """
systems: [overlay, falcon, mine.py:in_turn]
proto: [udp, tcp]
flows: [1, 3]
threshold: [60, 90]
knobs: {ring: [64, 1024], falcon.cpus: [[0, 2, 4]]}
costs: {ipi_send.ns: 300}
warm_ms: 1
ms: 1
seeds: 1
"""
COUNT = 3 * 2 * 2 * 2 * 2


def call(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", *map(str, argv)])
    return ended.value.code, *capsys.readouterr()


@pytest.fixture
def lab(tmp_path):
    """A folder with a spec and the policy that it names."""
    shutil.copy(IN_TURN, tmp_path / "mine.py")
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def swept(capsys, lab, name, *argv):
    """The bytes of all results of a sweep, by file, and what it said."""
    status, out, error = call(capsys, lab / "small.yaml", "--out", lab / name, *argv)
    assert (status, error) == (0, "")
    files = {path.name: path.read_bytes() for path in (lab / name).iterdir()}
    shown = json.loads(files["frames.json"])["runs"]
    assert shown
    assert all(frame["stages"] for run in shown for frame in run["frames"])
    del files[journal.NAME]  # in the order in which points were done
    assert lab.joinpath(name).name.encode() in files.pop("report.html")  # it names its folder
    return files, out


def expanded(text, *systems):
    file = spec.from_yaml(text, Path("x.yaml"))
    systems = {name: BY_NAME[name] for name in systems or file.spec.systems}
    return points.expand(file, systems)


# -- which points ------------------------------------------------------------------------------


def test_the_product_is_in_the_specs_order_with_seeds_fastest():
    found = expanded("{systems: [falcon, host], flows: [4, 2], rate: [900e3, 5], seeds: [7, 3]}")
    assert [(one.system, one.flows, one.rate, one.seed) for one in found] == [
        (system, flows, rate, seed)
        for system in ("falcon", "host")
        for flows in (4, 2)
        for rate in (900e3, 5)
        for seed in (7, 3)
    ]


def test_packets_are_shown_of_the_first_point_and_of_the_one_furthest_from_it():
    found = expanded("{systems: [host, falcon], proto: [udp, tcp], rate: 1e5, seeds: [1, 2]}")
    rates = {"host udp": (None, 4), "host tcp": (2, 2), "falcon udp": (3, 9), "falcon tcp": (2, 2)}
    rows = [{"pps": rate} for two in rates.values() for rate in two]
    assert excerpts.chosen(found, rows) == {
        1: "the base",
        5: "the extreme, 2.25 times its rate",
        2: "the base",
    }


def test_rate_is_of_udp_and_window_of_tcp():
    found = expanded("{systems: host, proto: [tcp, udp], rate: [1, 2, 3], window: [4, 5]}")
    assert [(one.proto, one.rate, one.window) for one in found] == [
        *(("tcp", None, window) for window in (4, 5)),
        *(("udp", rate, None) for rate in (1, 2, 3)),
    ]


def test_a_point_is_the_load_and_the_knobs_that_it_says():
    text = """
    systems: falcon
    proto: [udp, tcp]
    flows: 3
    bytes: 500
    cores: 2
    threshold: 70
    rate: 1e5
    window: 32
    knobs: {ring: 64, falcon.order: rfs}
    costs: {ipi_send.ns: 9}
    ms: 4
    warm_ms: 2
    """
    knobs = {
        "falcon": {
            "load_interval_ns": 500_000,
            "cpus": (0, 2),
            "threshold": 70,
            "order": "rfs",
        },
        "rps_cpus": (0, 2),
        "ring": 64,
        "cost_overrides": {"ipi_send.ns": 9},
    }
    udp, tcp = expanded(text)
    assert udp.load() == Stream((1e5,) * 3, ms=4, warm_ms=2, size=500, knobs=knobs)
    assert tcp.load() == Closed(3, ms=4, warm_ms=2, window=32, size=500, knobs=knobs)


def test_a_count_of_seeds_is_seeds_from_one():
    assert [one.seed for one in expanded("{systems: host, seeds: 3}")] == [1, 2, 3]
    assert [one.seed for one in expanded("{systems: host, seeds: [3]}")] == [3]


def test_the_example_specs_are_specs():
    paths = sorted((ROOT / "labs" / "sweeps").glob("*.yaml"))
    assert {"thresholds.yaml"} <= {path.name for path in paths}
    for path in paths:
        file = spec.read(path)
        names = [name.rpartition(":")[2] for name in file.spec.systems]
        systems = {name: BY_NAME.get(name, BY_NAME["overlay"]) for name in names}
        assert len(points.expand(file, systems)) > 50


WRONG = {
    "no file": (None, "x.yaml: No such file or directory; expected a YAML file"),
    "no YAML": ("systems: [", "x.yaml:[12]: no tree of keys; expected YAML"),
    "no mapping": ("- host", "x.yaml:1: no mapping; expected some of the axes systems, proto"),
    "empty": ("", "no mapping"),
    "axis": ("systems: host\nflow: 3", "x.yaml:2: flow: no axis; expected one of systems, proto,"),
    "no systems": ("flows: 3", "systems: absent; expected names of systems"),
    "system": ("systems:\n- host\n- warp", r"x.yaml:3: systems\[1\]: warp; expected FILE.py:NAME"),
    "no values": ("systems: []", "systems: .*expected names of systems"),
    "twice": ("systems: [host, falcon, host]", "systems: host twice; expected each value once"),
    "proto": ("systems: host\nproto: sctp", "x.yaml:2: proto: 'sctp'; expected udp, tcp"),
    "flows": ("systems: host\nflows: [1, 0]", r"x.yaml:2: flows\[1\]: 0; expected integers from 1"),
    "text": ("systems: host\nflows: many", "flows: 'many'; expected integers from 1 to 1024"),
    "truth": ("systems: host\nflows: true", "flows: True; expected integers"),
    "bytes": ("systems: host\nbytes: 63", "bytes: 63; expected bytes of a frame"),
    "tcp bytes": ("{systems: host, proto: tcp, bytes: 64}", "bytes: 64; expected 67 or more, for"),
    "cores": ("{systems: host, cores: 11}", "cores: 11; expected how many cores .* from 1 to 10"),
    "threshold": ("{systems: host, threshold: 101}", "threshold: 101; expected FALCON's threshold"),
    "rate": ("{systems: host, rate: fast}", "rate: 'fast'; expected packets/s"),
    "no number": ("{systems: host, rate: nan}", "rate: 'nan'; expected packets/s"),
    "window": ("{systems: host, proto: tcp, window: 0}", "window: 0; expected segments"),
    "tcp's": ("systems: host\nwindow: 9", "x.yaml:2: window: given; expected tcp among proto"),
    "udp's": ("{systems: host, proto: tcp, rate: 9}", "rate: given; expected udp among proto"),
    "seeds": ("{systems: host, seeds: 0}", "seeds: 0; expected how many, from 1 to 10000"),
    "negative seed": ("{systems: host, seeds: [-1]}", r"seeds\[0\]: -1; expected how many"),
    "time": ("{systems: host, ms: 0}", "ms: 0; expected measured model time"),
    "times": ("{systems: host, ms: [1, 2]}", "ms: .*; expected measured model time"),
    "knob": (
        "{systems: host, knobs: {rings: 4}}",
        "knobs.rings: 4; expected one of .* queues, .* ring,",
    ),
    "part": (
        "{systems: host, knobs: {falcon.x: 4}}",
        "knobs.falcon.x: 4; expected one of balancing",
    ),
    "knob's value": (
        "systems: host\nknobs:\n  cpus: 40\n  ring: [64, 0]",
        "x.yaml:4: knobs.ring: 0; expected an integer from 1 to 65536",
    ),
    "file": ("{systems: host, knobs: {costs: x.toml}}", "knobs.costs: 'x.toml'; .* not a file"),
    "knob's type": ("{systems: host, knobs: {gro: 1}}", "knobs.gro: 1; expected true or false"),
    "mapping": (
        "{systems: host, knobs: {gro: {a: 1}}}",
        "knobs.gro: .*; expected a mapping of the",
    ),
    "CPU set": ("{systems: host, knobs: {irq_cpus: [1]}}", "knobs.irq_cpus: 1; expected a list of"),
    "policy": (
        "{systems: host, knobs: {policy: rps}}",
        "knobs.policy: given; expected a knob such",
    ),
    "both": (
        "{systems: host, cores: 2, knobs: {falcon.cpus: [[0]]}}",
        "knobs.falcon.cpus: given; expected this or cores",
    ),
    "cost": ("{systems: host, costs: {ipi: 4}}", "costs.ipi: 4; expected NAME.AMOUNT"),
    "negative cost": (
        "{systems: host, costs: {ipi_send.ns: -4}}",
        "costs.ipi_send.ns: -4; expected",
    ),
    "points": (
        "{systems: host, seeds: 10000, knobs: {ring: %s}}",
        "1010000 points; expected at most",
    ),
    "message": ("systems: host\nmessage: 65508", "message: 65508; expected bytes that a client"),
    "message and bytes": (
        "systems: host\nmessage: 5\nbytes: 500",
        "message: given; expected this or bytes",
    ),
    "packets": ("{systems: host, rate: 1e8, flows: 9}", "rate: 13500000 packets; expected flows x"),
    "policy file": ("systems: [no.py:f]", "no.py: expected a Python file: No such file"),
    "policies twice": ("systems: [mine.py:in_turn, ./mine.py:in_turn]", "in_turn again"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_spec_is_one_line_with_key_and_what_is_allowed(lab, capsys, text, said):
    if text is not None:
        (lab / "x.yaml").write_text(text.replace("%s", str(list(range(1, 102)))))
    status, _, error = call(capsys, lab / "x.yaml", "--out", lab / "out")
    assert status == 2
    assert error.count("\n") == 1
    assert re.search(said, error)
    assert not (lab / "out").exists()


# -- the results -------------------------------------------------------------------------------


def test_each_point_is_a_row_and_conserves_frames(capsys, lab):
    files, out = swept(capsys, lab, "out")
    assert set(files) == {table.CSV, table.LINES, table.SPEC, table.ABOUT, "frames.json"}
    assert f"{COUNT} points are in" in out
    rows = list(csv.DictReader((lab / "out" / table.CSV).open()))
    assert len(rows) == COUNT
    assert list(rows[0])[:9] == [
        "system",
        "proto",
        "flows",
        "bytes",
        "message",
        "cores",
        "threshold",
        "rate",
        "window",
    ]
    for row in rows:
        lost = sum(int(value) for key, value in row.items() if key.startswith("dropped_"))
        assert int(row["sent"]) == int(row["delivered"]) + lost + int(row["queued"])
        assert (row["p50_us"] == "") == (row["proto"] == "tcp")
        assert float(row["pps"]) > 10_000
        assert 100 < float(row["cpu_ns_per_packet"]) < 100_000
        assert float(row["reordered_ratio"]) == pytest.approx(
            int(row["reordered"]) / int(row["delivered"]), abs=1e-6
        )
    lines = [json.loads(line) for line in files[table.LINES].splitlines()]
    assert [line["pps"] for line in lines] == [float(row["pps"]) for row in rows]
    assert lines[0]["falcon.cpus"] == [0, 2, 4]
    assert files[table.SPEC].decode() == SMALL
    found = json.loads(files[table.ABOUT])
    assert found["points"] == COUNT
    assert len(found["spec_sha256"]) == len(found["policies_sha256"]["in_turn"]) == 64


def test_an_axis_does_what_it_says(capsys, lab):
    (lab / "small.yaml").write_text(
        "{systems: falcon, flows: 8, cores: [1, 6], ms: 4, warm_ms: 4, bytes: [64, 1514]}"
    )
    swept(capsys, lab, "out")
    rows = list(csv.DictReader((lab / "out" / table.CSV).open()))
    rates = {(row["bytes"], row["cores"]): float(row["pps"]) for row in rows}
    assert rates["64", "6"] > 1.2 * rates["64", "1"]
    assert rates["64", "6"] > rates["1514", "6"]


def test_messages_are_an_axis_in_place_of_bytes(capsys, lab):
    (lab / "small.yaml").write_text(
        "{systems: host, proto: [udp, tcp], message: [16, 4096], rate: 2e4, ms: 2, warm_ms: 1}"
    )
    swept(capsys, lab, "out")
    rows = list(csv.DictReader((lab / "out" / table.CSV).open()))
    frames = [float(row["pps"]) / float(row["messages_per_s"]) for row in rows]
    assert frames == pytest.approx([1, 3, 1, 3], rel=0.05)
    assert [row["message"] for row in rows] == ["16", "4096"] * 2


@pytest.mark.slow
def test_the_same_bytes_on_any_number_of_threads(capsys, lab):
    one, _ = swept(capsys, lab, "one", "--workers", "1")
    three, _ = swept(capsys, lab, "three", "--workers", "3")
    assert one == three


def test_a_rate_at_which_nothing_comes_is_a_row_without_latencies():
    (point,) = expanded("{systems: host, rate: 1e-3, ms: 1}")
    row = work.work(work.Task(point, None, work.code_digest()))
    assert (row["sent"], row["pps"], row["p99_us"], row["busy_cores"]) == (0, 0.0, None, 0.0)


def test_a_policy_on_the_command_line_is_a_system_more(capsys, lab):
    (lab / "small.yaml").write_text("{systems: overlay, ms: 1, warm_ms: 0}")
    files, _ = swept(capsys, lab, "out", "--policy", f"{lab}/mine.py:in_turn")
    rows = [json.loads(line) for line in files[table.LINES].splitlines()]
    assert [row["system"] for row in rows] == ["overlay", "in_turn"]


def test_a_policy_that_fails_ends_the_sweep_with_its_line(capsys, lab):
    (lab / "mine.py").write_text("def in_turn(packet, host):\n    return host.load[40]\n")
    status, _, error = call(capsys, lab / "small.yaml", "--out", lab / "out")
    assert status == 2
    assert "mine.py:2: in_turn raised IndexError" in error
    assert error.count("\n") == 1
    assert not (lab / "out" / table.CSV).exists()


@pytest.mark.slow
def test_a_picture_has_a_panel_for_each_protocol_and_a_line_for_each_combination(capsys, lab):
    (lab / "small.yaml").write_text(SMALL.replace("[60, 90]", "60"))
    argv = (lab / "small.yaml", "--out", lab / "out", "--plot", "flows,p99_us")
    assert call(capsys, *argv)[0] == 0
    assert (lab / "out" / plot.NAME).read_bytes().startswith(b"\x89PNG")
    table = [
        {"proto": "udp", "system": system, "flows": flows, "seed": seed, "pps": pps + seed}
        for system, flows, pps in (("a", 1, 10), ("a", 2, 20), ("b", 1, 30), ("b", 2, 40))
        for seed in (1, 3)
    ]
    axes = Figure().subplots()
    plot.draw_panel(axes, plot.Plot("flows", "pps"), table)
    drawn = {bars.get_label(): bars[0].get_xydata().tolist() for bars in axes.containers}
    assert drawn == {"a": [[1, 12], [2, 22]], "b": [[1, 32], [2, 42]]}


def test_a_picture_of_a_rate_has_order_and_cpu_time_below_it():
    for rate in ("pps", "messages_per_s", "gbit_per_s"):
        assert plot.shown(rate) == (rate, "reordered_ratio", "cpu_ns_per_packet")
    assert plot.shown("p99_us") == ("p99_us",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("systems", "--plot: systems; expected an axis of several numbers: flows, threshold, ring"),
        ("cores", "--plot: cores; expected an axis"),
        ("flows,speed", "--plot: speed; expected one of pps, messages_per_s"),
        ("seed", "--plot: seed; expected an axis"),
        ("flows", "--plot: 24 lines; expected at most 16"),
    ],
)
def test_a_picture_of_what_there_is_not(capsys, lab, text, said):
    (lab / "small.yaml").write_text(SMALL.replace("[64, 1024]", "[64, 128, 256, 1024]"))
    argv = (lab / "small.yaml", "--out", lab / "out", "--plot", text)
    status, _, error = call(capsys, *argv)
    assert (status, error.count("\n")) == (2, 1)
    assert said in error
    assert not (lab / "out").exists()


# -- going on ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_ends_with_the_same_bytes(capsys, lab):
    # So many that it cannot end between the look at its journal and the signal.
    (lab / "small.yaml").write_text(SMALL.replace("seeds: 1", "seeds: 3"))
    count = 3 * COUNT
    whole, _ = swept(capsys, lab, "whole")
    argv = [sys.executable, "-m", "falcon_ctl", "sweep", lab / "small.yaml", "--workers", "1"]
    process = subprocess.Popen(
        [*argv, "--out", lab / "killed"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    kept = lab / "killed" / journal.NAME
    deadline = time.monotonic() + 100
    while not kept.exists() or kept.read_bytes().count(b"\n") < 5:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = kept.read_bytes().count(b"\n")
    assert before < count
    assert not (lab / "killed" / table.CSV).exists()
    with kept.open("ab") as file:
        file.write(b'0000aaaa ["torn')
    again, out = swept(capsys, lab, "killed")
    assert f"{before} of {count} points were done before" in out
    assert "1 torn lines" in out
    assert again == whole
    assert f"{count} of {count} points were done before" in swept(capsys, lab, "killed")[1]


@pytest.mark.slow
def test_a_spoilt_line_is_run_again(capsys, lab):
    whole, _ = swept(capsys, lab, "out")
    kept = lab / "out" / journal.NAME
    lines = kept.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"sent": ', b'"sent": 1')
    kept.write_bytes(b"".join(lines))
    again, out = swept(capsys, lab, "out")
    assert f"{COUNT - 1} of {COUNT} points were done before" in out
    assert again == whole


@pytest.mark.slow
def test_a_changed_spec_uses_what_it_still_means(capsys, lab):
    swept(capsys, lab, "out")
    (lab / "small.yaml").write_text(SMALL.replace("[1, 3]", "[3, 2]"))
    changed, out = swept(capsys, lab, "out")
    assert f"{COUNT // 2} of {COUNT} points were done before" in out
    assert changed == swept(capsys, lab, "fresh")[0]


@pytest.mark.slow
def test_another_text_of_a_policy_is_another_result(capsys, lab):
    swept(capsys, lab, "out")
    with (lab / "mine.py").open("a") as file:
        file.write("# changed\n")
    assert f"{COUNT * 2 // 3} of {COUNT} points" in swept(capsys, lab, "out")[1]


@pytest.mark.slow
def test_other_code_is_another_result(capsys, lab, monkeypatch):
    first, _ = swept(capsys, lab, "out")
    for module in (work, sys.modules["falcon_ctl.sweeps.sweep"]):
        monkeypatch.setattr(module, "code_digest", lambda: "another")
    second, out = swept(capsys, lab, "out")
    assert "done before" not in out
    assert first[table.CSV] == second[table.CSV]


def test_what_decides_results_is_in_the_codes_hash(monkeypatch):
    read, named = Path.read_bytes, []
    monkeypatch.setattr(Path, "read_bytes", lambda path: named.append(path) or read(path))
    digest = work.code_digest.__wrapped__()
    names = {str(path.relative_to(ROOT)) for path in named}
    assert {"rxpath/policies/falcon.py", "rxpath/config/costs/xeon-silver-4114.toml"} <= names
    assert {"rxpath/config/profiles.toml", "falcon_ctl/virtual/measure.py"} <= names
    assert {"falcon_ctl/sweeps/work.py", "falcon_ctl/sweeps/points.py"} <= names
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + b"\n" * (path.suffix == ".toml")
    )
    assert work.code_digest.__wrapped__() != digest


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(capsys, lab, monkeypatch):
    def interrupted(_):
        def runner(tasks):
            yield tasks[0], work.work(tasks[0])
            raise KeyboardInterrupt

        return runner

    monkeypatch.setattr("falcon_ctl.sweeps.sweep.threads", interrupted)
    status, _, error = call(capsys, lab / "small.yaml", "--out", lab / "out")
    assert status == 130
    assert f"1 of {COUNT} points are kept in {lab}/out" in error
    monkeypatch.undo()
    assert f"1 of {COUNT} points were done before" in swept(capsys, lab, "out")[1]


def test_two_sweeps_do_not_write_one_folder(capsys, lab):
    with journal.opened(lab / "out"):
        status, _, error = call(capsys, lab / "small.yaml", "--out", lab / "out")
    assert (status, error.count("\n")) == (2, 1)
    assert "another sweep is writing there" in error


def test_a_place_that_is_no_folder(capsys, lab):
    status, _, error = call(capsys, lab / "small.yaml", "--out", lab / "mine.py")
    assert (status, error.count("\n")) == (2, 1)
    assert f"--out {lab}/mine.py: Not a directory; expected a folder" in error


def test_a_host_that_cannot_be_run_names_its_point():
    (point,) = expanded("{systems: overlay, flows: 3, ms: 1}")
    task = work.Task(replace(point, knobs=(("ring", 0),)), None, work.code_digest())
    with pytest.raises(PartFailed, match=r"proto udp, flows 3, .*ring 0, seed 1: ring: got 0"):
        list(run.threads(1)([task]))


# -- on a cluster ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dask_address():
    """A Dask cluster of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as found:
        yield found.scheduler_address


@pytest.mark.slow
def test_the_same_bytes_on_a_dask_cluster(capsys, lab, dask_address, monkeypatch):
    here, _ = swept(capsys, lab, "here")

    def not_here(task):
        raise AssertionError("measured in this process")

    monkeypatch.setattr("falcon_ctl.sweeps.run.work", not_here)
    there, _ = swept(capsys, lab, "there", "--scheduler", dask_address)
    assert here == there


@pytest.mark.slow
def test_a_sweep_begun_here_ends_on_a_cluster(capsys, lab, dask_address):
    whole, _ = swept(capsys, lab, "out")
    kept = lab / "out" / journal.NAME
    kept.write_bytes(b"".join(kept.read_bytes().splitlines(keepends=True)[:20]))
    again, out = swept(capsys, lab, "out", "--scheduler", dask_address)
    assert f"20 of {COUNT} points were done before" in out
    assert again == whole


@pytest.mark.slow
def test_a_policys_error_comes_from_the_worker_with_its_line(capsys, lab, dask_address):
    (lab / "mine.py").write_text("def in_turn(packet, host):\n    return host.load[40]\n")
    argv = (lab / "small.yaml", "--out", lab / "out", "--scheduler", dask_address)
    status, _, error = call(capsys, *argv)
    assert status == 2
    assert "mine.py:2: in_turn raised IndexError" in error
    assert error.count("\n") == 1


def test_a_worker_of_another_version_is_refused(dask_address):
    (point,) = expanded("{systems: overlay, ms: 1}")
    task = work.Task(point, None, "another")
    with pytest.raises(PartFailed, match="worker: has another version of the model") as caught:
        list(cluster.dask(dask_address)([task]))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "udp://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there(capsys, lab, address, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "SECONDS", 1)
    argv = (lab / "small.yaml", "--out", lab / "out", "--scheduler", address)
    status, _, error = call(capsys, *argv)
    assert (status, error.count("\n")) == (1, 1)
    assert f"scheduler {address}: no answer in 1 s" in error


def test_without_dask_it_says_what_to_install(capsys, lab, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    argv = (lab / "small.yaml", "--out", lab / "out", "--scheduler", "tcp://127.0.0.1:1")
    status, _, error = call(capsys, *argv)
    assert (status, error.count("\n")) == (2, 1)
    assert "expected pip install 'falcon-testbed[cluster]'" in error
    assert not os.path.lexists(lab / "out")
