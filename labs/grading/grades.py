"""Grades as plain values: points of checks, what a submission tried, and who is missing. Pure.

A check that is run with the student's own numbers and with hidden ones has half of its points for
each part; the hidden part holds when it passes with every hidden set of numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from labs.judging.verdict import Verdict

Part = Literal["visible", "hidden"]
Status = Literal["graded", "missing", "unreadable"]
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class PartGrade:
    """One part of a check: its `points`, whether it `passed`, and why not."""

    part: Part
    points: Fraction
    passed: bool
    message: str = ""
    seen: str = ""
    expected: str = ""

    @property
    def earned(self) -> Fraction:
        """All points or none."""
        return self.points if self.passed else Fraction(0)

    @property
    def why(self) -> str:
        """The message, with what was seen and what was expected."""
        more = [f"{name}: {text}" for name, text in _both(self.seen, self.expected) if text]
        return "; ".join([self.message, *more])


def _both(seen: str, expected: str) -> Sequence[tuple[str, str]]:
    return ("seen", seen), ("expected", expected)


@dataclass(frozen=True)
class CheckGrade:
    """A check's parts."""

    id: str
    title: str
    parts: tuple[PartGrade, ...]

    @property
    def points(self) -> Fraction:
        """What it is worth."""
        return sum((part.points for part in self.parts), Fraction(0))

    @property
    def earned(self) -> Fraction:
        """Of both parts."""
        return sum((part.earned for part in self.parts), Fraction(0))

    @property
    def failing(self) -> PartGrade | None:
        """The first part that failed."""
        return next((part for part in self.parts if not part.passed), None)


@dataclass(frozen=True)
class Grade:
    """What came of one student's submission.

    Attributes:
        id: the student's.
        lab: which lab was graded.
        source: the name under which the submission was handed in; "" for a missing one.
        status: graded; missing (nothing was handed in); unreadable (no file of it could be read).
        checks: of the lab, in its order.
        tried: what the code did that no submission may do, in plain words.
        notes: what is odd about the submission.
        late: how late it was, None when it was in time or nobody asked.
        handed_in: when, as far as known.
        seconds: that grading took; no part of the grade.
    """

    id: str
    lab: str
    source: str
    status: Status
    checks: tuple[CheckGrade, ...] = ()
    tried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    late: str = ""
    handed_in: str = ""
    seconds: float = 0.0

    @property
    def points(self) -> Fraction:
        """Of all checks."""
        return sum((check.points for check in self.checks), Fraction(0))

    @property
    def earned(self) -> Fraction:
        """The points that count."""
        return sum((check.earned for check in self.checks), Fraction(0))

    def earned_in(self, part: Part) -> Fraction:
        """The points of the visible or of the hidden part."""
        parts = (one for check in self.checks for one in check.parts if one.part == part)
        return sum((one.earned for one in parts), Fraction(0))

    @property
    def failing(self) -> CheckGrade | None:
        """The first check that did not get all its points."""
        return next((check for check in self.checks if check.failing is not None), None)

    @property
    def message(self) -> str:
        """Why the first failing check failed, or why there is no grade."""
        if self.status != "graded":
            return {"missing": "handed in nothing"}.get(self.status, "; ".join(self.notes))
        part = self.failing.failing if self.failing else None
        return "" if part is None else part.why

    @property
    def digest(self) -> str:
        """A hash of everything but the time that grading took: the same for the same grade."""
        values = asdict(replace(self, seconds=0.0))
        text = json.dumps(values, sort_keys=True, default=str, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(points: Fraction) -> str:
    """Points as people write them: 3, 2.5, 0.25."""
    return f"{float(points):.4f}".rstrip("0").rstrip(".")


def of_verdicts(
    visible: Sequence[Verdict],
    hidden: Sequence[Sequence[Verdict]],
    stopped: Mapping[str, str],
) -> tuple[CheckGrade, ...]:
    """The grades of a lab's checks.

    Args:
        visible: the verdicts with the student's own numbers.
        hidden: those of each hidden run, which holds all checks that have a hidden part.
        stopped: check → why it was stopped, which fails both its parts.
    """
    runs = [{one.id: one for one in run} for run in hidden]
    own = {one.id: one for one in visible}
    names = [one.id for one in visible]
    names += [one for run in runs for one in run if one not in own]
    found = []
    for name in dict.fromkeys(names):
        others = [run[name] for run in runs if name in run]
        one = own.get(name) or others[0]
        if one.state == "left out" or not one.points:
            continue
        share = HALF if name in own and others else Fraction(1)
        points = one.points * share
        parts = []
        if name in own:
            parts.append(_part("visible", points, own[name], stopped.get(name)))
        if others:
            worst = next((verdict for verdict in others if not verdict.passed), others[0])
            parts.append(_part("hidden", points, worst, stopped.get(name)))
        found.append(CheckGrade(name, one.title, tuple(parts)))
    return tuple(found)


def _part(part: Part, points: Fraction, verdict: Verdict, stopped: str | None) -> PartGrade:
    if stopped is not None:
        return PartGrade(part, points, False, stopped)
    if verdict.passed:
        return PartGrade(part, points, True)
    return PartGrade(part, points, False, verdict.message, verdict.seen, verdict.expected)


def lateness(time: datetime | None, due: datetime | None, marked: bool) -> str:
    """How late a submission is, in words; "" when it is not."""
    if due is not None and time is not None and time > due:
        return f"{_span(time - due)} late"
    return "marked as late" if marked else ""


def _span(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{max(1, minutes)} min"


def missing(lab: str, ids: Iterable[str], grades: Sequence[Grade]) -> list[Grade]:
    """A grade for everybody of the roster who handed in nothing."""
    there = {grade.id for grade in grades}
    example = next((grade.checks for grade in grades if grade.checks), ())
    nothing = tuple(
        CheckGrade(one.id, one.title, tuple(
            PartGrade(part.part, part.points, False, "nothing was handed in") for part in one.parts
        ))
        for one in example
    )  # fmt: skip
    return [Grade(one, lab, "", "missing", nothing) for one in ids if one not in there]
