"""A measurement of one system under one load: the numbers of the report's `live` part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Percentiles of a distribution of latencies: close together where the tail is.
PERCENT = (*range(0, 100, 5), *range(96, 100), 99.5, 99.8, 99.9)
KERNEL_HOP = "container -> its machine"  # a veth, without any part of the testbed between


@dataclass(frozen=True)
class Measurement:
    """Counts in frames, `pps` in model packets/s, `latencies` in model ns, `loads` CPU → percent.

    `drops`: lost frames of the run by place, where there were any; `foreign`: dropped frames of
    others, which are in no other count. `late`: which part exceeded its budget
    and by how much, so that rates and latencies are not valid; "" when none did. `disturbed`: what
    else made them invalid, as another load or foreign frames. `starved`: why the load was none
    that shows what the host can do, as a TCP connection that waits for its window. `swaps`: between
    which two points of their path `reordered` frames changed places. `cpu_ns`: what all CPUs
    together spent for a delivered frame. `predicted`: the rate by the model under the virtual
    clock, of the load as it was planned; 0 where there is none.
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
    starved: str = ""
    cpu_ns: float = 0.0
    predicted: float = 0.0
    foreign: Mapping[str, int] = field(default_factory=dict)

    @property
    def invalid(self) -> str:
        """Why rate and latencies are not valid; "" when they are."""
        return "; ".join(f"{mark}: {why}" for mark, why in self.marks if why)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What may make a run invalid: the word for tables, and why, "" where it does not."""
        return (
            ("late", self.late),
            ("disturbed", self.disturbed),
            ("starved", self.starved),
        )

    @property
    def mark(self) -> str:
        """The word for tables, "" for a valid run."""
        return next((mark for mark, why in self.marks if why), "")

    @property
    def disordered(self) -> bool:
        """Frames changed places elsewhere than in this computer's kernel."""
        return self.reordered > self.swaps.get(KERNEL_HOP, 0)

    @property
    def reordered_ratio(self) -> float:
        """Share of the delivered frames that a later one overtook (RFC 4737, section 4.1)."""
        return self.reordered / self.delivered if self.delivered else 0.0

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
        """As in the JSON report; `full` adds the load's name and what else is known of its rate."""
        cores = {str(cpu): round(load, 1) for cpu, load in self.loads.items()}
        extra = {
            "load": self.load,
            "cores_percent": cores,
            "reordered_ratio": round(self.reordered_ratio, 6),
            "cpu_ns_per_packet": round(self.cpu_ns, 1),
            "predicted_pps": round(self.predicted, 1),
            "latency_quantiles": quantiles(self.latencies),
        }
        return (extra if full else {}) | {
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


def quantiles(latencies: NDArray[np.int64]) -> dict[str, list[float]] | None:
    """A distribution of latencies (ns) in µs at `PERCENT`; None of nothing."""
    if not len(latencies):
        return None
    found = np.quantile(latencies, np.array(PERCENT) / 100) / 1000
    return {"percent": [float(p) for p in PERCENT], "us": [round(float(us), 3) for us in found]}


def rate(delivered: ArrayLike) -> float:
    """Packets/s of the model that were delivered at these times (ns), from the first to the last.

    The time that the pipeline took to fill does not count. All of the run does: NAPI's batches (up
    to 300 packets) fall into a window of it as they like.
    """
    times = np.sort(np.asarray(delivered, np.int64))
    if not len(times) or times[0] == times[-1]:
        return 0.0
    return float(np.count_nonzero(times > times[0]) * 1e9 / (times[-1] - times[0]))
