"""`start`: the student's own files, and where to begin."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from labs import judging
from labs.catalogue import Lab
from labs.cli.screen import relative, say
from labs.errors import CallError, NotStarted
from labs.needs import WITHOUT, available
from labs.work import Work, folder, student_id


def start(lab: Lab, work: Path, given_id: str | None) -> None:
    """Make the work folder, or say where it is. Raises `LabsError`."""
    mine = _there(lab, work)
    if mine is None:
        identity = student_id(given_id) if given_id is not None else _known(work)
        given = judging.parameters(judging.load(lab), identity)
        mine = folder.started(lab, work, identity, given)
        begin = f"Begin: {lab.settings.start}"
    else:
        verify_id(mine, given_id)
        begin = f"It was started before, for {mine.id}: go on where you are."
    say(f"{lab.number}. {lab.settings.title}", style="bold")
    say(lab.settings.goal)
    say("")
    _where(mine)
    say("")
    say(begin)


def _there(lab: Lab, work: Path) -> Work | None:
    """The lab, if it was started before."""
    try:
        return folder.opened(lab, work)
    except NotStarted:
        return None


def _where(mine: Work) -> None:
    """What to read, edit and type."""
    lab = mine.lab
    say(f"read   {relative(lab.folder / 'handout.md')}   (about {lab.settings.minutes} minutes)")
    for name in lab.settings.files:
        say(f"edit   {relative(mine.folder / name)}")
    say(f"yours  {relative(mine.folder / folder.GIVEN)}   (the numbers of {mine.id})")
    say(f"there  {_activation()}cd {relative(mine.folder)}")
    say(f"then   python -m labs check {lab.number}   (or watch {lab.number}: at every save)")
    for need in lab.settings.needs:
        if not available(need):
            say(f"extra parts are left out: {WITHOUT[need]}", style="yellow")


def verify_id(mine: Work, given_id: str | None) -> None:
    """Raise `CallError` when a lab was started for somebody else."""
    identity = student_id(given_id) if given_id is not None else mine.id
    if identity != mine.id:
        what = f"{identity}, but {mine.folder} belongs to {mine.id}"
        how = f"`python -m labs reset {mine.lab.number} --id {identity}` begins anew"
        raise CallError("--id", what, f"{mine.id}, or {how}")


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
