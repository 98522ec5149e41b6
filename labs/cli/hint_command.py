"""`hint`: one more hint about a check at each call."""

from __future__ import annotations

from labs import judging
from labs.checking import Check
from labs.cli import screen
from labs.errors import CallError
from labs.work import Work


def hint(mine: Work, wanted: str | None) -> None:
    """Show the next hint about a check, by default the first that has not passed yet."""
    checks = [one for one in judging.load(mine.lab).checks if one.visible]
    check = _named(checks, wanted) if wanted else _next(checks, mine)
    if check is None:
        screen.say(f"every check passed: python -m labs submit {mine.lab.number}")
        return
    screen.say(check.title, "bold")
    if not check.hints:
        screen.say(f"{screen.INDENT}there is no hint: read what the check says, and the handout")
        return
    shown = min(mine.state.hints.get(check.id, 0) + 1, len(check.hints))
    mine.state.hints[check.id] = shown
    mine.save()
    screen.hint(check, shown)
    left = len(check.hints) - shown
    rest = f"{left} more: ask again" if left else "that was the last"
    screen.say(f"{screen.INDENT}{rest}", "dim")


def _named(checks: list[Check], wanted: str) -> Check:
    for check in checks:
        if check.id == wanted:
            return check
    expected = ", ".join(one.id for one in checks)
    raise CallError("CHECK", f"there is no check {wanted}", f"one of {expected}")


def _next(checks: list[Check], mine: Work) -> Check | None:
    open_ones = [one for one in checks if one.id not in mine.state.passed]
    return next((one for one in open_ones if not one.needs), None)
