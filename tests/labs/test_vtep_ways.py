"""Lab 2: both ways lead to full marks, what fails is told, and a student's switch works live."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labs import catalogue, judging
from labs.judging import Verdict
from tests.switch.harness import ROOT

CHECKS = judging.load(catalogue.find("2", ROOT / "labs"))
LAB = CHECKS.lab.folder
GIVEN = judging.parameters(CHECKS, "ada")


def work(folder: Path, way: str, program: str = "") -> Path:
    """A student's folder with the reference, in one of the two ways, or with another program."""
    shutil.copytree(LAB / "student", folder, dirs_exist_ok=True)
    shutil.copytree(LAB / "reference", folder, dirs_exist_ok=True)
    (folder / "way.toml").write_text(f'way = "{way}"\n')
    if program:
        (folder / "vtep.p4").write_text(program)
    return folder


def verdicts(folder: Path, *ids: str) -> dict[str, Verdict]:
    found = judging.judged(CHECKS, folder, GIVEN, ids=ids or None)
    return {verdict.id: verdict for verdict in found}


@pytest.mark.parametrize("way", ["p4", "tables"])
def test_both_ways_lead_to_full_marks(way: str, tmp_path: Path) -> None:
    found = verdicts(work(tmp_path, way))
    assert [verdict for verdict in found.values() if not verdict.passed] == []


@pytest.mark.skipif(shutil.which("p4c-bm2-ss") is None, reason="p4c-bm2-ss (github.com/p4lang/p4c)")
def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    lines = (LAB / "reference" / "vtep.p4").read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if "packet.emit(hdr.vxlan);" in line)
    lines[at] = "        packet.emit(hdr.vxlam);"
    found = verdicts(work(tmp_path, "p4", "\n".join(lines)), "program")["program"]
    assert found.message.startswith(f"vtep.p4 does not compile: line {at + 1}: ")


def test_without_a_compiler_the_other_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    program = (LAB / "reference" / "vtep.p4").read_text() + "// mine\n"
    found = verdicts(work(tmp_path, "p4", program), "program")["program"]
    assert 'way = "tables"' in found.message


def test_a_wrong_line_of_the_choices_is_told(tmp_path: Path) -> None:
    folder = work(tmp_path, "tables")
    (folder / "choices.txt").write_text("\ntable_set_default entropy hash_floww 1 2\n")
    found = verdicts(folder, "program")["program"]
    assert "choices.txt:2: " in found.message
    assert "hash_flow" in found.message


@pytest.mark.network
@pytest.mark.slow
def test_two_switches_of_a_student_carry_a_ping(tmp_path: Path) -> None:
    folder = work(tmp_path, "tables")
    done = subprocess.run(
        [sys.executable, "live.py", "v1switch"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "s1 learns 02:40:0a:00:00:15: VTEP 172.16.0.2" in done.stdout
    assert (
        "172.16.0.1 to 172.16.0.2, VNI 5001: 02:40:0a:00:00:0b to ff:ff:ff:ff:ff:ff" in done.stdout
    )
