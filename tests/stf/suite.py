"""p4c's own suite: its files, and their programs, compiled once in a run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "stf.md"
ROW = re.compile(r"\| `([^`]+)` \| (pass|fail) \| (pass|fail) \| (.+) \|")
V1MODEL = re.compile(r'^#include\s+[<"]v1model\.p4[>"]', re.MULTILINE)
COMPILE_TIMEOUT = 120.0


def folder() -> Path | None:
    """The suite's folder in the p4c checkout that P4C_DIR names, if p4c is on the PATH as well."""
    checkout = os.environ.get("P4C_DIR")
    if not checkout or shutil.which("p4c") is None:
        return None
    return Path(checkout) / "testdata" / "p4_16_samples"


def names() -> list[str]:
    """The tests: names of the v1model programs that have an .stf file beside them."""
    where = folder()
    if where is None:
        return []
    programs = (stf.with_suffix(".p4") for stf in sorted(where.glob("*.stf")))
    return [p.stem for p in programs if p.exists() and V1MODEL.search(p.read_text())]


def known_failures() -> dict[str, tuple[bool, bool, str]]:
    """docs/stf.md's table: by test, whether v1switch and BMv2 fail, and why."""
    rows = ROW.findall(DOCS.read_text())
    return {name: (ours == "fail", bmv2 == "fail", why) for name, ours, bmv2, why in rows}


def compiled(name: str, into: Path) -> Path:
    """The BMv2 JSON of a test's program, its p4info beside it."""
    where = folder()
    assert where is not None, "tests without a suite are skipped"
    out = into / f"{name}.json"
    if not out.exists():
        info = out.with_suffix(".p4info.txtpb")
        command = ["p4c", "--target", "bmv2", "--arch", "v1model", "--p4runtime-files", str(info)]
        done = subprocess.run(
            [*command, "-o", str(into), str(where / f"{name}.p4")],
            capture_output=True, text=True, timeout=COMPILE_TIMEOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return out
