"""How verdicts look in a terminal; plain text where there is none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labs.checking import Check
from labs.judging import Verdict
from rxpath.texts import escaped

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not reached": ("·", "dim"),
         "left out": ("·", "dim")}  # fmt: skip
INDENT = "    "


@cache
def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False, markup=False)


def say(text: str, style: str = "") -> None:
    """Print a line."""
    _console().print(Text(text, style=style))


def show(table: Table) -> None:
    """Print a table."""
    _console().print(table)


def clear() -> None:
    """Clear the terminal, where there is one."""
    if _console().is_terminal:
        _console().clear()


def relative(path: Path) -> str:
    """A path as it is typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


class Verdicts:
    """Shows verdicts; what one of them said already is not said again."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}  # message of an error → the first check with it

    def show(self, found: Verdict, check: Check, hints: int) -> None:
        """As `verdict`."""
        first = self._said.setdefault(found.message, found.id)
        again = found.kind in ("error", "unwritten") and first != found.id
        if again:
            found = replace(
                found, message=f"the same as in {first}", seen="", expected="", printed=""
            )
        verdict(found, check, 0 if again else hints)


def verdict(found: Verdict, check: Check, hints: int) -> None:
    """A check: what was seen, what was expected, and as many hints as were asked for."""
    mark, style = MARKS[found.state]
    points = f"  {found.earned}/{found.points}" if found.points else ""
    say(f"{mark} {found.title} ({found.id}){points}", style=style)
    if found.message:
        say(f"{INDENT}{found.message}", style="bold" if found.state == "failed" else "dim")
    if found.seen:
        label = "line    " if found.kind == "error" else "seen    "
        say(f"{INDENT}{label}  {found.seen}")
    if found.expected:
        say(f"{INDENT}expected  {found.expected}")
    for line in found.printed.splitlines():
        say(f"{INDENT}printed   {escaped(line)}", style="dim")
    if found.state == "failed":
        hint(check, hints)


def hint(check: Check, shown: int) -> None:
    """The hints of a check up to a number."""
    for number, text in enumerate(check.hints[:shown], 1):
        say(f"{INDENT}hint {number}    {text}", style="cyan")
