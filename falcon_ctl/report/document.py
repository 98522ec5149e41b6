"""The run as JSON, for `--json FILE` and `results/<time>/report.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.errors import UsageError
from falcon_ctl.report.provenance import Provenance


@dataclass
class Report:
    """One run: where it comes from, its measurements and verdicts."""

    topology: str
    target: str
    version: str
    provenance: Provenance
    live: list[Measurement] = field(default_factory=list)
    checks: Sequence[Verdict] = ()

    @property
    def ok(self) -> bool:
        """Every check holds, and there was one."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def document(self, full: bool = False) -> dict[str, Any]:
        """As plain JSON values; `full` adds each run's load, its name and the load per core."""
        return {
            "topology": self.topology,
            "switch": {"target": self.target, "version": self.version},
            "invalid": self.provenance.reason,
            "provenance": self.provenance.document(),
            "live": [measurement.document(full) for measurement in self.live],
            "checks": [check._asdict() for check in self.checks],
        }


def verify_writable(path: Path) -> None:
    """Check a report's path before the run, so that no result is lost after it.

    Raises:
        UsageError: `path` cannot be written.
    """
    folder = path.absolute().parent
    if path.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        what = "is a folder" if path.is_dir() else f"{folder} cannot be written to"
        raise UsageError(f"--json {path}", what, "a file in a folder of yours")


def write(path: Path, report: Report) -> None:
    """Write the document; the file is complete or unchanged."""
    write_json(path, report.document())


def write_json(path: Path, document: Any) -> None:
    """Write plain JSON values; the file is complete or unchanged."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", "utf-8")
    part.replace(path)
