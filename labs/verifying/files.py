"""The files that every lab has, and the links between them."""

from __future__ import annotations

import re

from labs.catalogue import Lab
from labs.judging import Checks
from labs.verifying.part import Part

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGES = ("handout.md", "teacher.md")
SHORTEST = 200  # characters of a page
ANSWERS = "answers.toml"


def verified(checks: Checks) -> Part:
    """All files are there, links lead somewhere, and each check that has points has hints."""
    lab = checks.lab
    part = Part("files and links")
    part.problems += _missing(checks)
    links = 0
    for name in PAGES:
        path = lab.folder / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if len(text) < SHORTEST:
            part.problems.append(f"{name}: missing or empty")
        for target in LINK.findall(_CODE.sub("", text)):
            links += 1
            if "://" not in target and not _leads_somewhere(lab, target):
                part.problems.append(f"{name}: the link {target} leads nowhere")
    bare = [one.id for one in checks.checks if one.points and one.visible and not one.hints]
    part.notes += [f"without a hint: {', '.join(bare)}"] if bare else []
    part.what = f"files are there, {links} links lead somewhere"
    return part


def _leads_somewhere(lab: Lab, target: str) -> bool:
    name, _, _ = target.partition("#")
    return not name or (lab.folder / name).exists()


def _missing(checks: Checks) -> list[str]:
    lab = checks.lab
    found = []
    for name in lab.settings.files:
        if not (lab.student / name).is_file():
            found.append(f"student/{name}: missing, and lab.toml names it")
        has_answers = name == ANSWERS and checks.answers is not None
        if not has_answers and not (lab.folder / "reference" / name).is_file():
            found.append(f"reference/{name}: missing, and lab.toml names it")
    return found
