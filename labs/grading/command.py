"""`labs grade`: submissions → grades, and the files that were asked for."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from falcon_ctl import files
from falcon_ctl.errors import UsageError
from labs import catalogue, judging, process
from labs.catalogue import Lab
from labs.errors import CallError
from labs.grading import grades as pure
from labs.grading.classroom import Classroom
from labs.grading.grader import Grader, select_files
from labs.grading.grades import Grade, plain
from labs.grading.reference import files_of
from labs.grading.reports import gradescope, junit, page, table
from labs.grading.sandbox import bubblewrap
from labs.grading.similarity.compare import Similar, compare
from labs.grading.submissions import collect
from labs.grading.submissions.collect import Submission
from labs.student import Wrap
from rxpath.texts import escaped

SECRET = "the same everywhere"  # `--secret` is the teacher's own
MOST_SHOWN = 10  # similar pairs, in the terminal
STRANGER = "not in the roster"
EXPECTED_DUE = "a time such as 2027-01-15T23:59"


@dataclass(frozen=True)
class Targets:
    """The files that are written, where they were asked for; `times` are left out if not wanted."""

    csv: Path | None = None
    html: Path | None = None
    gradescope: Path | None = None
    junit: Path | None = None
    times: bool = True

    def verify(self, count: int) -> None:
        """Raise CallError for what could not be written after all the work."""
        try:
            self._verify(count)
        except UsageError as error:
            raise CallError(error.where, error.what, error.expected) from None

    def _verify(self, count: int) -> None:
        single = [("--csv", self.csv), ("--html", self.html), ("--junit", self.junit)]
        if self.gradescope is not None and not self.is_folder:
            if count != 1:
                what = f"{count} submissions, and Gradescope reads a file of each"
                raise CallError("--gradescope", what, f"a folder: {self.gradescope}/")
            single.append(("--gradescope", self.gradescope))
        elif self.gradescope is not None:
            files.verify_folder("--gradescope", self.gradescope)
        for option, path in single:
            if path is not None:
                files.verify_target(option, path)

    @property
    def is_folder(self) -> bool:
        """Whether Gradescope's files go into a folder."""
        path = self.gradescope
        return path is not None and (path.is_dir() or path.suffix != ".json")

    def write(self, lab: str, grades: Sequence[Grade], similar: Similar) -> None:
        """Write what was asked for. Raises OSError."""
        if self.csv is not None:
            files.replace(self.csv, table.text(grades, self.times))
        if self.junit is not None:
            files.replace(self.junit, junit.text(grades, self.times))
        if self.gradescope is not None:
            for grade, path in _targets(self.gradescope, self.is_folder, grades):
                files.replace(path, gradescope.text(grade, self.times))
        if self.html is not None:
            files.replace(self.html, page.text(lab, grades, similar, self.times))


def _targets(where: Path, folder: bool, grades: Sequence[Grade]) -> Iterator[tuple[Grade, Path]]:
    """The file of each grade; ids that are no names of files get a number."""
    if not folder:
        yield grades[0], where
        return
    files.make_folder(where)
    taken: Counter[str] = Counter()
    for grade in grades:
        name = re.sub(r"[^\w.@-]", "_", grade.id).lstrip(".") or "_"
        taken[name.lower()] += 1
        number = taken[name.lower()]
        yield grade, where / (f"{name}.json" if number == 1 else f"{name}-{number}.json")


def submissions(paths: Sequence[Path], everything: Path | None) -> list[Submission]:
    """All submissions that the command line names. Raises CallError."""
    if everything is None and not paths:
        raise CallError("SUBMISSION", "missing", "submissions, or --all DIR")
    if everything is None:
        return collect.of_paths(paths)
    if paths:
        raise CallError("--all", "given beside submissions", "one of the two")
    return collect.of_class(everything)


