"""A measurement of one system under one load: the numbers of the report's `live` part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

KERNEL_HOP = "container -> its machine"  # a veth, without any part of the testbed between


@dataclass(frozen=True)
class Measurement:
    """Counts in frames, `pps` in model packets/s, `latencies` in model ns, `loads` CPU → percent.

    `drops`: lost frames of the run by place, where there were any; `foreign`: dropped frames of
    others, which are in no other count. `late`: which part exceeded its budget
    and by how much, so that rates and latencies are not valid; "" when none did. `disturbed`: what
    else made them invalid, as another load or foreign frames. `swaps`: between which two points of
    their path `reordered` frames changed places.
    """

    system: str
    proto: str
    flows: int
    load: str
    sent: int
    delivered: int
    drops: Mapping[str, int]
    reordered: int
    pps: float
    latencies: NDArray[np.int64]
    late: str
    loads: Mapping[int, float] = field(default_factory=dict)
    swaps: Mapping[str, int] = field(default_factory=dict)
    disturbed: str = ""
    foreign: Mapping[str, int] = field(default_factory=dict)

    @property
    def invalid(self) -> str:
        """Why rate and latencies are not valid; "" when they are."""
        marks = (("late", self.late), ("disturbed", self.disturbed))
        return "; ".join(f"{mark}: {why}" for mark, why in marks if why)

    @property
    def mark(self) -> str:
        """The word for tables: "late", "disturbed", or "" for a valid run."""
        return "late" if self.late else "disturbed" if self.disturbed else ""

    @property
    def disordered(self) -> bool:
        """Frames changed places elsewhere than in this computer's kernel."""
        return self.reordered > self.swaps.get(KERNEL_HOP, 0)

    @property
    def label(self) -> str:
        """Name for messages."""
        return f"{self.system} {self.proto} {self.load}"

    def latency_us(self, quantile: float) -> float | None:
        """Latency in model µs; None when nothing was delivered."""
        if not len(self.latencies):
            return None
        return round(float(np.quantile(self.latencies, quantile)) / 1000, 3)

    def document(self, full: bool = False) -> dict[str, Any]:
        """As in the JSON report; `full` adds the load's name and the load per core."""
        cores = {str(cpu): round(load, 1) for cpu, load in self.loads.items()}
        extra = {"load": self.load, "cores_percent": cores} if full else {}
        return extra | {
            "system": self.system,
            "proto": self.proto,
            "flows": self.flows,
            "sent": self.sent,
            "delivered": self.delivered,
            "drops": dict(self.drops),
            "foreign_drops": dict(self.foreign),
            "reordered": self.reordered,
            "pps": round(self.pps, 1),
            "latency_us": {"p50": self.latency_us(0.5), "p99": self.latency_us(0.99)},
            "late": bool(self.late),
            "invalid": self.invalid,
        }


def rate(count: int, start: int, end: int) -> float:
    """Packets/s of the model: `count` packets from the first arrival to the last delivery (ns).

    It includes the filling and draining of the pipeline, so that it does not depend on how NAPI's
    batches (up to 300 packets) fall into a window.
    """
    return count * 1e9 / (end - start) if end > start else 0.0
