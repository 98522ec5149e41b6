"""`labs grade`: a class as it comes, from the folder to the files; and how it ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from labs import judging
from labs.grading.sandbox import bubblewrap
from labs.process import ROOT
from tests.labs.lab import ADDER, CHECKS, LABS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labs-grading")]


@pytest.fixture(scope="module")
def sandbox():
    try:
        bubblewrap.verify(ROOT)
    except bubblewrap.NoSandbox as error:
        pytest.skip(str(error))


def run(*words: object, path: str | None = None, **options):
    env = {**os.environ, **({"PATH": path} if path else {})}
    return subprocess.run(
        [sys.executable, "-m", "labs", "grade", *map(str, words), "--labs", LABS],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False, **options,
    )  # fmt: skip


def solved(folder: Path, name: str, said: str = "", **texts: str | None) -> Path:
    """A submission that is right but for some files: None leaves one out."""
    files = {path.name: path.read_text() for path in (ADDER.folder / "reference").iterdir()}
    answers = CHECKS.answers(judging.parameters(CHECKS, name))
    files["answers.toml"] = f"sum = {answers['sum']}\n"
    files["submission.toml"] = said or f'lab = "{ADDER.name}"\nid = "{name}"\n'
    for stem, text in texts.items():
        files.pop(f"{stem}.py")
        if text is not None:
            files[f"{stem}.py"] = text
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return path


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    solved(folder, "ada")
    solved(folder, "bob", adder="def add(a, b):\n    return (a + b\n")
    solved(folder, "eve", said='lab = "05-stage-hashing"\nid = "eve"\n')
    solved(folder, "o'neil <x>", choose=None)
    solved(folder, "late").rename(folder / "late_LATE_12_34_late.zip")
    (folder / "zip.zip").write_text("no archive")
    (folder / "alone.py").write_text((ADDER.folder / "reference/adder.py").read_text())
    (folder.parent / "roster.txt").write_text("ada\nBob\neve\nlate\nnobody\n")
    return folder


@pytest.fixture(scope="module")
def graded(sandbox, class_folder, tmp_path_factory) -> Path:
    """The files of two runs, the second one at a time."""
    where = tmp_path_factory.mktemp("grades")
    for number, jobs in ((1, 2), (2, 1)):
        out = where / str(number)
        out.mkdir()
        done = run(
            "--all", class_folder, "--roster", class_folder.parent / "roster.txt",
            "--csv", out / "grades.csv", "--html", out / "class.html", "--junit", out / "junit.xml",
            "--gradescope", out / "gradescope", "--jobs", jobs, "--no-times",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        (out / "said").write_text(done.stdout)
    return where


def rows(folder: Path) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in csv.DictReader((folder / "grades.csv").open())}


def test_same_submissions_give_the_same_files_to_the_byte(graded):
    one, other = graded / "1", graded / "2"
    names = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
    assert len(names) == 12
    for name in names:
        if name.name != "said":  # its lines come as students are done
            assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_every_kind_of_submission_is_graded_as_far_as_possible(graded):
    found = rows(graded / "1")
    assert {name: (row["points"], row["status"]) for name, row in found.items()} == {
        "ada": ("7", "graded"),
        "alone": ("0", "unreadable"),
        "bob": ("2", "graded"),
        "eve": ("7", "graded"),
        "late": ("7", "graded"),
        "nobody": ("0", "missing"),
        "o'neil <x>": ("6", "graded"),
        "zip": ("0", "unreadable"),
    }
    assert found["bob"]["message"].startswith("adder.py, line 2: SyntaxError: ")
    assert "return (a + b" in found["bob"]["message"]  # the line
    assert found["bob"]["first_failing"] == "sum"
    assert found["eve"]["notes"] == "handed in for 05-stage-hashing, graded as 01-adder"
    assert found["late"]["late"] == "marked as late"
    assert "choose.py is missing" in found["o'neil <x>"]["notes"]
    assert "U+0027, apostrophe" in found["o'neil <x>"]["notes"]
    assert "not in the roster" in found["alone"]["notes"]
    assert "adder.py is missing; there is alone.py" in found["alone"]["notes"]
    assert "not an archive" in found["zip"]["notes"]


def test_page_and_gradescope_have_everybody(graded):
    text = (graded / "1/class.html").read_text()
    assert "o&#39;neil &lt;x&gt;" in text
    assert text.count('<section id="student-') == 8
    assert "How often each check fails" in text
    files = sorted(path.name for path in (graded / "1/gradescope").iterdir())
    assert files == ["ada.json", "alone.json", "bob.json", "eve.json", "late.json", "nobody.json",
                     "o_neil__x_.json", "zip.json"]  # fmt: skip
    assert json.loads((graded / "1/gradescope/bob.json").read_text())["score"] == 2


def test_axe_finds_no_violation(chromium, graded):
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page = chromium.new_context(color_scheme=scheme).new_page()
        page.goto((graded / "1/class.html").as_uri())
        page.evaluate(
            "() => document.querySelectorAll('details').forEach((one) => one.open = true)"
        )
        found = Axe().run(page).response
        assert found["violations"] == [], [
            (one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]
        ]
        page.context.close()


def test_without_bubblewrap_it_refuses(class_folder, tmp_path):
    (tmp_path / "bin").mkdir()
    done = run("--all", class_folder, "--csv", tmp_path / "grades.csv", path=str(tmp_path / "bin"))
    assert done.returncode == 2
    assert done.stderr == (
        "labs: no sandbox: bubblewrap is not installed; `apt-get install bubblewrap` brings it, or "
        "`--unsafe` to run what students wrote as yourself\n"
    )
    assert not (tmp_path / "grades.csv").exists()


def test_where_user_namespaces_are_forbidden_the_systems_words_are_shown(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(bubblewrap.NoSandbox, match=r"setting up uid map.*user\.max_user_names"):
        bubblewrap.verify(ROOT)


def test_unsafe_gives_the_same_grade(class_folder, tmp_path):
    done = run(class_folder / "ada.zip", class_folder / "bob.zip", "--unsafe", "--csv",
               tmp_path / "grades.csv")  # fmt: skip
    assert done.returncode == 0
    found = rows(tmp_path)
    assert (found["ada"]["points"], found["bob"]["points"]) == ("7", "2")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "SUBMISSION: missing; expected submissions, or --all DIR"),
        (["nowhere.zip"], "nowhere.zip: no such file; expected a submission"),
        (["--all", "nowhere"], "--all: nowhere: no such folder"),
        (["CLASS/ada.zip", "--due", "tomorrow"], "--due: got 'tomorrow'; expected a time such as"),
        (["--all", "CLASS", "--gradescope", "r.json"], "--gradescope: 7 submissions, and Gradesc"),
        (["CLASS/zip.zip"], "--lab: missing, and no submission says which lab it is of"),
        (["CLASS/ada.zip", "--csv", "/nowhere/grades.csv"], "--csv: /nowhere"),
    ],
)
def test_wrong_calls_are_one_line(class_folder, words, says, capsys, monkeypatch):
    from labs.cli.app import main

    words = [word.replace("CLASS", str(class_folder)) for word in words]
    assert main(["grade", *words, "--labs", str(LABS)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1


def test_ctrl_c_leaves_no_process_and_writes_what_was_graded(sandbox, tmp_path):
    (tmp_path / "class").mkdir()
    solved(tmp_path / "class", "ada")
    for name in ("hang1", "hang2"):
        solved(tmp_path / "class", name, adder="def add(a, b):\n    while True: pass\n")
    words = ["grade", "--all", tmp_path / "class", "--csv", tmp_path / "grades.csv", "--labs", LABS]
    child = subprocess.Popen(
        [sys.executable, "-m", "labs", *map(str, words), "--jobs", "3"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().startswith("ada  7/7")
    workers = of_sandboxes(child.pid)
    assert workers
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "2 not graded: interrupted" in out
    assert "Traceback" not in error
    assert list(rows(tmp_path)) == ["ada"]
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def of_sandboxes(pid: int) -> list[int]:
    """All processes below a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *of_sandboxes(int(child))]
    return found