def due_of(text: str | None) -> datetime | None:
    """The time of `--due`; without an offset it is this computer's. Raises CallError."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise CallError("--due", f"got {text!r}", EXPECTED_DUE) from None


def run(
    submissions: Sequence[Submission],
    lab: Lab,
    roster: Sequence[str],
    due: datetime | None,
    targets: Targets,
    *,
    secret: str = SECRET,
    jobs: int = 0,
    unsafe: bool = False,
) -> int:
    """Grade, show a line for each student, and write the reports; an exit status."""
    targets.verify(len(submissions) + len(set(roster) - {one.id for one in submissions}))
    checks = judging.load(lab)
    if not unsafe:
        bubblewrap.verify(process.ROOT)
    with tempfile.TemporaryDirectory(prefix="labs-grade-") as name:
        grader = Grader(checks, _no_sandbox, secret, due, Path(name))
        began = time.time() - 1  # s; some file systems keep whole seconds
        grader.verify_reference()
        with bubblewrap.caches(Path(name), began) as cached:
            if not unsafe:
                grader = replace(grader, wrap=_sandbox(cached))
            room = Classroom(grader, jobs or os.cpu_count() or 1, _say)
            room.run(submissions)
    found = _complete(room.grades, lab.name, roster)
    similar = _similar(lab, submissions)
    targets.write(lab.name, found, similar)
    _summary(found, similar, len(submissions) - len(room.grades))
    return 130 if room.interrupted else 0


def _no_sandbox(_folder: Path) -> Wrap:
    return tuple


def _sandbox(cached: dict[str, Path]) -> Callable[[Path], Wrap]:
    return lambda folder: bubblewrap.wrap(process.ROOT, folder, cached)


def _complete(grades: Sequence[Grade], lab: str, roster: Sequence[str]) -> list[Grade]:
    """Grades in the order of ids, with those of the roster who are missing."""
    found = list(grades)
    if roster:
        known = {one.lower() for one in roster}
        found = [
            grade if grade.id.lower() in known else replace(grade, notes=(*grade.notes, STRANGER))
            for grade in found
        ]
        there = {grade.id.lower() for grade in found}
        absent = [one for one in roster if one.lower() not in there]
        found += pure.missing(lab, absent, found)
    return sorted(found, key=lambda grade: (grade.id.lower(), grade.id))


def _similar(lab: Lab, submissions: Sequence[Submission]) -> Similar:
    asked = lab.settings.files
    found = {one.id: select_files(one, asked)[0] for one in submissions}
    given = files_of(lab.folder / "student")
    reference = {
        name: data for name, data in files_of(lab.folder / "reference").items() if name in asked
    }
    return compare(found, given, reference)


def _say(grade: Grade) -> None:
    """A line for a student, as soon as it is known."""
    words = [f"{plain(grade.earned)}/{plain(grade.points)}"]
    if grade.tried:
        words.append(f"stopped: {grade.tried[0]}")
    elif grade.failing is not None:
        words.append(f"{grade.failing.id}: {grade.message}")
    elif grade.status != "graded":
        words.append(grade.message)
    if grade.late:
        words.append(grade.late)
    print(escaped(f"{grade.id}  {'  '.join(words)}"), flush=True)


def _summary(grades: Sequence[Grade], similar: Similar, left: int) -> None:
    counts: Counter[str] = Counter(grade.status for grade in grades)
    parts = [f"{counts['graded']} graded"]
    for status, word in (("unreadable", "without a file to grade"), ("missing", "missing")):
        if counts[status]:
            parts.append(f"{counts[status]} {word}")
    if left:
        parts.append(f"{left} not graded: interrupted")
    print(", ".join(parts))
    for grade in grades:
        if grade.status == "missing":
            print(escaped(f"missing: {grade.id}"))
    for pair in similar.pairs[:MOST_SHOWN]:
        own = "" if pair.own is None else f", {pair.own:.0%} without what the reference has"
        print(escaped(f"similar: {pair.first} and {pair.second}, {pair.shared:.0%}{own}"))
    more = len(similar.pairs) - MOST_SHOWN
    if more > 0:
        print(f"similar: {more} more pairs; --html FILE lists them")


def lab_of(submissions: Sequence[Submission], given: str | None, labs: Path) -> Lab:
    """The lab that is graded: the one given, or the one that most submissions name. CallError."""
    if given is not None:
        return catalogue.find(given, labs)
    named = Counter(one.lab for one in submissions if one.lab)
    if not named:
        raise CallError("--lab", "missing, and no submission says which lab it is of", "a number")
    most = max(sorted(named), key=lambda name: named[name])
    return catalogue.find(most, labs)
