"""Beside the student's files: p4c on vtep.p4, and packets through a program in v1switch."""

from __future__ import annotations

import functools
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
LINE = re.compile(r"vtep\.p4\((\d+)\)")


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
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        if done.returncode or not output.exists():
            return {"missing": False, **_first_error(done.stderr)}
        return {"missing": False, "program": output.read_text()}


def _first_error(text: str) -> dict[str, Any]:
    lines = text.splitlines()
    error = next((line for line in lines if "error:" in line), lines[0] if lines else "no message")
    found = LINE.search(error)
    what = error.partition("error:")[2].strip() or error
    return {"line": int(found[1]) if found else 0, "error": what}


@functools.cache
def prepared(program: str) -> Prepared:
    """A program, ready to run; the tables of `given` for "". Raises SwitchError."""
    return PythonEngine().prepare(load_program(program or TABLES.read_text()))


def run(program: str, controller: str, frames: list[list[Any]]) -> dict[str, Any]:
    """Frames through a program.

    Args:
        program: BMv2 JSON; "" for the tables of `given`, with the student's choices.
        controller: the controller's entries, commands of simple_switch_CLI.
        frames: [ingress port, bytes] each.

    Returns:
        `out`: for each frame the [port, bytes] that leave; `digests`: for each frame the lists of
        values that the controller is told; or `error`, what is wrong with program or entries.
    """
    digests: list[DigestSample] = []
    plane = Dataplane(PythonEngine(), clock=lambda: 0)
    try:
        plane.commit(prepared(program))
        plane.on_digest = digests.append
        if not program:
            load_commands(Path(CHOICES), plane)
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "controller.txt"
            written.write_text(controller)
            load_commands(written, plane)
    except SwitchError as error:
        return {"error": re.sub(r"/\S*/(controller\.txt:)", r"the \1", str(error))}
    out: list[Any] = []
    told: list[Any] = []
    for port, frame in frames:
        digests.clear()
        out.append([list(each) for each in plane.process(port, frame, 0)])
        told.append([list(each.values) for each in digests])
    return {"out": out, "digests": told}
