"""Fits a cost profile, from the choice of amounts to the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from falcon_ctl import files
from falcon_ctl.fit import amounts, report
from falcon_ctl.fit.observations import observed
from falcon_ctl.fit.solve import Solution, solve
from falcon_ctl.papers.catalogue import PANELS
from falcon_ctl.papers.data import PAPERS
from falcon_ctl.virtual import kernels
from rxpath.config import costs

PROFILE = PAPERS["eurosys21"].costs
# mFlow's machine is the same profile scaled by the clock that its paper states.
SCALE = {"eurosys21": 1.0, "ipdps23": 2.2 / 2.3}


def fit(console: Console, chosen: str, profile: str, rounds: int, write: Path | None) -> bool:
    """Fit `chosen` amounts of `profile`; return whether the profile has the fitted ones.

    Within their errors, that is. `write`: where a profile with them is written, if anywhere.

    Raises:
        UsageError: an amount is unknown or moves no measurement, or a place cannot be written.
        ConfigError: the profile is wrong.
    """
    known = {name: costs.amounts_of(cost) for name, cost in costs.load(profile).items()}
    free = amounts.select(chosen, known)
    start = {one.key: amounts.amount_of(known, one.key) for one in free}
    text = costs.path_of(profile).read_text(encoding="utf-8")
    if write is not None:
        files.verify_target(f"--write {write}", write)
        report.rewritten(text, start)  # raises before the minutes that the fit takes
    kernels.load(console)
    target = observed(PANELS, profile, SCALE)
    measured = target.observations
    with console.status("running the panels with changed amounts") as status:
        done = 0

        def progress() -> None:
            nonlocal done
            done += 1
            status.update(f"running the panels with changed amounts: {done} times")

        found = solve(
            free,
            start,
            target.modelled,
            np.array([one.value for one in measured]),
            np.array([one.sigma for one in measured]),
            rounds,
            progress,
        )
    report.show(console, found, measured)
    if write is not None:
        fitted = {one.key: one.after for one in found.amounts}
        files.replace(write, report.rewritten(text, fitted))
        console.print(f"{write} has the fitted amounts")
    return _holds(found)


def _holds(found: Solution) -> bool:
    return all(abs(one.after - one.before) <= one.error for one in found.amounts)
