"""Compiles the lab's own programs by p4c, for machines without it: ``python compile.py [FOLDER]``.

given/tables.json and its P4Info are what the way "tables" runs. compiled/ has reference and wrong
solutions, each named by the start of its source's SHA-256 and without the lines of the source:
`labs verify` needs no compiler. A test compares both with what p4c makes today.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LAB = Path(__file__).parent
COMPILER = "p4c-bm2-ss"


def main(target: Path) -> None:
    """Write all outputs below `target`."""
    shutil.rmtree(target / "compiled", ignore_errors=True)
    for folder in ("given", "compiled"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    made, info = compiled(LAB / "given" / "tables.p4")
    (target / "given" / "tables.json").write_text(packed(made))
    (target / "given" / "tables.p4info.txtpb").write_text(info)
    for source in (LAB / "reference" / "vtep.p4", *sorted(LAB.glob("wrong/*/vtep.p4"))):
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        made, _ = compiled(source)
        (target / "compiled" / f"{digest[:16]}.json").write_text(packed(without_lines(made)))


def compiled(source: Path) -> tuple[Any, str]:
    """A program as BMv2 JSON, and its P4Info."""
    with tempfile.TemporaryDirectory() as folder:
        output, info = Path(folder) / "out.json", Path(folder) / "out.p4info.txtpb"
        words = [COMPILER, "--arch", "v1model", "--p4runtime-files", str(info)]
        words += ["-o", str(output), source.name]
        subprocess.run(words, cwd=source.parent, check=True, stderr=subprocess.DEVNULL)
        return json.loads(output.read_text()), info.read_text()


def without_lines(made: Any) -> Any:
    """The JSON without the places in the source."""
    if isinstance(made, dict):
        return {key: without_lines(value) for key, value in made.items() if key != "source_info"}
    return [without_lines(value) for value in made] if isinstance(made, list) else made


def packed(made: Any) -> str:
    """The JSON on one line."""
    return json.dumps(made, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LAB)
