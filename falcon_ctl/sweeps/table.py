"""A sweep's results: a row for each point as CSV and JSON lines, and hashes of its inputs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from falcon_ctl import files
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.sweeps.spec import File
from falcon_ctl.sweeps.work import Row, Task

CSV, LINES, SPEC, ABOUT = "results.csv", "results.jsonl", "spec.yaml", "sweep.json"


def write(
    folder: Path, file: File, tasks: Sequence[Task], rows: Sequence[Row], origin: Provenance
) -> None:
    """Write all files of a finished sweep. Raises OSError when one cannot be written."""
    pairs = zip(tasks, rows, strict=True)
    lines = [{**task.point.columns(), **row, **origin.columns} for task, row in pairs]
    texts = {
        CSV: _csv(lines),
        LINES: "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines),
        SPEC: file.text,
        ABOUT: json.dumps(about(file, tasks, origin), indent=1) + "\n",
    }
    for name, text in texts.items():
        files.replace(folder / name, text)


def about(file: File, tasks: Sequence[Task], origin: Provenance) -> Mapping[str, Any]:
    """The hashes of all inputs that decided the results, and where these come from."""
    policies = {task.policy for task in tasks if task.policy is not None}
    return {
        "spec_sha256": _sha256(file.text),
        "policies_sha256": {one.name: _sha256(one.source) for one in sorted(policies)},
        "code_sha256": tasks[0].code,
        "points": len(tasks),
        **origin.marks,
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _csv(lines: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0])
    writer.writerows([_cell(value) for value in line.values()] for line in lines)
    return text.getvalue()


def _cell(value: Any) -> str:
    """A cell's text: empty for None, numbers for a CPU set."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
