"""Submissions play against each other: standings, and the command over a class."""

import csv
import shutil

import pytest

from labs.cli.app import main
from labs.grading.sandbox import bubblewrap
from labs.process import ROOT
from labs.tournament.standings import standings
from tests.labs.lab import ADDER, LABS

ROUNDS = ["easy", "hard", "easy", "hard"]


def test_the_mean_is_geometric_and_equal_means_share_a_place():
    students = {"zoe": [4, 1, 1, 1], "ada": [1, 2, 2, 1], "bob": [1, 1, 1, 1]}
    found = standings(ROUNDS, students, {"house": [2, 2, 2, 2]}, {"eve": "nothing"})
    assert [(one.name, one.place) for one in found] == [
        ("house", 1), ("ada", 1), ("zoe", 1), ("bob", 3), ("eve", 0),
    ]  # fmt: skip
    house, ada, zoe, bob, eve = found
    assert house.mean == pytest.approx(2)
    assert ada.mean == pytest.approx(2**0.5)
    assert zoe.kinds == pytest.approx({"easy": 2, "hard": 1})
    assert (house.won, ada.won, zoe.won, bob.won) == (0, 3, 2, 1)
    assert (house.beaten, ada.beaten, bob.beaten) == (3, 1, 0)
    assert (zoe.worst, eve.why_not) == (1, "nothing")


def test_a_score_of_nothing_is_low_and_no_error():
    (found,) = standings(["a", "b"], {"ada": [0, 1000]}, {}, {})
    assert found.mean == pytest.approx(1)


@pytest.fixture
def hand_in(tmp_path):
    """A class: one right, one wrong, one that fails, one without the file."""
    where = tmp_path / "class"
    for name in ("right", "wrong", "fails", "lacks"):
        shutil.copytree(ADDER.folder / "reference", where / name)
    (where / "wrong/adder.py").write_text("def add(a, b):\n    return a + b\n")
    (where / "fails/adder.py").write_text("def add(a, b):\n    return a[0]\n")
    (where / "lacks/adder.py").unlink()
    return where


def test_a_class_plays_in_sandboxes(hand_in, tmp_path, capsys):
    try:
        bubblewrap.verify(ROOT)
    except bubblewrap.NoSandbox as error:
        pytest.skip(str(error))
    html, table = tmp_path / "board.html", tmp_path / "board.csv"
    words = ["tournament", "--all", hand_in, "--html", html, "--csv", table, "--seeds", "2"]
    assert main([*map(str, words), "--lab", "1", "--labs", str(LABS)]) == 0
    said = capsys.readouterr().out
    assert "fails did not play: adder.py, line 2: TypeError: " in said
    rows = {row["player"]: row for row in csv.DictReader(table.open())}
    assert [rows[name]["place"] for name in ("right", "guessing", "wrong", "lacks")] == [
        "1", "", "2", "0",
    ]  # fmt: skip
    assert rows["right"]["mean"] == "2.0000"
    assert rows["lacks"]["why_not"].startswith("adder.py is missing")
    page = html.read_text()
    assert "guessing" in page
    assert "did not play" in page.lower()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--lab", "99"], "99"),
        (["--html", "/nowhere/board.html"], "/nowhere"),
        (["--all", "/nowhere"], "/nowhere: no such folder"),
    ],
)
def test_a_wrong_call_is_one_line(hand_in, capsys, words, says):
    given = [] if "--all" in words else ["--all", str(hand_in)]
    lab = [] if "--lab" in words else ["--lab", "1"]
    assert main(["tournament", *given, *lab, "--labs", str(LABS), *words]) != 0
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_lab_without_a_tournament_says_so(hand_in, tmp_path, capsys):
    shutil.copytree(LABS, tmp_path / "labs")
    checks = tmp_path / "labs" / ADDER.name / "checks.py"
    checks.write_text(checks.read_text() + "\ndel tournament\n")
    words = ["--all", str(hand_in), "--lab", "1", "--labs", str(tmp_path / "labs"), "--unsafe"]
    assert main(["tournament", *words]) == 1
    assert "do not play against each other" in capsys.readouterr().err
