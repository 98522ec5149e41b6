"""The student's switch: compiled, loaded with the controller's entries, and given frames."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from labs.checking import Student, fail
from labs.vtep import Frame, Given, controller

PROGRAM, WAY = "vtep.p4", "way.toml"
COMPILED = Path(__file__).parent.parent / "compiled"  # of the solutions that come with the lab
_programs: dict[str, str] = {}


def program(student: Student) -> str:
    """BMv2 JSON of the student's program; "" for the tables that come with the lab."""
    way = student.toml(WAY).get("way")
    if way == "tables":
        return ""
    if way != "p4":
        fail('way.toml: way is neither "p4" nor "tables"', seen=way, expected='"p4" or "tables"')
    source = student.text(PROGRAM)
    digest = hashlib.sha256(source.encode()).hexdigest()
    ready = COMPILED / f"{digest[:16]}.json"
    if digest not in _programs:
        _programs[digest] = ready.read_text() if ready.exists() else compiled(student)
    return _programs[digest]


def compiled(student: Student) -> str:
    """The student's program, compiled by p4c in the worker."""
    made = student.trial("compiled")
    if made["missing"]:
        fail(
            'p4c is not on the PATH: see the handout for how to get it, or set way = "tables" in '
            "way.toml and fill in choices.txt"
        )
    if "error" in made:
        where = f"line {made['line']}: " if made["line"] else ""
        fail(f"vtep.p4 does not compile: {where}{made['error']}")
    return str(made["program"])


def run(student: Student, given: Given, frames: list[Frame], noise: bool = False) -> list[Any]:
    """What leaves for each frame: a list of (port, bytes), and a list of digests."""
    found = student.trial(
        "run",
        program=program(student),
        controller=controller(given),
        frames=[list(frame) for frame in frames],
        noise=noise,
    )
    if "error" in found:
        fail(f"the switch does not take it: {found['error']}")
    outs = [[(port, data) for port, data in each] for each in found["out"]]
    return list(zip(outs, found["digests"], strict=True))


def left(student: Student, given: Given, *frames: Frame, noise: bool = False) -> list[list[Frame]]:
    """What leaves for each frame."""
    return [out for out, _ in run(student, given, list(frames), noise)]
