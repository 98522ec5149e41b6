"""Checks are run in their order, each gets a verdict, and the student's line is named."""

import os
import runpy
import sys
from pathlib import Path

import pytest

from labs import judging
from labs.errors import BrokenLab
from labs.work import hand_in
from labs.worker.loading import Files
from tests.labs.lab import CHECKS, GIVEN, files, verdicts


def failure(folder: Path, adder: str) -> tuple[str, str, str]:
    found = verdicts(files(folder, adder=adder), "sum")["sum"]
    assert found.state == "failed"
    return found.message, found.seen, found.kind


def test_the_reference_passes_what_is_run(tmp_path: Path) -> None:
    found = verdicts(files(tmp_path), "sum", "policy")
    assert [one.state for one in found.values()] == ["passed"] * 2
    assert judging.points(found.values()) == (4, 4)
    assert verdicts(tmp_path, "many", hidden=True)["many"].passed  # and what it comes after


def test_an_expectation_shows_what_was_seen_and_expected(tmp_path: Path) -> None:
    files(tmp_path, adder="def add(a, b):\n    return (a + b) % 256\n")
    found = verdicts(tmp_path, "sum", "many", hidden=True)
    wanted = (GIVEN["a"] + GIVEN["b"]) % 256
    assert (found["sum"].message, found["sum"].seen) == ("the carry is lost", str(wanted))
    assert found["sum"].expected == str(wanted + 1)
    assert found["many"].state == "not reached"
    assert found["many"].message == "sum has to pass first"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("def add(a, b):\n    return a +\n", "adder.py, line 2: SyntaxError: ", "return a +"),
        ("x = 1\nimport nowhere\n", "adder.py, line 2: ModuleNotFoundError: ", "import nowhere"),
        ("def add(a, b):\n    return a[0]\n", "adder.py, line 2: TypeError: ", "return a[0]"),
        ("def sub(a, b): ...\n", "adder.py: there is no function add", ""),
        ("def add(a): ...\n", "adder.py: TypeError: add() takes 1 ", ""),
        ("def add(a, b): ...\n", "adder.py: add() returned None, expected an integer", "None"),
        ("def add(a, b):\n    return True\n", "adder.py: add() returned True or False, ", "True"),
        ("def add(a, b):\n    return object()\n", "adder.py: add() returned an object of ", ""),
        ("def add(a, b):\n    exit(3)\n", "adder.py, line 2: SystemExit: 3", "exit(3)"),
        ("import os\ndef add(a, b):\n    os._exit(3)\n", "adder.py: add() ended the process", ""),
        ("import os\ndef add(a, b):\n    os.abort()\n",
         "adder.py: add() ended the process by SIGABRT", ""),
        ("def add(a, b):\n    print('x' * 9999999)\n",
         "adder.py: add() printed more than 1 MiB", ""),
        ("def add(a, b):\n    return input()\n", "adder.py, line 2: EOFError", "return input()"),
        ("def add(a, b):\n    return add(a, b)\n", "adder.py, line 2: RecursionError",
         "return add(a, b)"),
    ],
)  # fmt: skip
def test_what_fails_in_a_students_file_is_named_with_its_line(
    tmp_path: Path, text: str, message: str, line: str
) -> None:
    said, seen, kind = failure(tmp_path, text)
    assert said.startswith(message)
    assert seen == line
    assert kind in ("error", "")


def test_an_error_in_a_file_that_was_run_by_its_bare_name_is_the_students(tmp_path: Path) -> None:
    loading = Files(["choose.py"], None)
    folder = files(tmp_path, choose="def choose(packet, host):\n    return packet.nothing\n")
    before = Path.cwd()
    try:
        loading.move(folder)
        with pytest.raises(AttributeError) as caught:
            runpy.run_path("choose.py")["choose"](object(), None)
        refused = loading.refusal(caught.value, "trial.py")
    finally:
        os.chdir(before)
        sys.path.remove(str(folder))
    assert (refused.file, refused.line, refused.text) == ("choose.py", 2, "return packet.nothing")


def test_a_gap_is_named_as_one(tmp_path: Path) -> None:
    text = 'def add(a, b):\n    raise NotImplementedError("add the bytes")\n'
    assert failure(tmp_path, text)[::2] == (
        "adder.py, line 2: not written yet: add the bytes", "unwritten"
    )  # fmt: skip


