"""The reference passes, every wrong solution fails with its message, and gaps are no crash."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labs import judging, toml_text
from labs.judging import Checks, Verdict
from labs.verifying.part import Part
from labs.work.toml_file import dumps

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

SEEDS = ("verify", "verify-2", "verify-3")
ANSWERS = "answers.toml"
OWN = ("expect.toml", "answers.py")  # of a wrong solution, beside the student's files
AT_LEAST = 5  # wrong solutions
SLOW = 10.0  # s of a check


class Expected(BaseModel):
    """expect.toml of a wrong solution."""

    model_config = ConfigDict(extra="forbid")

    check: str = Field(description="the first check that fails")
    message: str = Field(description="what its student reads first")
    why: str = Field(min_length=10, description="the mistake in one sentence")
    source: str = Field(min_length=5, description="where people make it, in public")


class SolutionChecks:
    """Runs the checks of a lab on its own files; these are trusted, so processes are shared."""

    def __init__(self, checks: Checks) -> None:
        self.checks, self.lab = checks, checks.lab
        self._folder = Path(tempfile.mkdtemp(prefix="labs-"))
        self._student = judging.student_of(self.lab, self._folder)
        self._runs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._student.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def reference(self) -> Part:
        """The reference passes every check with each of the seeds."""
        count = len(self.checks.checks)
        part = Part(f"reference passes {count} checks with {len(SEEDS)} seeds")
        slowest = (0.0, "")
        for seed in SEEDS:
            given = judging.parameters(self.checks, seed)
            started = time.monotonic()
            for verdict in self._verdicts(self._files(given, "reference"), given):
                if seed != SEEDS[0]:  # the first run loads modules, and may compile
                    slowest = max(slowest, (time.monotonic() - started, verdict.id))
                started = time.monotonic()
                if verdict.state not in ("passed", "left out"):
                    part.problems.append(f"seed {seed}: {_line(verdict)}")
                elif verdict.state == "left out" and seed == SEEDS[0]:
                    part.notes.append(f"{verdict.id}: left out, {verdict.message}")
        part.notes.append(f"slowest check: {slowest[1]}, {slowest[0]:.1f} s")
        if slowest[0] > SLOW:
            part.notes.append(f"a check may take {SLOW:g} s")
        return part

    def wrong(self) -> Part:
        """Every wrong solution fails first with its check and its message."""
        folders = sorted(path for path in (self.lab.folder / "wrong").glob("*") if path.is_dir())
        part = Part(f"{len(folders)} wrong solutions fail with their messages")
        if len(folders) < AT_LEAST:
            part.notes.append(f"a lab has at least {AT_LEAST}")
        for folder in folders:
            part.problems += [f"wrong/{folder.name}: {what}" for what in self._wrong(folder)]
        return part

    def as_given(self) -> Part:
        """The student's files as given fail, and do not crash."""
        given = judging.parameters(self.checks, SEEDS[0])
        found = list(self._verdicts(self._files(given), given))
        failing = [one for one in found if one.state == "failed"]
        part = Part(f"student's files as given: {len(failing)} checks fail, none crashes")
        if not failing:
            part.problems.append("student/ passes every check")
        part.problems += [_line(one) for one in failing if one.kind in ("error", "lab", "time")]
        return part

    def _wrong(self, folder: Path) -> Iterator[str]:
        try:
            text = (folder / "expect.toml").read_text(encoding="utf-8")
            expected = Expected.model_validate(toml_text.loads(text))
        except OSError as error:
            yield f"expect.toml: {error.strerror}"
            return
        except ValidationError as error:
            first = error.errors()[0]
            yield f"expect.toml: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            return
        except ValueError as error:
            yield f"expect.toml: {error}"
            return
        given = judging.parameters(self.checks, SEEDS[0])
        files = self._files(given, "reference", folder)
        failed = next((one for one in self._verdicts(files, given) if one.state == "failed"), None)
        if failed is None:
            yield f"passes every check; expected {expected.check} to fail"
        elif (failed.id, failed.message) != (expected.check, expected.message):
            yield f"first fails {_line(failed)}"
            yield f"          expected {expected.check}: {expected.message}"
        elif failed.kind == "lab":
            yield _line(failed)

    def _verdicts(self, folder: Path, given: dict[str, Any]) -> Iterator[Verdict]:
        self._student.move(folder)
        return judging.judged_by(self._student, self.lab, self.checks.checks, given)

    def _files(self, given: dict[str, Any], *over: str | Path) -> Path:
        """What a student hands in: the given files, with those of folders laid over them."""
        self._runs += 1
        made = self._folder / str(self._runs)
        shutil.copytree(self.lab.student, made)
        for each in over:
            folder = self.lab.folder / each
            for path in folder.iterdir():
                if path.is_file() and path.name not in OWN:
                    shutil.copyfile(path, made / path.name)
            answers = self._answers(folder)
            if answers is not None:
                (made / ANSWERS).write_text(dumps(answers(given)), encoding="utf-8")
        return made

    def _answers(self, folder: Path) -> Any:
        """The function that gives a folder's answers, if it has no file with them."""
        own = folder / "answers.py"
        if own.is_file():
            return judging.load_module(own, f"labs_answers_{self._runs}").answers
        is_reference = folder.name == "reference" and not (folder / ANSWERS).exists()
        return self.checks.answers if is_reference else None


def _line(verdict: Verdict) -> str:
    seen = f" (seen: {verdict.seen})" if verdict.seen else ""
    return f"{verdict.id}: {verdict.state}: {verdict.message}{seen}"
