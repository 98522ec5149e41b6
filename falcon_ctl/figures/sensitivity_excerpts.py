"""Single packets for the page of `sensitivity`: of the claim that one cost moves most."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.figures.experiments import SYSTEMS, Experiment, Run
from falcon_ctl.figures.sensitivity import Change, Effect, overrides
from falcon_ctl.html_report import excerpt, virtual_excerpt
from falcon_ctl.timeline import from_virtual
from falcon_ctl.virtual import peak
from falcon_ctl.virtual.peak import Peak

_SEED = 1


def frames(experiments: Sequence[Experiment], effects: Sequence[Effect], percent: int) -> str:
    """`frames.json`: the claim's system with the costs as they are, and with that one changed."""
    runs: list[dict[str, Any]] = []
    if effects:
        strongest = max(effects, key=lambda effect: effect.swing)
        run = _run(experiments, strongest)
        change, text = _change(strongest, percent)
        what = f"figure {run.figure}, {SYSTEMS[run.system].title}, {run.proto.upper()} {run.label}"
        runs = [
            _excerpt(f"the base: {what}", run, {}),
            _excerpt(f"the extreme: {what}, {text}", run, {"cost_overrides": overrides(change)}),
        ]
    return json.dumps(excerpt.document(runs), separators=(",", ":"), allow_nan=False) + "\n"


def _run(experiments: Sequence[Experiment], effect: Effect) -> Run:
    row = effect.row
    wanted = (row.figure, row.system, row.proto, row.load)
    runs = (run for experiment in experiments for run in experiment.runs())
    return next(run for run in runs if (run.figure, run.system, run.proto, run.label) == wanted)


def _change(effect: Effect, percent: int) -> tuple[Change, str]:
    """That of the two which moves the claim more, and how it is called."""
    lower, raised = (abs(one - effect.row.measured) for one in (effect.lowered, effect.raised))
    sign = -1 if lower >= raised else 1
    text = f"{effect.cost} {'-' if sign < 0 else '+'}{percent} %"
    return Change(effect.cost, 1 + sign * percent / 100), text


def _excerpt(label: str, run: Run, knobs: Mapping[str, Any]) -> dict[str, Any]:
    system, load = SYSTEMS[run.system], peak.with_knobs(run.load, knobs)
    if isinstance(load, Peak):
        load = peak.load_at(load, peak.run(system, load, _SEED).messages_per_s)
    found = from_virtual.recorded(system, virtual_excerpt.shortened(load), _SEED, label)
    return virtual_excerpt.of_recorded(label, system.profile, run.proto, found)
