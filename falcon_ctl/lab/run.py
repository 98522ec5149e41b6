"""A run: what was asked for, and what was measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.lab.flows import Flows


@dataclass(frozen=True, eq=False)
class Run:
    """One system under some flows.

    Attributes:
        clock: "virtual" or "live".
        flows: what was sent.
        measured: what came of it, in model time (`falcon_ctl.checks.measurement`).
        choice: the knobs that were set beside the system's own.
    """

    clock: str
    flows: Flows
    measured: Measurement
    choice: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.measured.system

    @property
    def latencies_us(self) -> NDArray[np.float64]:
        """[packets] µs of model time from the NIC to the application, in order of delivery."""
        values: NDArray[np.float64] = np.asarray(self.measured.latencies, np.float64) / 1000
        return values

    def row(self) -> dict[str, Any]:
        """The columns of `falcon_ctl.lab.table`."""
        m = self.measured
        lost = sum(m.drops.values())
        mean = float(self.latencies_us.mean()) if len(m.latencies) else None
        return {
            "system": m.system,
            "clock": self.clock,
            "proto": m.proto,
            "flows": self.flows.count,
            "rate_pps": self.flows.rate if m.proto == "udp" else None,
            "ms": self.flows.ms,
            "pps": round(m.pps, 1),
            "mean_us": None if mean is None else round(mean, 3),
            "p50_us": m.latency_us(0.5),
            "p99_us": m.latency_us(0.99),
            "sent": m.sent,
            "delivered": m.delivered,
            "lost": lost,
            "reordered": m.reordered,
            "cpu_ns": round(m.cpu_ns, 1),
            "cores": sum(load >= 1 for load in m.loads.values()),
            "busiest": max(m.loads, key=lambda cpu: m.loads[cpu], default=None),
            "busiest_percent": round(max(m.loads.values(), default=0.0), 1),
            "invalid": m.invalid,
            **self.choice,
        }


def labels(runs: Sequence[Run]) -> list[str]:
    """A name for each run: its system's, and what else distinguishes it from the others."""
    marks: dict[str, list[str]] = {
        "flows": [run.flows.label for run in runs],
        "ms": [f"{run.flows.ms:g} ms" for run in runs],
        "clock": [run.clock for run in runs],
        "choice": [_shown(run.choice) for run in runs],
    }
    told = [key for key, values in marks.items() if len(set(values)) > 1]
    found = [
        ", ".join(filter(None, [run.system, *(marks[key][place] for key in told)]))
        for place, run in enumerate(runs)
    ]
    return [
        name if found.count(name) == 1 else f"{name} #{found[:place].count(name) + 1}"
        for place, name in enumerate(found)
    ]


def _shown(choice: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in choice.items())
