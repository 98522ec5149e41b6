"""Numbers that cannot lie: every output says where its numbers come from and when they are invalid.

Each writer is given a run marked invalid; the mark and the provenance must be in what it wrote.
"""

import ast
import io
import json
import os
import platform
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ctl_traces import Frames, trace
from rich.console import Console
from test_ctl_checks import measured

from falcon_ctl import cli
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.checks import disturbance, outcome
from falcon_ctl.checks.disturbance import CpuUse
from falcon_ctl.figures import evaluate, plots, report, tornado
from falcon_ctl.figures.experiments import BY_FIGURE
from falcon_ctl.figures.sensitivity import Effect
from falcon_ctl.live import cpu_use, udp
from falcon_ctl.live.environment import Environment
from falcon_ctl.report import document, plot, provenance, results, table
from falcon_ctl.report.document import Report
from falcon_ctl.systems.catalogue import MAIN_JOB
from falcon_ctl.virtual.measure import Metrics
from topo.protocol.status import Part, Status
from topo.system import code, targets

ROOT = Path(__file__).parents[2]
WHY = "rxpath rx-m2 runs other code"
TITLES = {system.name: system.title for system in MAIN_JOB}
NONE_LOST = {"backlog": 10}


@pytest.fixture
def invalid():
    return provenance.begin([3, 4], "a spec").marked([WHY])


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode("latin-1") for path in folder.rglob("*.*")}


def status_of(**changes) -> Status:
    """A network whose parts run this checkout's code, with `changes`."""
    parts = [
        Part(name=name, kind=kind, node=name, pid=1, log="", code=code.digest(package))
        for name, kind, package in (("s1", "switch", "v1switch"), ("rx-m1", "rxpath", "rxpath"))
    ]
    values = {
        "topology": "pair", "target": "v1switch", "version": targets.version("v1switch"),
        "run_dir": "/x", "pid": 1, "code": code.digest("topo"), "uptime_s": 1.0,
        "parts": tuple(parts), "switches": (), "machines": (),
    }  # fmt: skip
    return Status(**{**values, **changes})


# -- what is recorded ------------------------------------------------------------------------------


def test_results_carry_versions_seeds_spec_and_machine():
    found = provenance.begin([7], {"flows": 2}, status_of()).document()
    assert {"falcon-testbed", "numba", "numpy", "python", "v1switch"} == set(found["versions"])
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["numpy"] == np.__version__
    assert set(found["machine"]) == {"processor", "cores", "kernel", "memory_mib"}
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert found["machine"]["memory_mib"] > 0
    assert found["seeds"] == [7]
    assert found["invalid"] == []
    assert set(found["code_sha256"]) >= {"falcon_ctl", "rxpath", "topo", "v1switch"}
    other = provenance.begin([7], {"flows": 3}, status_of()).document()
    assert other["spec_sha256"] != found["spec_sha256"]
    assert other["id"] != found["id"]


def test_neither_host_nor_user_is_named():
    text = json.dumps(provenance.begin([1], "").document())
    for name in (socket.gethostname(), os.environ.get("USER") or "nobody-at-all", str(Path.home())):
        assert name not in text.split('"')


def test_an_edit_changes_the_hash_of_the_code(tmp_path):
    for name in ("a.py", "b.toml", "c.txt"):
        (tmp_path / name).write_text("1")
    before = code.digest_of(tmp_path)
    (tmp_path / "c.txt").write_text("2")
    assert code.digest_of(tmp_path) == before
    (tmp_path / "b.toml").write_text("2")
    assert code.digest_of(tmp_path) != before
    assert code.digest("no_such_package_here") == code.UNKNOWN


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, ""),
        ({"code": "0" * 16}, "topo daemon runs other code of topo (0000"),
        ({"version": "0.0.1"}, "the switches run v1switch 0.0.1"),
        ("s1", "switch s1 runs other code of v1switch"),
        ("rx-m1", "rxpath rx-m1 runs other code of rxpath"),
    ],
)
def test_a_part_of_another_version_is_named(change, named):
    status = status_of() if isinstance(change, str) else status_of(**change)
    if isinstance(change, str):
        parts = [
            part.model_copy(update={"code": "0" * 16}) if part.name == change else part
            for part in status.parts
        ]
        status = status.model_copy(update={"parts": tuple(parts)})
    found = provenance.begin([1], "", status)
    assert named in found.reason
    assert bool(found.invalid) == bool(named)
    assert outcome.one_version(found.invalid).ok == (not named)


def test_bmv2_has_no_sources_here_but_a_version(monkeypatch):
    monkeypatch.setattr(targets, "version", lambda _: "1.15.0")
    switch = Part(name="s1", kind="switch", node="s1", pid=1, log="", code="")
    same = status_of(target="bmv2", version="1.15.0", parts=(switch,))
    assert provenance.begin([1], "", same).invalid == ()
    other = same.model_copy(update={"version": "1.14.0"})
    assert "1.14.0, 1.15.0 is installed" in provenance.begin([1], "", other).reason


