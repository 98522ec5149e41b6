"""`start`: the student's own files, and where to begin."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from labs import judging
from labs.catalogue import Lab
from labs.cli.screen import relative, say
from labs.errors import CallError
from labs.needs import WITHOUT, available
from labs.work import Work, folder, student_id


def start(lab: Lab, work: Path, given_id: str | None) -> None:
    """Make the work folder. Raises `LabsError`."""
    identity = student_id(given_id) if given_id is not None else _known(work)
    given = judging.parameters(judging.load(lab), identity)
    made = folder.started(lab, work, identity, given)
    say(f"{lab.number}. {lab.settings.title}", style="bold")
    say(lab.settings.goal)
    say("")
    say(f"read   {relative(lab.folder / 'handout.md')}   (about {lab.settings.minutes} minutes)")
    for name in lab.settings.files:
        say(f"edit   {relative(made.folder / name)}")
    say(f"yours  {relative(made.folder / folder.GIVEN)}   (the numbers of {identity})")
    say(f"there  {_activation()}cd {relative(made.folder)}")
    say(f"then   python -m labs check {lab.number}   (or watch {lab.number}: at every save)")
    for need in lab.settings.needs:
        if not available(need):
            say(f"extra parts are left out: {WITHOUT[need]}", style="yellow")
    say("")
    say(f"Begin: {lab.settings.start}")


def verify_id(mine: Work, given_id: str) -> None:
    """Raise `CallError` when a lab was started for somebody else."""
    identity = student_id(given_id)
    if identity != mine.id:
        how = f"that, or `python -m labs reset {mine.lab.number} --id {identity}`"
        raise CallError("--id", f"{identity}; the lab was started for {mine.id}", how)


def _activation() -> str:
    """What makes `python` the one with the packages, where it is not yet."""
    script = folder.ROOT / ".venv/bin/activate"
    if os.environ.get("VIRTUAL_ENV") or not script.exists():
        return ""
    return f". {relative(script)} && "


def _known(work: Path) -> str:
    """The id that the student's other labs have."""
    for path in sorted(work.glob(f"*/{folder.STATE}")):
        try:
            return student_id(str(json.loads(path.read_text(encoding="utf-8"))["id"]))
        except (OSError, ValueError, KeyError, TypeError):  # noqa: PERF203  # the next one, then
            continue
    if sys.stdin.isatty():
        return student_id(input("Your id, as your teacher knows you (a name or a number): "))
    raise CallError("--id", "missing", "the name or number that your teacher knows you by")
