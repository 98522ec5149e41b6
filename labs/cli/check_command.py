"""`check`: the visible checks with the student's own parameters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from labs import judging
from labs.catalogue import Lab
from labs.cli import screen
from labs.judging import Verdict
from labs.work import Work, opened

QUIET = 4.0  # s without a verdict, before the reason is shown


def check(lab: Lab, work: Path) -> int:
    """Run the checks, show each verdict as it comes, and keep the progress; an exit status."""
    return run(opened(lab, work))


def run(mine: Work) -> int:
    """As `check`, of a work folder that is open."""
    checks = judging.load(mine.lab)
    given = judging.parameters(checks, mine.id)
    by_id = {one.id: one for one in checks.checks}
    found: list[Verdict] = []
    shown = screen.Verdicts()
    for verdict in reported(judging.judged(checks, mine.folder, given)):
        found.append(verdict)
        shown.show(verdict, by_id[verdict.id], mine.state.hints.get(verdict.id, 0))
    keep(mine, found)
    return summary(mine, found)


def reported(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    """The verdicts; one line says why, when the first takes long."""
    why = "still at the first check; the first time, compilers run: up to a minute …"
    notice = threading.Timer(QUIET, lambda: screen.say(why, "dim"))
    notice.daemon = True
    notice.start()
    try:
        for verdict in verdicts:
            notice.cancel()
            yield verdict
    finally:
        notice.cancel()


def keep(mine: Work, found: list[Verdict]) -> None:
    """Note what passed."""
    mine.state.passed = [one.id for one in found if one.passed]
    mine.state.checked = mine.digest()
    mine.state.earned, mine.state.total = judging.points(found)
    mine.save()


def left_out(found: list[Verdict]) -> str:
    """How many checks this machine could not run; "" when it ran all."""
    count = sum(one.state == "left out" for one in found)
    return f" ({count} extra check left out)" if count else ""


def summary(mine: Work, found: list[Verdict]) -> int:
    """The last lines: the points, and what to do next."""
    number = mine.lab.number
    earned, total = judging.points(found)
    screen.say("")
    screen.say(f"{earned} of {total} points{left_out(found)}", style="bold")
    failed = [one for one in found if one.state == "failed"]
    if failed:
        screen.say(f"next: {failed[0].title} (python -m labs hint {number})")
        return 1
    screen.say(f"hand in: python -m labs submit {number}")
    return 0
