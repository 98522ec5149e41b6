"""Golden files: a case of each program with BMv2's answer to it, as readable JSON.

Entries and frames are in the file as well, so that it does not depend on where it is replayed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.v1switch.cases import (
    Answer,
    Case,
    answer_json,
    entries_json,
    frames_json,
    json_entries,
    json_frames,
)
from tests.v1switch.engines import Engine, run
from tests.v1switch.scenarios import SCENARIOS, program_path

GOLDEN = Path(__file__).with_name("golden")
SHOWN = 5  # differences of a kind that are reported


def path(name: str) -> Path:
    """The golden file of a program."""
    return GOLDEN / f"{name}.json"


def digest(program: Path) -> str:
    """Identifies the version of a compiled program."""
    return hashlib.sha256(program.read_bytes()).hexdigest()


def write(name: str, case: Case, answer: Answer, switch: str) -> None:
    """Write a golden file; `switch` names the switch that answered."""
    document = {
        "answers": switch,
        "program": digest(case.program),
        "ordered": case.ordered,
        **{f"entries: {kind}": items for kind, items in entries_json(case.entries).items()},
        "frames": frames_json(case.frames),
        **{f"answer: {kind}": found for kind, found in answer_json(answer).items()},
    }
    path(name).write_text(_text(document))


def _text(document: dict[str, Any]) -> str:
    """JSON with one item of a list, or one member of an object, on a line."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            inside = ",\n".join(json.dumps(item) for item in value)
            parts.append(f"{json.dumps(key)}: [\n{inside}\n]")
        elif isinstance(value, dict):
            inside = ",\n".join(f"{json.dumps(k)}: {_lines(v)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{inside}\n}}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: Any) -> str:
    """A list of frames line by line, anything else on one line."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        return json.dumps(value, indent=0)
    return json.dumps(value)


def read(name: str) -> tuple[Case, dict[str, Any]]:
    """A golden file's case, and the answer as `answer_json` has it."""
    document = json.loads(path(name).read_text())
    program = program_path(name)
    stale = "another version of the program: run python -m tests.v1switch.record"
    assert document["program"] == digest(program), f"{path(name).name} is of {stale}"

    def part(prefix: str) -> dict[str, Any]:
        pairs = ((k.split(": "), v) for k, v in document.items() if k.startswith(prefix))
        return {names[1]: value for names, value in pairs}

    entries, frames = json_entries(part("entries: ")), json_frames(document["frames"])
    return Case(program, entries, frames, document["ordered"]), part("answer: ")


def answer(engine: Engine, case: Case) -> dict[str, Any]:
    """An engine's answer to a case, as `answer_json` has it."""
    found = run(engine, case.program, case.entries, case.frames)
    return json.loads(json.dumps(answer_json(found)))  # type: ignore[no-any-return]  # an object


def differences(case: Case, found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What two answers to a case differ in: a few lines."""
    lines: list[str] = []
    for port in sorted({*found.get("frames", {}), *expected.get("frames", {})}, key=int):
        ours, theirs = (side.get("frames", {}).get(port, []) for side in (found, expected))
        if not case.ordered:
            ours, theirs = sorted(ours), sorted(theirs)
        if len(ours) != len(theirs):
            lines.append(f"port {port}: {len(ours)} frames, expected {len(theirs)}")
        pairs = zip(ours, theirs, strict=False)
        wrong = [f"port {port}, {n}: {a}, expected {b}" for n, (a, b) in enumerate(pairs) if a != b]
        lines += wrong[:SHOWN]
    for kind in ("counters", "direct", "digests", "registers"):
        if found.get(kind) != expected.get(kind):
            lines.append(f"{kind}: {found.get(kind)}, expected {expected.get(kind)}")
    return lines


def names() -> list[str]:
    """All programs that have a case."""
    return sorted(SCENARIOS)
