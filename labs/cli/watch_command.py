"""`watch`: check at every save, show what changed and the first check that fails."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from labs import judging
from labs.catalogue import Lab
from labs.cli import check_command, hint_command, list_command, screen
from labs.errors import LabsError
from labs.judging import Verdict
from labs.work import Work, opened

POLL = 200  # ms between two looks at the keyboard
KEYS = "h hint   a all checks   c check again   q leave"


def watch(lab: Lab, work: Path) -> None:
    """Check now and at every save, until q or Ctrl-C."""
    try:
        from watchfiles import watch as changes
    except ImportError:
        raise LabsError(
            "watchfiles is missing: pip install 'falcon-testbed[labs]', or `make lab`"
        ) from None
    mine = opened(lab, work)
    with _keys() as keys:
        looks = changes(
            mine.folder, rust_timeout=POLL, yield_on_timeout=True, watch_filter=None, debounce=300
        )
        next(looks)  # from here on no save is missed
        found = _check(mine, [], "")
        for changed in looks:
            names = sorted({name for _, path in changed if (name := _ours(mine, path))})
            key = keys()
            if key == "q":
                return
            if names or key == "c":
                found = _check(mine, found, ", ".join(names))
            elif key == "h":
                hint_command.hint(mine, None)
            elif key == "a":
                _show_all(mine, found)


def _ours(mine: Work, path: str) -> str:
    """The name of a file of the student's; "" of what this program and editors write."""
    name = Path(path).name
    if Path(path).parent != mine.folder.resolve() or name.startswith("."):
        return ""
    return "" if name.endswith(("~", ".swp", ".tmp", ".pyc")) else name


def _check(mine: Work, before: list[Verdict], changed: str) -> list[Verdict]:
    """Run the checks, and show the difference to the last run."""
    screen.clear()
    screen.say(f"{mine.lab.number}. {mine.lab.settings.title}", "bold")
    screen.say(f"{changed} changed, checking …" if changed else "checking …", "dim")
    checks = judging.load(mine.lab)
    given = judging.parameters(checks, mine.id)
    found = list(check_command.reported(judging.judged(checks, mine.folder, given)))
    check_command.keep(mine, found)
    earned, total = judging.points(found)
    screen.say(f"{list_command.bar(mine)}  {earned} of {total} points")
    was = {one.id: one.passed for one in before}
    for verdict in found:
        if verdict.passed and not was.get(verdict.id, True):
            screen.say(f"✓ {verdict.title}  now passes", "green")
        elif not verdict.passed and was.get(verdict.id, False):
            screen.say(f"✗ {verdict.title}  passed before", "red")
    failed = [one for one in found if one.state == "failed"]
    passing = sum(one.passed for one in found)
    screen.say(f"{passing} of {len(found)} checks pass{check_command.left_out(found)}", "dim")
    if failed:
        screen.say("")
        by_id = {one.id: one for one in checks.checks}
        hints = mine.state.hints.get(failed[0].id, 0)
        screen.verdict(failed[0], by_id[failed[0].id], hints)
    else:
        screen.say(f"hand in: python -m labs submit {mine.lab.number}", "bold")
    screen.say("")
    screen.say(KEYS if sys.stdin.isatty() else "waiting for a save; Ctrl-C ends", "dim")
    return found


def _show_all(mine: Work, found: list[Verdict]) -> None:
    by_id = {one.id: one for one in judging.load(mine.lab).checks}
    shown = screen.Verdicts()
    for verdict in found:
        shown.show(verdict, by_id[verdict.id], mine.state.hints.get(verdict.id, 0))


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """A function that gives the key that was pressed, "" when none was."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        yield lambda: sys.stdin.read(1) if select.select([handle], [], [], 0)[0] else ""
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
