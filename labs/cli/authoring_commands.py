"""`verify`, `pictures` and `new`, for those who make labs."""

from __future__ import annotations

from pathlib import Path

from labs import verifying
from labs.authoring import create
from labs.catalogue import Lab
from labs.cli.screen import INDENT, relative, say
from labs.errors import BrokenLab
from labs.verifying.pictures import PICTURES, drawn


def verify(labs: list[Lab]) -> int:
    """Verify labs, and print each part as it comes; the exit status."""
    broken = 0
    for lab in labs:
        say(f"{lab.number}. {lab.settings.title}", "bold")
        try:
            broken += sum(not _shown(part) for part in verifying.verified(lab))
        except BrokenLab as error:
            say(f"✗ {error}", "red")
            broken += 1
    say("")
    if broken:
        say(f"{broken} parts of {len(labs)} labs are wrong", "red")
    else:
        say(f"{len(labs)} labs are whole", "green")
    return 1 if broken else 0


def _shown(part: verifying.Part) -> bool:
    mark, style = ("✓", "green") if part.is_whole else ("✗", "red")
    say(f"{mark} {part.what}  {part.seconds:.1f} s", style)
    for problem in part.problems:
        say(f"{INDENT}{problem}")
    for note in part.notes:
        say(f"{INDENT}{note}", "dim")
    return part.is_whole


def pictures(lab: Lab) -> None:
    """Draw a lab's pictures."""
    folder = lab.folder / PICTURES
    for name in drawn(lab, folder):
        say(relative(folder / name))


def new(name: str, folder: Path) -> None:
    """Make a lab, and say what to do next."""
    lab = create(name, folder)
    say(relative(lab.folder), "bold")
    say("change lab.toml, handout.md, student/, reference/, checks.py, wrong/ and teacher.md;")
    say(f"each time: python -m labs verify {lab.number}")
