"""The timeline of runs under the virtual clock: what was measured, once more and recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from falcon_ctl.systems.system import System
from falcon_ctl.timeline import from_virtual, sampling
from falcon_ctl.timeline.build import Assembly
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.virtual.loads import Load
from falcon_ctl.virtual.metrics import Metrics
from falcon_ctl.virtual.peak import Offered, Peak, load_at


class Shown(NamedTuple):
    """A run; `group` is on whose tracks it is."""

    system: System
    load: Load
    seed: int
    group: str


def measured_at(offered: Offered, measured: Metrics) -> Load:
    """The load of a measurement: one that was raised until drops began has the rate found."""
    if isinstance(offered, Peak):
        return load_at(offered, measured.messages_per_s)
    return offered


def timeline(
    title: str, runs: Sequence[Shown], progress: Callable[[int], None] = lambda _: None
) -> Timeline:
    """All runs, one after the other; `progress` gets the number of those that are done."""
    assembly = Assembly(title)
    for done, one in enumerate(runs, start=1):
        found = from_virtual.recorded(one.system, one.load, one.seed, one.group)
        assembly.add(found, sampling.MOST_SLICES // len(runs))
        progress(done)
    return assembly.timeline
