"""`v1switch survey`: what becomes of the programs of a folder."""

import csv
import json
import resource
import shutil
import signal
from pathlib import Path

import pytest

from tests.switch.harness import poll
from tests.v1switch.twin import COMPILED
from v1switch.commands.main import main
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.printer.expressions import Expressions
from v1switch.lower import ir
from v1switch.survey import processes, report
from v1switch.survey.finding import FAILED, NATIVE, PARTLY, PYTHON, REFUSED, Finding
from v1switch.survey.probe import main as probe_main
from v1switch.survey.probe import probe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two programs, one of them broken, and a file that is none."""
    shutil.copy(COMPILED / "wire.json", tmp_path)
    program = json.loads((COMPILED / "wire.json").read_text())
    program["actions"][0]["primitives"] = [{"op": "teleport", "parameters": []}]
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "broken.json").write_text(json.dumps(program))
    (tmp_path / "topology.json").write_text('{"hosts": {}}')
    return tmp_path


def test_a_folder_is_surveyed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["survey", str(folder), "--format", "json", "--jobs", "1"]) == 1
    document = json.loads(capsys.readouterr().out)
    broken, wire = document["programs"]
    assert (broken["result"], wire["result"]) == (REFUSED, NATIVE)
    assert "teleport" in broken["reason"]
    assert "action" in broken["object"]
    assert (wire["object"], wire["reason"], wire["tables"]) == ("", "", 1)
    assert 0 < wire["cpu_s"] < 60
    assert 20 < wire["peak_mib"] < 1000, "Python and LLVM alone need some tens"
    found = document["summary"]
    assert {key: found[key] for key in ("programs", "other_files", "native", "refused")} == {
        "programs": 2,
        "other_files": 1,
        "native": 1,
        "refused": 1,
    }
    assert found["native_share"] == 1.0, "of those that load"


def test_a_table_and_csv_say_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [
        Finding("a.json", PARTLY, "table 't'", "some reason", 3, 1.25, 120),
        Finding("b.json", NATIVE, "", "", 2, 0.25, 100),
    ]
    monkeypatch.setattr(processes.Probes, "findings", lambda *_: iter(made))
    assert main(["survey", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["program", "tables", "result", "CPU", "s", "MiB", "why"]
    assert lines[1].split(maxsplit=5)[1:] == [
        "3",
        "partly",
        "1.25",
        "120",
        "table 't': some reason",
    ]
    assert lines[-1].startswith("2 programs: 1 native, 1 partly; 50.0 % of those that load")
    assert "at most 1.25 s and 120 MiB" in lines[-1]
    assert main(["survey", str(folder), "--format", "csv"]) == 1
    printed = capsys.readouterr()
    rows = list(csv.DictReader(printed.out.splitlines()))
    assert [row["result"] for row in rows] == [PARTLY, NATIVE]
    assert (rows[0]["reason"], rows[0]["cpu_s"]) == ("some reason", "1.25")
    assert printed.err.startswith("2 programs"), "the summary is no row"
    made[0] = made[1]
    assert main(["survey", str(folder), "--format", "csv"]) == 0, "all are native"


def test_what_machine_code_leaves_to_plain_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Expressions, node: ir.Binary) -> None:
        raise NotNative("some operation")

    monkeypatch.setattr(Expressions, "_binary", refuse)
    found = probe(COMPILED / "numbers.json")
    assert (found.result, found.reason) == (PARTLY, "some operation")


def test_helpers_that_do_not_compile_leave_all_to_plain_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(text: str) -> bytes:
        raise NotNative("no helpers")

    monkeypatch.setattr("v1switch.survey.probe.object_code", refuse)
    found = probe(COMPILED / "wire.json")
    assert (found.result, found.reason) == (PYTHON, "no helpers")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os.kill(os.getpid(), 24)", "no machine code after 1 s of processor time"),
        ("import os; os.kill(os.getpid(), 11)", f"the compiler ended with signal {signal.SIGSEGV}"),
        ("raise SystemExit('no room')", "the compiler ended with status 1: no room"),
    ],
)
def test_a_compiler_that_does_not_end_well_is_a_failure(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec python3 -c "{source}"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(processes.sys, "executable", str(tmp_path / "python"))
    probes = processes.Probes(1, 1)
    (found,) = probes.findings([Path("x.json")])
    probes.close()
    assert (found.program, found.result, found.reason) == ("x.json", FAILED, reason)


def test_a_probe_limits_its_processor_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr("v1switch.survey.probe.resource.setrlimit", limits.__setitem__)
    assert probe_main([str(COMPILED / "no such file.json"), "7"]) == 0
    assert limits[resource.RLIMIT_CPU] == (7, 8)
    assert json.loads(capsys.readouterr().out)["reason"] == "No such file or directory"


def test_probes_end_with_the_survey(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho $$ >> started\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(processes.sys, "executable", str(tmp_path / "python"))
    monkeypatch.chdir(tmp_path)
    probes = processes.Probes(1, 1)
    probes.findings([Path("a.json"), Path("b.json")])
    poll(lambda: Path("started").exists() and Path("started").read_text(), "a probe", 60.0)
    probes.close()
    (number,) = Path("started").read_text().split()
    assert not Path("/proc", number).exists(), "and the second one was never started"


@pytest.mark.parametrize("argv", [["/no/such/folder"], ["--jobs", "0", "."], []])
def test_a_wrong_call_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["survey", *argv])
    except SystemExit as left:
        status = int(str(left.code))
    assert status == 2
    said = capsys.readouterr().err
    assert said.startswith("v1switch: ")
    assert said.count("\n") == 1


def test_a_folder_without_programs_is_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "topology.json").write_text("{}")
    assert main(["survey", str(tmp_path)]) == 2
    assert "expected a folder with programs" in capsys.readouterr().err


def test_a_summary_of_refused_programs_has_no_share() -> None:
    found = report.summary([Finding("a.json", REFUSED, "$", "no program")], 0)
    assert (found["native_share"], found["cpu_s"]) == (None, None)
    assert report.last_line(found) == "1 programs: 1 refused"
