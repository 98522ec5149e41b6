"""Checks of the applications' runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.checks.verdict import Verdict, judge

OVERLAY, FALCON = "overlay", "falcon"
P99 = 0.99


def no_errors(outcomes: Sequence[Outcome]) -> Verdict:
    """No server or client failed, and no client counted an error."""
    problems = [f"{one.label}: {what}" for one in outcomes for what in one.troubles]
    problems += [
        f"{one.label}: nothing was done"
        for one in outcomes
        if not one.troubles and not (one.reading and one.reading.operations)
    ]
    return judge("applications run without an error", problems, f"{len(outcomes)} runs")


def bytes_exact(outcomes: Sequence[Outcome]) -> Verdict:
    """Whatever was compared behind its transfer is what was sent."""
    problems = [
        f"{one.label}: {t.received} of {t.sent} bytes{', ' + t.error if t.error else ', altered'}"
        for one in outcomes
        for t in one.transfers
        if not t.intact
    ]
    problems += [f"{one.label}: no transfer" for one in outcomes if not one.transfers]
    total = sum(t.received for one in outcomes for t in one.transfers)
    count = sum(len(one.transfers) for one in outcomes)
    return judge("transfers are byte-exact", problems, f"{total:,} bytes in {count} transfers")


def in_order(outcomes: Sequence[Outcome]) -> Verdict:
    """With the order guard no frame of a flow is overtaken in a receive path."""
    guarded = [one for one in outcomes if one.guarded]
    problems = [f"{one.label}: {one.overtaken} reordered" for one in guarded if one.overtaken]
    problems += [
        f"{one.label}: {one.there.missed} frames were not recorded"
        for one in guarded
        if one.there.missed
    ]
    frames = sum(one.there.delivered + (one.back.delivered if one.back else 0) for one in guarded)
    queued = sum(one.tcp.out_of_order for one in guarded)
    seen = f"0 of {frames:,} frames in {len(guarded)} runs; the kernels queued {queued} segments"
    return judge("no segment is out of order with the order guard", problems, seen, frames > 0)


def falcon_below_overlay(outcomes: Sequence[Outcome]) -> Verdict:
    """An application's mean and p99 under FALCON are below those under the overlay."""
    name = f"{outcomes[0].application}: mean and p99 under FALCON are below the overlay's"
    valid = {one.system: one for one in outcomes if not one.invalid and one.mean_us is not None}
    missing = [f"no valid run of {system}" for system in (OVERLAY, FALCON) if system not in valid]
    if missing:
        return judge(name, missing, "")
    before, after = valid[OVERLAY], valid[FALCON]
    pairs = {
        "mean": (before.mean_us, after.mean_us),
        "p99": (before.quantile_us(P99), after.quantile_us(P99)),
    }
    shown = {
        what: f"{what} {old or 0:.1f} -> {new or 0:.1f} µs" for what, (old, new) in pairs.items()
    }
    problems = [
        shown[what] for what, (old, new) in pairs.items() if not (old and new and new < old)
    ]
    return judge(name, problems, ", ".join(shown.values()))