def test_code_that_changes_during_a_run_makes_it_invalid(monkeypatch):
    begun = provenance.begin([1], "")
    assert begun.ended().invalid == ()
    monkeypatch.setattr(code, "digest", lambda package: f"new {package}")
    assert "the code of rxpath changed during the run" in begun.ended().reason


# -- the live outputs ------------------------------------------------------------------------------


def test_every_output_of_a_live_run_carries_the_marks(tmp_path, invalid):
    late = measured(system="host", late="sender: 30 ms")
    disturbed = measured(disturbed="another load took 80 %")
    run = Report("pair", "v1switch", "0.1", invalid, [late, disturbed, measured()])
    (tmp_path / "out.json").write_text(document.as_json(run.document()))
    folder = results.write(tmp_path / "r", run, {("x", "x"): [Packet(1, b"x" * 60, 60)]})
    for found in (tmp_path / "out.json", folder / "report.json"):
        written = json.loads(found.read_text())
        assert written["invalid"] == WHY
        assert written["provenance"]["invalid"] == [WHY]
        marks = ["late: sender: 30 ms", "disturbed: another load took 80 %", ""]
        assert [row["invalid"] for row in written["live"]] == marks
    written = contents(folder)
    assert set(written) == {"report.json", "figures.png", "x.pcapng"}
    for name, text in written.items():
        assert WHY in text, name
        assert invalid.id in text, name


def test_captures_of_a_disturbed_discovery_are_marked(tmp_path):
    found = measured(load="discovery", disturbed="links changed: m1 m1-up")
    run = Report("pair", "v1switch", "0.1", provenance.begin([1], ""), [found])
    folder = results.write(tmp_path, run, {("x", "x"): [Packet(1, b"x" * 60, 60)]})
    assert "INVALID: disturbed: links changed" in contents(folder)["x.pcapng"]


def test_the_terminal_shows_the_marks(invalid):
    console = Console(width=200, record=True, file=io.StringIO())
    provenance.show(console, invalid)
    table.print_measurements(console, [measured(disturbed="2 foreign frames")], TITLES)
    text = console.export_text()
    assert f"INVALID, do not use these numbers: {WHY}" in text
    assert invalid.id in text
    assert "disturbed, overlay udp saturating: 2 foreign frames" in text
    (row,) = [line for line in text.splitlines() if "udp saturating  " in line]
    assert row.split()[-8:] == ["disturbed", "0", "-", "-", "-", "10", "100", "-"]


def test_a_disturbed_run_is_not_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plot, "_rates", lambda _axes, found, _colours: drawn.extend(found))
    valid = measured()
    origin = provenance.begin([1], "")
    runs = [valid, measured(disturbed="x"), measured(late="y")]
    plot.draw(tmp_path / "x.png", runs, "", origin)
    assert drawn == [valid]


# -- the outputs under the virtual clock -----------------------------------------------------------


def test_figures_carry_the_marks(tmp_path, invalid):
    (run, *_) = BY_FIGURE[1].runs()
    found = {run: [Metrics(1e6, 1, 1, {}, 0, 0, np.array([1000, 2000]), {})] * 2}
    rows = evaluate.measured(found)
    (tmp_path / "figures.json").write_text(report.as_json(rows, invalid))
    report.write_csv(tmp_path / "figures.csv", rows, invalid)
    plots.draw_all(tmp_path, found, invalid)
    effect = Effect(rows[0], "hardirq", 1.0, 2.0)
    (tmp_path / "sensitivity.csv").write_text(tornado.as_csv([effect], invalid))
    tornado.draw_all(tmp_path, [effect], 30, invalid)
    written = contents(tmp_path)
    assert len(written) == 5
    for name, text in written.items():
        assert WHY in text, name
        assert invalid.id in text, name


@pytest.mark.parametrize("command", ["sweep", "systems"])
def test_commands_under_the_virtual_clock_mark_code_that_changed(
    tmp_path, monkeypatch, capsys, command
):
    begun = provenance.begin

    def changes_later(*arguments):
        found = begun(*arguments)
        return replace(found, code_sha256={**found.code_sha256, "rxpath": "old"})

    monkeypatch.setattr(provenance, "begin", changes_later)
    monkeypatch.chdir(tmp_path)
    spec, why = tmp_path / "a.yaml", "the code of rxpath changed during the run"
    spec.write_text("systems: [host]\nproto: udp\nrate: [100000, 200000]\nflows: 1\nms: 1\n")
    if command == "sweep":
        argv = ["sweep", str(spec), "--out", str(tmp_path / "out"), "--plot", "rate"]
        expected = {"results.csv", "results.jsonl", "sweep.json", "results.png"}
    else:
        monkeypatch.setattr("falcon_ctl.claims.check.CLAIMS", ())
        argv, expected = ["systems", "--json", str(tmp_path / "out" / "systems.json")], set()
        (tmp_path / "out").mkdir()
    with pytest.raises(SystemExit):
        cli.main(argv)
    said = capsys.readouterr().out
    assert f"INVALID, do not use these numbers: {why}" in " ".join(said.split())
    for name in expected:
        written = (tmp_path / "out" / name).read_bytes().decode("latin-1")
        assert why in written, name
    if command == "sweep":
        lines = (tmp_path / "out" / "results.csv").read_text().splitlines()
        assert lines[0].endswith(",invalid,provenance")
        assert all(why in line for line in lines[1:])


