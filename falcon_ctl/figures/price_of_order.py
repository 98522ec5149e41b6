"""The price of order: four ways to keep a flow in order whose stages change cores. Pure.

They run under the loads in which flows may move: many flows (figures 3 and 4), the surge (5) and
overload (7).  Base is FALCON as published, which does nothing about it.  mFlow's resequencing
belongs to a system of its own, so its rate says more than what order costs there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from falcon_ctl.figures.evaluate import Results
from falcon_ctl.figures.experiments import BY_FIGURE, Experiment, Run
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.systems.catalogue import FALCON, PUBLISHED, RFS_RULE
from falcon_ctl.virtual.measure import Metrics

NONE, HANDOVER = PUBLISHED.name, FALCON.name
WAYS: Mapping[str, str] = {
    NONE: "none",
    RFS_RULE.name: "RFS's rule",
    HANDOVER: "hand-over",
    "mflow": "mFlow's resequencing",
}
EXPERIMENTS: tuple[Experiment, ...] = tuple(
    replace(BY_FIGURE[number], systems=tuple(WAYS)) for number in (3, 4, 5, 7)
)
LEAST = 0.95  # of the rate without order: the goal of hand-over


@dataclass(frozen=True)
class Price:
    """One way under one load, the mean of the seeds.

    Attributes:
        figure: of the talk, whose load it is.
        system: whose way.
        proto: "udp" or "tcp".
        load: its label in the figure, such as "20 flows".
        pps: packets/s that the applications read.
        kept: that rate over the one without order.
        reordered: share of the delivered frames (RFC 4737, section 4.1).
        p50_us: median latency from the NIC to the read, NaN for TCP's streams.
        p99_us: likewise the 99th percentile.
        held: skbs that were held for a hand-over, per delivered frame.
        held_us: how long each was held on the average, 0 where none was.
        cpu_ns: time that all CPUs spent, per delivered frame.
    """

    figure: int
    system: str
    proto: str
    load: str
    pps: float
    kept: float
    reordered: float
    p50_us: float
    p99_us: float
    held: float
    held_us: float
    cpu_ns: float

    @property
    def where(self) -> tuple[int, str, str]:
        """The load, by figure, protocol and label."""
        return self.figure, self.proto, self.load

    @property
    def title(self) -> str:
        """The load, for a message."""
        return f"figure {self.figure}, {self.proto}, {self.load}"


def prices(results: Results) -> list[Price]:
    """A row for each run of `EXPERIMENTS`; every load must have been run without order, too."""
    return [
        _price(run, found, results[run._replace(system=NONE)]) for run, found in results.items()
    ]


def _price(run: Run, found: Sequence[Metrics], free: Sequence[Metrics]) -> Price:
    delivered = sum(one.delivered for one in found)
    held = sum(one.held for one in found)
    return Price(
        figure=run.figure,
        system=run.system,
        proto=run.proto,
        load=run.label,
        pps=_mean([one.pps for one in found]),
        kept=_mean([ours.pps / theirs.pps for ours, theirs in zip(found, free, strict=True)]),
        reordered=sum(one.reordered for one in found) / delivered,
        p50_us=_mean([one.latency_us(0.5) for one in found]),
        p99_us=_mean([one.latency_us(0.99) for one in found]),
        held=held / delivered,
        held_us=sum(one.held_ns for one in found) / max(1, held) / 1000,
        cpu_ns=_mean([one.cpu_ns for one in found]),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def failures(rows: Sequence[Price]) -> list[str]:
    """Where hand-over reorders."""
    return [
        f"{row.title}: {row.reordered:.2%} of the frames reordered, expected none"
        for row in rows
        if row.system == HANDOVER and row.reordered > 0
    ]


def shortfalls(rows: Sequence[Price]) -> list[str]:
    """Where hand-over misses the goal, `LEAST` of the rate without order."""
    return [
        f"{row.title}: {row.kept:.2f} of the rate without order, the goal is {LEAST}"
        for row in rows
        if row.system == HANDOVER and row.kept < LEAST
    ]


def as_csv(rows: Sequence[Price], provenance: Provenance) -> str:
    """Every row, a line each."""
    text, origin = io.StringIO(newline=""), provenance.columns
    names = [*(field.name for field in fields(Price)), *origin]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(row), **origin} for row in rows)
    return text.getvalue()
