"""Grades one submission: its files in a folder of their own, the checks, what it has tried."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from labs import judging
from labs.catalogue import Lab
from labs.errors import CallError, LabsError
from labs.grading import grades
from labs.grading.grades import Grade
from labs.grading.reference import reference
from labs.grading.submissions.collect import Submission
from labs.judging import Checks, Verdict
from labs.student import Wrap
from labs.work.folder import GIVEN
from labs.work.hand_in import version
from labs.work.ids import student_id
from labs.work.toml_file import dumps

HIDDEN_RUNS = 2
MOST_TIMES = 3  # checks that take too long, before the rest is not run
MOST_BYTES = 1024 * 1024  # of a file that is graded
_COPY = re.compile(r"(?:[-_ ]?\(?\d+\)?|[-_ ]copy|[-_ ]Kopie)+$", re.I)


class BrokenReference(LabsError):
    """The reference solution of the lab does not pass on this machine."""

    def __init__(self, lab: str, verdict: Verdict) -> None:
        self.lab, self.verdict = lab, verdict
        super().__init__(
            f"{lab}: the reference solution fails here, so no grade would mean anything: "
            f"{verdict.id}: {verdict.message} {verdict.seen}".strip()
        )


@dataclass(frozen=True)
class Grader:
    """Grades submissions of one lab.

    Attributes:
        checks: of the lab.
        wrap: a folder → what makes of a worker's command one that runs it in a sandbox.
        secret: the teacher's, from which the numbers of hidden runs are drawn.
        due: until when.
        scratch: where folders of submissions are made.
    """

    checks: Checks
    wrap: Callable[[Path], Wrap]
    secret: str
    due: datetime | None
    scratch: Path

    def grade(self, submission: Submission) -> Grade:
        """The grade of a submission; the same for the same submission."""
        began = time.monotonic()
        lab = self.checks.lab
        asked = [*lab.settings.files]
        files, notes = select_files(submission, asked)
        notes += _odd(submission, lab)
        late = grades.lateness(submission.time, self.due, submission.marked_late)
        handed_in = "" if submission.time is None else submission.time.isoformat(timespec="minutes")
        if handed_in and submission.time_of:
            handed_in += f" (by {submission.time_of})"
        status: grades.Status = "graded" if files else "unreadable"
        if not files:
            notes.append(f"none of the files asked for: {', '.join(asked)}")
        found, tried = self._checked(submission.id, files)
        return Grade(
            submission.id, lab.name, submission.source, status, found, tuple(tried), tuple(notes),
            late, handed_in, time.monotonic() - began,
        )  # fmt: skip

    @property
    def _hidden_seeds(self) -> list[str]:
        """Of the hidden runs: the same for all students, and no id has a slash."""
        return [f"hidden/{self.secret}/{number}" for number in range(1, HIDDEN_RUNS + 1)]

    def _checked(
        self, student: str, files: Mapping[str, bytes]
    ) -> tuple[tuple[grades.CheckGrade, ...], list[str]]:
        """The checks' grades, and what the code has tried."""
        own = judging.parameters(self.checks, student.lower())  # as `labs start` takes it
        if not files:  # nothing to run
            return grades.of_verdicts(*_without_files(self.checks), {}), []
        visible = self._run(files, own, hidden=False)
        stopped = {one.id: _stopped(one) for one in visible if _stopped(one)}
        hidden = []
        for seed in self._hidden_seeds:
            given = judging.parameters(self.checks, seed)
            run = self._run(files, given, hidden=True, without=stopped)
            stopped |= {one.id: _stopped(one) for one in run if _stopped(one)}
            hidden.append(run)
        verdicts = [*visible, *(one for run in hidden for one in run)]
        tried = dict.fromkeys(what for one in verdicts for what in _tried(one))
        return grades.of_verdicts(visible, hidden, stopped), list(tried)

    def _run(
        self,
        files: Mapping[str, bytes],
        given: dict[str, Any],
        *,
        hidden: bool,
        without: Mapping[str, str] = {},  # never changed
    ) -> list[Verdict]:
        """The verdicts of a run; what is not run, for it was stopped before, is failed."""
        wanted = [one for one in self.checks.checks if (one.hidden if hidden else one.visible)]
        without = _with_followers(self.checks, without)
        ids = [one.id for one in wanted if one.id not in without]
        found: dict[str, Verdict] = {}
        times = 0
        with folder_of(self.scratch, files, given, self.checks.lab) as folder:
            wrap = self.wrap(folder)
            running = judging.judged(self.checks, folder, given, hidden=hidden, wrap=wrap, ids=ids)
            for verdict in running:
                found[verdict.id] = verdict
                times += verdict.kind == "time"
                if times == MOST_TIMES:
                    break
            running.close()  # ends the workers
        rest = f"not run: {MOST_TIMES} checks before it took too long"
        return [
            found.get(one.id)
            or Verdict(
                one.id, one.title, "failed", one.points, without.get(one.id, rest), kind="time"
            )
            for one in wanted
        ]

    def verify_reference(self) -> None:
        """Run the reference solution with all numbers. Raises `BrokenReference`.

        It runs without a sandbox, as the lab's own, so that it leaves compiled kernels for all.
        """
        lab = self.checks.lab
        for seed in ("reference", *self._hidden_seeds):
            given = judging.parameters(self.checks, seed)
            files = reference(self.checks, given)
            with folder_of(self.scratch, files, given, lab) as folder:
                for verdict in judging.judged(
                    self.checks, folder, given, hidden=seed != "reference"
                ):
                    if not verdict.passed and verdict.points:
                        raise BrokenReference(lab.name, verdict)


