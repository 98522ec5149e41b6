"""`submit` and `reset`."""

from __future__ import annotations

import ast
from pathlib import Path

from labs import judging
from labs.cli import screen
from labs.work import Work, handed_in, renewed, student_id


def submit(mine: Work, folder: Path) -> None:
    """Write the file for the teacher, and say what is in it."""
    made = handed_in(mine, folder)
    state = mine.state
    screen.say(f"{screen.relative(made.path)}", "bold")
    screen.say(f"lab  {mine.lab.number}. {mine.lab.settings.title}")
    screen.say(f"id   {mine.id}")
    for name, content in made.files.items():
        unchanged = content == (mine.lab.student / name).read_bytes()
        note = "  as it was given to you" if unchanged else _syntax(name, content)
        screen.say(f"     {name}  {len(content)} bytes{note}", "yellow" if note else "")
    if not state.checked:
        screen.say(f"not checked yet: python -m labs check {mine.lab.number}", "yellow")
    elif state.checked != mine.digest():
        screen.say(
            f"changed since the last check: python -m labs check {mine.lab.number}", "yellow"
        )
    else:
        screen.say(f"{state.earned} of {state.total} points of the visible checks")
    screen.say("Give this file to your teacher.")


def _syntax(name: str, content: bytes) -> str:
    """What stands behind a file that Python cannot read."""
    if not name.endswith(".py"):
        return ""
    try:
        ast.parse(content, name)
    except SyntaxError as error:
        return f"  line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"  {error}"
    return ""


def reset(mine: Work, given_id: str | None) -> None:
    """Begin again with the files as they were; what was there is kept."""
    identity = student_id(given_id) if given_id is not None else mine.id
    given = judging.parameters(judging.load(mine.lab), identity)
    again, kept = renewed(mine, identity, given)
    screen.say(f"{screen.relative(again.folder)} is as it was at the start")
    screen.say(f"what you had is in {screen.relative(kept)}")
