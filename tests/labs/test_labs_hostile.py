"""Submissions that misbehave are stopped and named, and the next one is graded."""

import os
import shutil
from pathlib import Path

import pytest

from labs import judging, process
from labs.grading import command, grader
from labs.grading.sandbox import bubblewrap
from labs.grading.submissions import collect
from labs.process import ROOT
from tests.labs.hostile import CASES, HONEST, program
from tests.labs.lab import ADDER

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labs-grading")]


def children() -> set[str]:
    """The processes that this one started and that are there still."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(scope="module")
def before():
    """Processes of the tests that ran before."""
    return children()


@pytest.fixture(scope="module")
def grades(before, tmp_path_factory):
    """The grades of all of them, and of one between them that is right."""
    try:
        bubblewrap.verify(ROOT)
    except bubblewrap.NoSandbox as error:
        pytest.skip(str(error))
    where = tmp_path_factory.mktemp("hostile")
    for name, case in CASES.items():
        _hand_in(where / name, program(case, str(ADDER.folder), str(where)))
    _hand_in(where / "honest", program(HONEST, "", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "REAL_SECONDS", 3.0)
        patch.setattr(grader, "HIDDEN_RUNS", 1)
        patch.setenv("LABS_TEST", "GRADERS")
        patch.setattr(command, "_say", lambda _grade: None)
        found = _graded(where)
    return {grade.id: grade for grade in found}


def _hand_in(folder: Path, adder: str | None) -> None:
    shutil.copytree(ADDER.folder / "reference", folder)
    checks = judging.load(ADDER)
    answers = checks.answers(judging.parameters(checks, folder.name.lower()))
    (folder / "answers.toml").write_text(f"sum = {answers['sum']}\n")
    if adder is not None:
        (folder / "adder.py").write_text(adder)


def _graded(where: Path):
    submissions = collect.latest_of_each(collect.of_class(where), ADDER.name)
    room = []
    patch = pytest.MonkeyPatch()
    patch.setattr(
        command.Targets, "write", lambda _self, _lab, grades, _similar: room.extend(grades)
    )
    try:
        assert command.run(submissions, ADDER, [], None, command.Targets(), jobs=2) == 0
    finally:
        patch.undo()
    return room


@pytest.mark.parametrize("name", CASES)
def test_is_stopped_and_named(grades, name):
    grade, case = grades[name], CASES[name]
    says = case.says.replace("LAB", str(ADDER.folder))
    told = [*grade.tried, grade.message]
    assert any(says in text for text in told), told
    points = {check.id: check.earned for check in grade.checks}
    assert points == {"sum": 0, "many": 0, "policy": 1, "by-hand": 1}


def test_one_that_is_right_gets_all_points_among_them(grades):
    assert grades["honest"].earned == grades["honest"].points == 7


def test_no_process_is_left(before, grades):
    assert children() <= before