@contextmanager
def folder_of(
    scratch: Path, files: Mapping[str, bytes], given: dict[str, Any], lab: Lab | None = None
) -> Iterator[Path]:
    """A folder in `scratch` with the files, and the numbers as `labs start` writes them.

    Of `lab` it has what everybody was given beside the files to write.
    """
    with tempfile.TemporaryDirectory(dir=scratch, prefix="files-") as made:
        folder = Path(made)
        if lab is not None:
            others = shutil.ignore_patterns("__pycache__", *lab.settings.files)
            shutil.copytree(lab.student, folder, ignore=others, dirs_exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        (folder / GIVEN).write_text(dumps(given), encoding="utf-8")
        for path in (folder, *folder.rglob("*")):  # `scratch` is the grader's alone
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


def _without_files(checks: Checks) -> tuple[list[Verdict], list[list[Verdict]]]:
    """Verdicts for a submission that has no file to check."""
    failed = {
        one.id: Verdict(one.id, one.title, "failed", one.points, "there is no file to check")
        for one in checks.checks
    }
    visible = [failed[one.id] for one in checks.checks if one.visible]
    return visible, [[failed[one.id] for one in checks.checks if one.hidden]]


def _with_followers(checks: Checks, stopped: Mapping[str, str]) -> dict[str, str]:
    """Checks that are not run and why: those that were stopped, and those that come after them."""
    found = dict(stopped)
    for one in checks.checks:  # a check comes after earlier ones
        if one.after in found:
            found.setdefault(one.id, f"{one.after} has to pass first")
    return found


def _stopped(verdict: Verdict) -> str:
    """Why a check was stopped, so that it is not run again with other numbers; "" if it was not."""
    tried = _tried(verdict)
    if tried:
        return f"stopped: the code {tried[0]}"
    return verdict.message if verdict.kind == "time" else ""


def _tried(verdict: Verdict) -> Sequence[str]:
    """What the code tried that it may not, as the guard reported it or as its failure shows."""
    found = list(verdict.tried)
    said = f"{verdict.message} {verdict.seen}"
    if verdict.kind == "error":
        found += [what for sign, what in _SIGNS if sign in said]
    return found


_SIGNS = (
    ("MemoryError", "used more memory than it may"),
    ("[Errno 28]", "filled the disk"),
    ("File too large", "filled the disk"),
    ("wrote into the pipe", "wrote into the pipe to the checker"),
    ("printed more than", "printed more than it may"),
    ("returned too much", "returned more than it may"),
)


def select_files(
    submission: Submission, asked: Sequence[str]
) -> tuple[dict[str, bytes], list[str]]:
    """The files that are asked for, by their names, and what is odd about them."""
    found: dict[str, bytes] = {}
    notes = []
    left = dict(submission.files)
    paths = {}
    for name in asked:
        path = _path_of(name, left)
        if path is not None:
            paths[name] = path
            del left[path]
    for name in asked:
        path = paths.get(name) or _only_one(name, [one for one in asked if one not in paths], left)
        if path is None:
            others = sorted(PurePosixPath(one).name for one in left)
            there = f"; there is {', '.join(others[:5])}" if others else ""
            notes.append(f"{name} is missing{there}")
            continue
        if path != name:
            notes.append(f"took {path} for {name}")
        data = submission.files[path]
        if len(data) > MOST_BYTES:
            notes.append(f"{name}: {len(data):,} bytes, expected at most {MOST_BYTES:,}; left out")
            continue
        if not data.strip():
            notes.append(f"{name} is empty")
        found[name] = data
    return found, notes


def _only_one(name: str, missing: Sequence[str], left: Mapping[str, bytes]) -> str | None:
    """The file that must be meant: the only one left of its kind, for the only one asked for."""
    suffix = PurePosixPath(name).suffix
    of_kind = [path for path in left if PurePosixPath(path).suffix == suffix]
    is_only = [PurePosixPath(one).suffix for one in missing].count(suffix) == 1
    return of_kind[0] if len(of_kind) == 1 and is_only else None


def _path_of(name: str, files: Mapping[str, bytes]) -> str | None:
    """Where a file is: under its name, deeper, or with a platform's number in its name."""
    if name in files:
        return name
    same = [path for path in files if PurePosixPath(path).name.lower() == name.lower()]
    if not same:
        wanted = PurePosixPath(name)
        same = [
            path
            for path in files
            if PurePosixPath(path).suffix == wanted.suffix
            and _COPY.sub("", PurePosixPath(path).stem) == wanted.stem
        ]
    return min(same, key=lambda path: (path.count("/"), path)) if same else None


def _odd(submission: Submission, lab: Lab) -> list[str]:
    notes = list(submission.notes)
    if submission.lab and submission.lab != lab.name:
        notes.append(f"handed in for {submission.lab}, graded as {lab.name}")
    elif submission.checks and submission.checks != version(lab):
        notes.append("made with another version of the lab")
    try:
        student_id(submission.id)
    except CallError as error:
        notes.append(f"the id: {error.what}; `labs start` takes {error.expected}")
    return notes
