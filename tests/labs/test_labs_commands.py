"""What students type, in their work folders; and what they type wrong."""

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import pytest

from labs.cli import app, screen
from labs.judging import Verdict
from tests.labs.lab import ADDER, CHECKS, LABS

Command = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command: status, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        options = ("--labs", str(LABS), "--work", str(tmp_path / "work"))
        status = app.main([*words, *options])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


@pytest.fixture
def mine(command: Command, tmp_path: Path) -> Path:
    assert command("start", "1", "--id", "Ada")[0] == 0
    return tmp_path / "work" / ADDER.name


def solve(folder: Path, name: str) -> None:
    (folder / name).write_bytes((ADDER.folder / "reference" / name).read_bytes())


def test_a_lab_from_start_to_the_file_for_the_teacher(command: Command, mine: Path) -> None:
    assert sorted(path.name for path in mine.iterdir()) == [
        ".lab.json", "adder.py", "answers.toml", "choose.py", "given.toml",
    ]  # fmt: skip
    status, shown, _ = command("check", "adder")
    assert status == 1
    assert "adder.py, line 6: not written yet: add the bytes, then the carry" in shown
    assert "next: Two bytes are added with their carry" in shown
    solve(mine, "adder.py")
    with (mine / "adder.py").open("a") as file:
        file.write('print("loaded\\x1b[1m")\n')
    (mine / "choose.py").write_text("def choose(packet, host):\n    print(1)\n    return 0\n")
    status, shown, _ = command("check", "01-adder")
    assert "✓ Two bytes are added with their carry (sum)  3/3\n    printed   loaded" in shown
    assert "choose.py, line 2: calls print; a policy may call functions of its file" in shown
    assert "3/5" in command("list")[1]
    status, shown, _ = command("submit", "1")
    assert status == 0
    assert "answers.toml  65 bytes  as it was given to you" in shown
    assert "3 of 5 points" in shown
    path = mine.parent / "01-adder-ada.zip"
    before = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "adder.py", "answers.toml", "choose.py", "submission.toml",
        ]  # fmt: skip
        about = archive.read("submission.toml").decode()
    assert 'lab = "01-adder"' in about
    assert 'id = "ada"' in about
    solved = (mine / "adder.py").read_text()
    (mine / "adder.py").write_text("def add(:\n")
    assert "line 1: " in command("submit", "1")[1]
    (mine / "adder.py").write_text(solved)
    assert "changed" not in command("submit", "1")[1]
    assert path.read_bytes() == before


def test_the_same_id_gives_the_same_lab(command: Command, mine: Path) -> None:
    given = (mine / "given.toml").read_text()
    assert command("reset", "1", "--id", "ADA")[0] == 0
    assert (mine / "given.toml").read_text() == given
    assert command("reset", "1", "--id", "bob")[0] == 0
    assert (mine / "given.toml").read_text() != given


def test_reset_keeps_what_was_there(command: Command, mine: Path) -> None:
    for number in ("1", "2"):
        (mine / "adder.py").write_text(number)
        assert f"{ADDER.name}.{number}" in command("reset", "1")[1]
        assert (mine.with_name(f"{ADDER.name}.{number}") / "adder.py").read_text() == number
    assert (mine / "adder.py").read_bytes() == (ADDER.student / "adder.py").read_bytes()


def test_make_lab_starts_or_checks(command: Command, tmp_path: Path) -> None:
    status, shown, _ = command("go", "1", "--id", "ada")
    assert status == 0  # make would call it an error
    assert "Begin: " in shown
    assert "0 of 5 points" in shown
    status, shown, _ = command("go", "1", "--id", "ADA")
    assert "Begin: " not in shown
    status, _, said = command("go", "1", "--id", "bob")
    assert status == 2
    assert "belongs to ada" in said


def test_an_error_in_a_file_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    shown = screen.Verdicts()
    for id, kind in (("one", "error"), ("two", "error"), ("three", "")):  # noqa: A001
        found = Verdict(id, "A title", "failed", 1, "a.py, line 1: SyntaxError", "x(", kind=kind)
        shown.show(found, CHECKS.checks[0], hints=1)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "✗ A title (one)  0/1", "a.py, line 1: SyntaxError", "line      x(",
        "hint 1    What happens to the ninth bit?",
        "✗ A title (two)  0/1", "the same as in one",
        "✗ A title (three)  0/1", "a.py, line 1: SyntaxError", "seen      x(",
        "hint 1    What happens to the ninth bit?",
    ]  # fmt: skip


