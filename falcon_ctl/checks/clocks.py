"""Checks of the live clock against the virtual one, which has the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.verdict import Verdict, judge

WITHIN = 0.10  # of the predicted rate


class Replayed(NamedTuple):
    """A run's recorded frames under the virtual clock: how many, and how many events differ."""

    frames: int
    different: int


def same_events(runs: Mapping[str, Replayed]) -> Verdict:
    """Both clocks deliver or lose the same frames at the same model times.

    `runs`: by label.
    """
    problems = [
        f"{label}: {run.different} of {run.frames} frames end otherwise under the virtual clock"
        for label, run in runs.items()
        if run.different
    ]
    frames = sum(run.frames for run in runs.values())
    seen = f"{frames} frames of {len(runs)} runs: each delivered or lost at the same nanosecond"
    return judge("live and virtual clock give the same events", problems, seen, frames > 0)


def rates_as_predicted(measurements: Sequence[Measurement]) -> Verdict:
    """Each valid live rate is within 10 % of the model's prediction for the load as planned."""
    judged = [m for m in measurements if m.predicted and not m.invalid]
    off = {m.label: m.pps / m.predicted - 1 for m in judged}
    problems = [
        f"{m.label}: {m.pps:,.0f} pps, {100 * off[m.label]:+.1f} % of {m.predicted:,.0f} predicted"
        for m in judged
        if abs(off[m.label]) > WITHIN
    ]
    worst = max(off, key=lambda label: abs(off[label]), default="")
    seen = f"{len(judged)} runs; furthest off: {worst} {100 * off.get(worst, 0):+.1f} %"
    return judge("live rates are within 10 % of the model's", problems, seen, bool(judged))