def test_files_that_are_missing_or_no_text_are_named(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "adder.py").unlink()
    assert verdicts(tmp_path, "sum")["sum"].message == "adder.py: there is no such file"
    for content, what in ((b"\xff\xfe", "expected text in UTF-8"), (b"sum = ", "expected TOML: ")):
        (tmp_path / "answers.toml").write_bytes(content)
        message = verdicts(tmp_path, "by-hand")["by-hand"].message
        assert message.startswith(f"answers.toml: {what}")
    (tmp_path / "answers.toml").unlink()
    (tmp_path / "answers.toml").symlink_to("/etc/passwd")
    assert "no such file" in verdicts(tmp_path, "by-hand")["by-hand"].message


def test_what_a_check_cannot_use_is_a_failure_too(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("sum = 12")
    broken = CHECKS.checks[3]
    checks = judging.Checks(CHECKS.lab, (broken,), CHECKS.parameters)
    (found,) = judging.judged(checks, tmp_path, {})  # without parameters it cannot work
    assert (found.state, found.kind) == ("failed", "lab")
    assert found.seen.startswith("checks.py, line ")
    assert "KeyError: 'a'" in found.seen


def test_a_check_without_its_means_is_left_out(tmp_path: Path) -> None:
    found = list(judging.judged(CHECKS, files(tmp_path), GIVEN, has={}.get))
    assert found[-1].state == "left out"
    assert "p4c" in found[-1].message


def test_no_check_sees_what_another_one_left_in_a_module(tmp_path: Path) -> None:
    counting = "seen = []\ndef add(a, b):\n    seen.append(a)\n    return len(seen)\n"
    files(tmp_path, adder=counting)
    with judging.student_of(CHECKS.lab, tmp_path) as student:
        twice = judging.judged_by(student, CHECKS.lab, CHECKS.checks[:1] * 2, GIVEN)
        assert [one.seen for one in twice] == ["1", "1"]
    with judging.run.Student(tmp_path) as student:
        assert [student.call("adder.py", "add", 1, 1) for _ in range(2)] == [1, 2]
        student.fresh()
        assert student.call("adder.py", "add", 1, 1) == 1


def test_hash_differs_after_a_restart(tmp_path: Path) -> None:
    files(tmp_path, adder="def add(a, b):\n    return hash(str(a))\n")
    with judging.run.Student(tmp_path) as student:
        first = student.call("adder.py", "add", 1, 1)
        student.restart(hash_seed=1)
        assert student.call("adder.py", "add", 1, 1) != first
        student.fresh()
        assert student.call("adder.py", "add", 1, 1) == first


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import nothing", "line 1: ModuleNotFoundError"),
        ("parameters = None", "expected parameters(draw) and functions that are checks"),
        ("c = check('a', 'b', needs=('p4c',))(print)\nparameters = 1", "not every machine has"),
        ("c = check('a', 'b', after='z')(print)\nparameters = 1", "a: no check z before it"),
        (
            "c = check('a', '')(print)\ne = check('a', '')(print)\nparameters = 1",
            "two checks",
        ),
    ],
)
def test_a_broken_lab_says_that_it_is(tmp_path: Path, text: str, what: str) -> None:
    folder = tmp_path / "02-x"
    folder.mkdir()
    (folder / "checks.py").write_text(f"from labs.checking import check;{text}\n")
    lab = type(CHECKS.lab)(folder, CHECKS.lab.settings)
    with pytest.raises(BrokenLab, match=r"mistake in the lab") as caught:
        judging.load(lab)
    assert what in str(caught.value)


def test_modules_of_the_checks_are_loaded_once_and_belong_to_their_version(tmp_path: Path) -> None:
    folder = tmp_path / "02-x"
    (folder / "truth").mkdir(parents=True)
    (folder / "truth/right.py").write_text("from labs.checking import beside\nnumber = []\n")
    (folder / "truth/more.py").write_text(
        "from labs.checking import beside\nright = beside(__file__, 'right')\n"
    )
    (folder / "checks.py").write_text(
        "from labs.checking import beside, check\n"
        "right, more = beside(__file__, 'right'), beside(__file__, 'more')\n"
        "assert more.right is right\n"
        "c = check('a', '')(print)\ndef parameters(draw): return {}\n"
    )
    lab = type(CHECKS.lab)(folder, CHECKS.lab.settings)
    assert [one.id for one in judging.load(lab).checks] == ["a"]
    before = hand_in.version(lab)
    (folder / "truth/right.py").write_text("number = [1]\n")
    assert hand_in.version(lab) != before


def test_a_module_of_the_checks_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "02-x"
    folder.mkdir()
    (folder / "checks.py").write_text(
        "from labs.checking import beside\nright = beside(__file__, 'right')\n"
    )
    with pytest.raises(BrokenLab, match=r"line 2: FileNotFoundError.*truth/right\.py"):
        judging.load(type(CHECKS.lab)(folder, CHECKS.lab.settings))