def test_pictures_are_saved_in_one_place_only():
    found = {
        path.name
        for path in (ROOT / "falcon_ctl").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "savefig"
    }
    assert found == {"picture.py"}


# -- disturbances ----------------------------------------------------------------------------------


def looks(use, flapped=()):
    """Environment before and after a run with this use of the CPUs and these links' changes."""
    before = cpu_use.Sample(0, 0, 0, 0, use.cpus)
    after = cpu_use.Sample(use.wall, use.other, 0, use.waited, use.cpus)
    ends = {("m1", "m1-up"): 1, ("s1", "s1-eth1"): 3}
    changed = {end: count + 2 * (end[1] in flapped) for end, count in ends.items()}
    return Environment(before, ends), Environment(after, changed)


def test_a_link_that_flaps_disturbs_a_run_of_any_load():
    quiet = CpuUse(0, 0, 1, 2)
    for saturates in (False, True):
        found = udp.disturbed({}, trace(), [], looks(quiet, ["m1-up"]), saturates)
        assert found == "links changed: m1 m1-up"
    before, after = looks(quiet)
    gone = Environment(after.cpus, {})
    assert len(before.flaps_until(gone)) == 2


def test_a_saturating_load_is_not_disturbed_by_other_work():
    busy = looks(CpuUse(1.5, 0.5, 1.0, 2))
    assert udp.disturbed({}, trace(), [], busy, True) == ""
    assert "another load" in udp.disturbed({}, trace(), [], busy, False)


@pytest.mark.parametrize(
    ("drops", "strangers", "use", "said"),
    [
        (NONE_LOST, 3, CpuUse(0.01, 0.5, 1.0, 2), ""),
        (NONE_LOST, 3, CpuUse(1.5, 0.01, 1.0, 2), ""),
        (NONE_LOST, 3, CpuUse(1.5, 0.1, 1.0, 2), "another load took 75 % of 2 CPUs"),
        (NONE_LOST, 3, None, ""),
        (NONE_LOST, 40, None, "40 foreign frames beside 100 of the run"),
        ({"s1 1 socket": 5, "backlog": 9}, 0, None, "5 frames lost at s1 1 socket"),
        ({"s1 unaccounted": 2}, 0, None, "2 frames lost at s1 unaccounted"),
        ({"afpacket": 1}, 0, None, "1 frames lost at afpacket"),
    ],
)
def test_what_disturbs_a_run(drops, strangers, use, said):
    ours = [Frames().passage(number) for number in range(1, 101)]
    recorded = trace(*ours, *(Frames().passage(0) for _ in range(strangers)))
    found = udp.disturbed(drops, recorded, ours, looks(use or CpuUse(0, 0, 1, 2)), use is None)
    assert (said in found) if said else found == ""


def test_few_frames_of_others_are_no_disturbance():
    assert disturbance.foreign(10_000, 100) == ""
    assert disturbance.foreign(10_000, 101) != ""
    assert disturbance.foreign(10, 16) == ""


def test_cpu_time_of_others_is_all_less_ours():
    def at(seconds, everything, ours, waited):
        return cpu_use.Sample(seconds, everything, ours, waited, 2)

    assert at(1, 10, 4, 1).until(at(3, 13, 5, 1.5)) == (2.0, 0.5, 2, 2)
    real = cpu_use.sample([os.getpid(), 0])
    assert real.everything >= 0
    assert real.ours > 0
    gone = cpu_use.sample([2**22])
    assert gone.ours == pytest.approx(real.ours, abs=1)


def test_speed_is_not_judged_by_disturbed_runs():
    systems = [SimpleNamespace(name=name, is_falcon_overlay=name == "falcon") for name in
               ("overlay", "falcon")]  # fmt: skip
    from falcon_ctl.live.findings import Findings

    found = Findings(systems)
    found.measurements = [measured(), measured(system="falcon", pps=3000.0, disturbed="x")]
    verdicts = list(found._speed())
    assert not any(verdict.ok for verdict in verdicts)
    assert "no valid rate of falcon" in verdicts[0].evidence
