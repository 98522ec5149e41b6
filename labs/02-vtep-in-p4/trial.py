"""Beside the student's files: p4c on vtep.p4, and packets through a program in v1switch.

What P4 leaves undefined, v1switch and BMv2 fill with zeros or with what was there before. A run
with `noise` fills it with a pattern, as a chip may: the fields of a header that has just become
valid, and those of a header that is not valid.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Prepared
from v1switch.engines.python.engine import PythonEngine
from v1switch.entryfile import load_commands
from v1switch.errors import SwitchError
from v1switch.program.loader import load_program
from v1switch.state.entries import DigestSample

TABLES = Path(__file__).parent / "given" / "tables.json"
PROGRAM, CHOICES = "vtep.p4", "choices.txt"
COMPILERS = ("p4c-bm2-ss", "p4c")
LINE = re.compile(r"vtep\.p4\((\d+)\):\s*")
MOST_SECONDS = 25  # of p4c; a call has 30
NOISE = int("5a" * 16, 16)  # neither a field of zeros nor one of ones


def compiled() -> dict[str, Any]:
    """The student's program as BMv2 JSON: `program`, or `missing`, or `line` and `error`."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return {"missing": True}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "vtep.json"
        words = [compiler, "--arch", "v1model", "-o", str(output), PROGRAM]
        if Path(compiler).name == "p4c":  # the driver names a folder
            words = [compiler, "--target", "bmv2", "--arch", "v1model", "-o", folder, PROGRAM]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            what = f"p4c did not end within {MOST_SECONDS} s: again, when the machine is less busy"
            return {"missing": False, "line": 0, "error": what}
        if done.returncode or not output.exists():
            return {"missing": False, **_first_error(done.stderr)}
        return {"missing": False, "program": output.read_text()}


def _first_error(text: str) -> dict[str, Any]:
    lines = text.splitlines()
    placed = [line for line in lines if LINE.match(line) and "warning:" not in line]
    error = next((line for line in (*placed, *lines) if "error" in line), "p4c says nothing")
    found = LINE.match(error)
    what = error.partition("error:")[2].strip() or LINE.sub("", error)
    return {"line": int(found[1]) if found else 0, "error": what}


@functools.cache
def prepared(program: str, noise: bool) -> Prepared:
    """A program, ready to run; the tables of `given` for "". Raises SwitchError."""
    text = program or TABLES.read_text()
    return PythonEngine().prepare(load_program(with_noise(text) if noise else text))


def with_noise(program: str) -> str:
    """The program, with the pattern wherever P4 leaves the value of a header's field undefined."""
    made = json.loads(program)
    types = {one["name"]: one["fields"] for one in made["header_types"]}
    headers = {
        one["name"]: types[one["header_type"]]
        for one in made["headers"]
        if not (one["metadata"] or one["name"].startswith("tmp"))  # p4c's own: tmp, tmp_0
    }

    def filled(header: str, op: str) -> list[Any]:
        return [
            {
                "op": op,
                "parameters": [
                    {"type": "field", "value": [header, name]},
                    {"type": "hexstr", "value": hex(NOISE & (1 << bits) - 1)},
                ],
            }
            for name, bits, *_ in headers[header]
        ]

    for parser in made["parsers"]:  # before anything is extracted, every header is invalid
        start = next(one for one in parser["parse_states"] if one["name"] == parser["init_state"])
        start["parser_ops"][:0] = [each for header in headers for each in filled(header, "set")]
    for action in made["actions"]:
        changed: list[Any] = []
        for call in action["primitives"]:
            header = call["parameters"][0]["value"] if call["parameters"] else ""
            if call["op"] == "add_header" and header in headers:
                changed += [call, *filled(header, "assign")]
            elif call["op"] == "remove_header" and header in headers:
                changed += [*filled(header, "assign"), call]
            else:
                changed.append(call)
        action["primitives"] = changed
    return json.dumps(made)


def run(
    program: str, controller: str, frames: list[list[Any]], noise: bool = False
) -> dict[str, Any]:
    """Frames through a program.

    Args:
        program: BMv2 JSON; "" for the tables of `given`, with the student's choices.
        controller: the controller's entries, commands of simple_switch_CLI.
        frames: [ingress port, bytes] each.
        noise: undefined fields hold a pattern.

    Returns:
        `out`: for each frame the [port, bytes] that leave; `digests`: for each frame the lists of
        values that the controller is told; or `error`, what is wrong with program or entries.
    """
    digests: list[DigestSample] = []
    plane = Dataplane(PythonEngine(), clock=lambda: 0)
    try:
        plane.commit(prepared(program, noise))
        plane.on_digest = digests.append
        if not program:
            load_commands(Path(CHOICES), plane)
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "controller.txt"
            written.write_text(controller)
            load_commands(written, plane)
    except SwitchError as error:
        where = r"the entries of the controller, line \1"
        return {"error": re.sub(r"/\S*/controller\.txt:(\d+)", where, str(error))}
    out: list[Any] = []
    told: list[Any] = []
    for port, frame in frames:
        digests.clear()
        out.append([list(each) for each in plane.process(port, frame, 0)])
        told.append([list(each.values) for each in digests])
    return {"out": out, "digests": told}
