"""Every lab is whole, each in a test of its own; and what is wrong with a lab is found."""

import shutil
from pathlib import Path

import pytest

import labs.cli.app
from labs import authoring, catalogue, verifying
from labs.catalogue import Lab
from labs.errors import BrokenLab, CallError
from labs.verifying.solutions import AT_LEAST

LABS = catalogue.listed()
EDITS = {
    "lab.toml": ("minutes", "hours = 1\nminutes", "hours: unknown key, expected one of title, "),
    "checks.py": ("(0xFFFF, 1), (a, b)", "(3, 4)", "carry-lost: passes every check; expected"),
    "reference/adder.py": ("total >> 16", "0", "seed verify: add: failed: the carry is lost"),
    "student/adder.py": ("raise NotImplementedError", "raise KeyError", "line 6: KeyError"),
    "wrong/carry-lost/expect.toml": ("carry is", "carry was", "expected add: the carry was lost"),
    "handout.md": ("check 1", "chekc 1", "No such command 'chekc'"),
    "pictures.py": ("carry.svg", "other.svg", "pictures/carry.svg: pictures.py does not draw it"),
}


def problems(lab: Lab) -> str:
    """Those of the first part that has any."""
    return next(("\n".join(part.problems) for part in verifying.verified(lab) if part.problems), "")


@pytest.mark.parametrize("lab", LABS, ids=[lab.name for lab in LABS])
def test_a_lab_is_whole(lab: Lab) -> None:
    assert problems(lab) == ""
    assert len([path for path in (lab.folder / "wrong").iterdir() if path.is_dir()]) >= AT_LEAST


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return authoring.create("sum-words", tmp_path_factory.mktemp("labs"))


@pytest.mark.parametrize("file", EDITS)
def test_what_is_wrong_with_a_lab_is_found(template: Lab, tmp_path: Path, file: str) -> None:
    copy = tmp_path / template.name
    shutil.copytree(template.folder, copy)
    before, after, message = EDITS[file]
    text = (copy / file).read_text()
    assert before in text
    (copy / file).write_text(text.replace(before, after))
    try:
        found = problems(catalogue.find("1", tmp_path))
    except BrokenLab as error:
        found = str(error)
    assert message in found


def test_names_of_new_labs_are_checked(tmp_path: Path) -> None:
    authoring.create("one", tmp_path)
    assert authoring.create("two", tmp_path).name == "02-two"
    for name in ("Two", "two words", "", "-", "../x", "one"):
        with pytest.raises(CallError):
            authoring.create(name, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-one", "02-two"]


def test_a_new_lab_verifies_at_once(
    template: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (template.name, template.number) == ("01-sum-words", 1)
    monkeypatch.chdir(template.folder.parent)
    assert labs.cli.app.main(["verify", "--labs", "."]) == 0
    shown = capsys.readouterr().out
    assert "✓ reference passes 2 checks with 3 seeds" in shown
    assert "1 labs are whole" in shown
