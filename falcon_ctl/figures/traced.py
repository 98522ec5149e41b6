"""The timeline of figures: each of their runs once more, with the first seed, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from falcon_ctl.figures.evaluate import Results
from falcon_ctl.figures.experiments import Run
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import from_virtual, sampling
from falcon_ctl.timeline.build import Assembly
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.virtual.measure import Load
from falcon_ctl.virtual.metrics import Metrics
from falcon_ctl.virtual.peak import Peak, load_at

_SEED = 1  # of the first measurement


def timeline(
    results: Results, systems: Mapping[str, System], progress: Callable[[int], None]
) -> Timeline:
    """All runs of `results`; `progress` gets the number of those that are done.

    A load that is raised until drops begin is shown at the rate at which it was measured.
    """
    figures = sorted({run.figure for run in results})
    many = "s" if len(figures) > 1 else ""
    assembly = Assembly(f"the talk's figure{many} {', '.join(map(str, figures))}")
    for done, (run, metrics) in enumerate(results.items(), start=1):
        system = systems[run.system]
        group = f"figure {run.figure}, {run.proto.upper()} {run.label}: {system.title}"
        found = from_virtual.recorded(system, _load(run, metrics[0]), _SEED, group)
        assembly.add(found, sampling.MOST_SLICES // len(results))
        progress(done)
    return assembly.timeline


def _load(run: Run, measured: Metrics) -> Load:
    if isinstance(run.load, Peak):
        return load_at(run.load, measured.messages_per_s)
    return run.load
