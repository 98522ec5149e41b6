"""Runs checks in their order; one that fails does not stop the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from labs.catalogue import Lab
from labs.checking import Check
from labs.draw import Draw
from labs.errors import BrokenLab
from labs.judging.load import Checks, line_and_error
from labs.judging.verdict import State, Verdict
from labs.needs import WITHOUT, Need, available
from labs.student import CheckFailed, Student, Wrap


def parameters(checks: Checks, seed: str) -> dict[str, Any]:
    """What is drawn for a seed: a student's id, or that of a hidden run. Raises `BrokenLab`."""
    path = checks.lab.folder / "checks.py"
    try:
        found = checks.parameters(Draw(f"{checks.lab.name}/{seed}"))
        return json.loads(json.dumps(found, allow_nan=False))  # type: ignore[no-any-return]
    except Exception as error:
        raise BrokenLab(path, f"parameters: {line_and_error(path, error)}") from error


def judged(
    checks: Checks,
    folder: Path,
    given: dict[str, Any],
    *,
    hidden: bool = False,
    wrap: Wrap = tuple,
    has: Callable[[Need], bool] = available,
    ids: Iterable[str] | None = None,
) -> Generator[Verdict, None, None]:
    """Check the files in `folder`, and yield a verdict as soon as it is there.

    Args:
        checks: of the lab.
        folder: the student's files.
        given: the parameters.
        hidden: run the checks of a hidden run; else those of a visible one.
        wrap: the command of a worker → the one that is run, such as a sandbox with it.
        has: whether the machine has what a check needs.
        ids: run these checks only, and what they come after.
    """
    wanted = [one for one in checks.checks if (one.hidden if hidden else one.visible)]
    if ids is not None:
        names = set(ids)
        wanted = [one for one in wanted if one.id in names or one.id in _before(checks, names)]
    with student_of(checks.lab, folder, wrap) as student:
        yield from judged_by(student, checks.lab, wanted, given, has)


def student_of(lab: Lab, folder: Path, wrap: Wrap = tuple) -> Student:
    """The files in a folder, for the checks of a lab."""
    policies = set(lab.settings.policies)
    others = {name for name in lab.settings.files if name.endswith(".py")} - policies
    # Files that are no policies may do what they like in a worker, and the model runs there too.
    apart = bool(policies and others) and wrap is not tuple
    return Student(folder, lab.trial, lab.settings.policies, wrap, apart)


def judged_by(
    student: Student,
    lab: Lab,
    checks: Iterable[Check],
    given: dict[str, Any],
    has: Callable[[Need], bool] = available,
) -> Generator[Verdict, None, None]:
    """As `judged`, of a student that is there already and of these checks."""
    passed: dict[str, bool] = {}
    for check in checks:
        lacking = [need for need in check.needs if not has(need)]
        if lacking:
            verdict = _verdict(check, "left out", WITHOUT[lacking[0]])
        elif not passed.get(check.after, True):
            verdict = _verdict(check, "not reached", f"{check.after} has to pass first")
        else:
            verdict = _run(lab, check, student, given)
        passed[check.id] = verdict.passed
        yield verdict


def _before(checks: Checks, names: set[str]) -> set[str]:
    """The ids of checks that those named come after, directly or not."""
    after = {one.id: one.after for one in checks.checks}
    found: set[str] = set()
    for name in names:
        while name := after.get(name, ""):
            found.add(name)
    return found


def _run(lab: Lab, check: Check, student: Student, given: dict[str, Any]) -> Verdict:
    student.fresh()
    try:
        check.function(student, json.loads(json.dumps(given)))  # its own copy
    except CheckFailed as failed:
        found = _verdict(check, "failed", failed.message)
        found = replace(found, seen=failed.seen, expected=failed.expected, kind=failed.kind)
    except Exception as error:  # noqa: BLE001  # of an answer that the check did not foresee
        found = _verdict(check, "failed", "the check cannot use what your code returned")
        said = line_and_error(lab.folder / "checks.py", error)
        found = replace(found, seen=f"checks.py, {said}", kind="lab")
    else:
        found = _verdict(check, "passed")
    return replace(found, printed=student.printed, tried=tuple(student.tried))


def _verdict(check: Check, state: State, message: str = "") -> Verdict:
    return Verdict(check.id, check.title, state, check.points, message)
