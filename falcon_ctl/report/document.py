"""The run as JSON, for `--json FILE` and `results/<time>/report.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.verdict import Verdict
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


def as_json(document: Any) -> str:
    """Plain JSON values as text."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