def test_hints_grow_on_request(command: Command, mine: Path) -> None:
    assert "What happens" not in command("check", "1")[1]
    assert "hint 1    What happens to the ninth bit?" in command("hint", "1")[1]
    shown = command("hint", "1")[1]
    assert "hint 2    RFC 1071" in shown
    assert "that was the last" in shown
    assert "hint 2    RFC 1071" in command("check", "1")[1]
    assert "hint 1    Look at packet.number." in command("hint", "1", "policy")[1]
    assert "there is no hint" in command("hint", "1", "by-hand")[1]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("check", "7"), 2, "LAB: there is no lab '7'; expected one of 01-adder"),
        (("check", "../x"), 2, "LAB: there is no lab '../x'"),
        (("check", "1"), 2, "01-adder is not started; `python -m labs start 1 --id ID` starts it"),
        (("start", "1"), 2, "--id: missing"),
        (("start", "1", "--id", ""), 2, "--id: it is empty"),
        (("start", "1", "--id", "a/b"), 2, "--id: got / (U+002F, solidus)"),
        (("start", "1", "--id", "jos\u00e9"), 2, "got é (U+00E9, latin small letter e with acute)"),
        (("start", "1", "--id", "a\x1b[1m"), 2, "got (U+001B, a control character)"),
        (("start", "1", "--id", "a" * 65), 2, "65 characters"),
        (("start", "1", "--id", "YOUR-NAME"), 2, "--id: YOUR-NAME stands for your own"),
        (("start", "1", "--id", "..."), 2, "it begins with ."),
        (("start",), 2, "Missing argument 'LAB'"),
        (("begin", "1"), 2, "No such command 'begin'"),
    ],
)
def test_a_wrong_call_is_one_line(
    command: Command, words: tuple[str, ...], status: int, message: str
) -> None:
    found, shown, said = command(*words)
    assert (found, shown) == (status, "")
    assert message in said
    assert said.count("\n") == 1


def test_files_in_the_way_are_named(command: Command, mine: Path) -> None:
    (mine / "adder.py").write_text("mine")
    for words in ((), ("--id", "ADA")):
        status, shown, _ = command("start", "1", *words)
        assert status == 0
        assert "started before, for ada" in shown
        assert (mine / "adder.py").read_text() == "mine"
    status, _, said = command("start", "1", "--id", "bob")
    assert (status, said.count("\n")) == (2, 1)
    assert "bob, but " in said
    assert "belongs to ada; expected ada, or `python -m labs reset 1 --id bob` begins" in said
    (mine / "adder.py").unlink()
    assert "adder.py: it is missing" in command("submit", "1")[2]
    (mine / "adder.py").symlink_to("/etc/passwd")
    assert "adder.py: it is no file" in command("submit", "1")[2]
    (mine / ".lab.json").write_text("{")
    status, _, said = command("check", "1")
    assert (status, said.count("\n")) == (1, 1)
    assert ".lab.json: expected what `labs start` wrote" in said


def test_ctrl_c_leaves_no_process(mine: Path) -> None:
    """A student's endless loop, and the student interrupts the check."""
    note = mine / "pid"
    (mine / "adder.py").write_text(
        f"import os, pathlib\ndef add(a, b):\n    pathlib.Path({str(note)!r})"
        ".write_text(str(os.getpid()))\n    while True: pass\n"
    )
    words = ["check", "1", "--labs", str(LABS), "--work", str(mine.parent)]
    running = subprocess.Popen(
        [sys.executable, "-m", "labs", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while not (note.exists() and note.read_text()):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "labs: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_watch_checks_again_at_a_save(mine: Path) -> None:
    words = ["watch", "1", "--labs", str(LABS), "--work", str(mine.parent)]
    with subprocess.Popen(
        [sys.executable, "-um", "labs", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as running:  # fmt: skip
        last_resort = threading.Timer(60, running.kill)
        last_resort.start()
        assert running.stdout is not None
        first = list(takewhile(lambda line: "waiting for" not in line, running.stdout))
        solve(mine, "adder.py")
        text = "".join(takewhile(lambda line: "waiting for" not in line, running.stdout))
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate()
        last_resort.cancel()
    assert running.returncode == 130, rest
    assert "add the bytes, then the carry" in "".join(first)
    assert "adder.py changed" in text
    assert "✓ Two bytes are added with their carry  now passes" in text
    assert "the packets do not go round" in text  # the first that fails
