"""Pictures of what each core does: its stages as a timeline, and its load over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from falcon_ctl.figures.core_activity import Loads, Timeline, loads, timeline
from falcon_ctl.figures.experiments import BY_FIGURE, SYSTEMS, TALK, Experiment, load_of
from falcon_ctl.report import picture
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.systems.system import System, Tunnel
from falcon_ctl.timeline.kinds import STAGES
from falcon_ctl.virtual.measure import Load
from falcon_ctl.virtual.peak import Offered, Peak

SHOWN = ("napi", "split", "rps", "gro_cell", "backlog", "socket")
LOADED = (5, 7)  # figures that are about the cores' loads
RATE = 900e3  # packets/s, what one sending core gives
_SPAN_US = 150
_STEP_US = 500
SEED = 1


def draw_all(
    folder: Path,
    figures: Iterable[int],
    provenance: Provenance,
    systems: Mapping[str, System] = SYSTEMS,
) -> list[Path]:
    """The pictures that belong to `figures`, in `folder`; `systems`: the systems by their names."""
    chosen = [BY_FIGURE[figure] for figure in sorted(set(figures))]
    drawn = {
        f"figure-{one.figure}-load.png": draw_loads(one, systems)
        for one in chosen
        if one.figure in LOADED
    }
    if BY_FIGURE[1] in chosen:
        drawn["figure-1-timeline.png"] = draw_timelines(systems)
    return [picture.save(figure, folder / name, provenance) for name, figure in drawn.items()]


def draw_timelines(systems: Mapping[str, System]) -> Figure:
    """The talk's slides on pipelining and splitting: one flow on the cores, system by system."""
    shown, protos = [systems[name] for name in TALK], ("udp", "tcp")
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    grid = figure.subplots(len(shown), len(protos), sharex=True, squeeze=False)
    for row, system in zip(grid, shown, strict=True):
        for axes, proto in zip(row, protos, strict=True):
            _lanes(axes, timeline(system, proto, RATE, SEED, _SPAN_US))
            axes.set_title(f"{system.title}, {proto.upper()}", fontsize="medium")
    for axes in grid[-1]:
        axes.set_xlabel("µs")
    handles = [Patch(color=STAGES[kind].colour, label=STAGES[kind].title) for kind in SHOWN]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    figure.suptitle(f"One flow of {RATE:,.0f} packets/s: which core runs which stage")
    return figure


def _lanes(axes: Axes, seen: Timeline) -> None:
    """A lane for each CPU, in the order in which a packet comes to them."""
    stages, order = seen.stages, list(STAGES)
    places = zip(map(order.index, stages.kind), stages.cpu.tolist(), strict=True)
    cpus = list(dict.fromkeys(cpu for _, cpu in sorted(places)))
    for kind in SHOWN:
        for lane, cpu in enumerate(cpus):
            ran = stages.where((stages.kind == kind) & (stages.cpu == cpu))
            begin = np.maximum(ran.start, seen.start)
            spans = np.stack([begin - seen.start, np.minimum(ran.end, seen.end) - begin], 1)
            axes.broken_barh((spans / 1000).tolist(), (lane - 0.4, 0.8), color=STAGES[kind].colour)
    axes.set_yticks(range(len(cpus)), [f"CPU {cpu}" for cpu in cpus])
    axes.set_ylim(len(cpus) - 0.5, -0.5)
    axes.set_xlim(0, (seen.end - seen.start) / 1000)


def draw_loads(experiment: Experiment, systems: Mapping[str, System]) -> Figure:
    """How busy each core was over a run of each system, for each load of the experiment."""
    shown = [systems[name] for name in experiment.systems]
    shown = [one for one in shown if one.tunnel is not Tunnel.NONE]
    offered = [
        [_as_run(load_of(load, system.name)) for system in shown] for *_, load in experiment.loads
    ]
    runs = [
        [loads(system, load, SEED, _STEP_US) for system, load in zip(shown, ones, strict=True)]
        for ones in offered
    ]
    cpus = [_used(seen) for seen in runs]
    height = 0.1 * max(map(len, cpus)) + 0.5
    figure = Figure(figsize=(6 * len(runs) + 1, height * len(shown) + 1), layout="constrained")
    grid = figure.subplots(len(shown), len(runs), squeeze=False, sharex="col")
    for column, (proto, label, _), ones, seen, used in zip(
        grid.T, experiment.loads, offered, runs, cpus, strict=True
    ):
        for axes, system, load, one in zip(column, shown, ones, seen, strict=True):
            image = _heat(axes, one, used)
            axes.set_title(f"{system.title}, {proto.upper()}, {label}", fontsize="medium")
            axes.axvline(load.warm_ms, color="white", linestyle=":", linewidth=1)
        column[-1].set_xlabel("ms")
    figure.colorbar(image, ax=grid, label="load of the core, %")
    figure.suptitle(f"Figure {experiment.figure}: {experiment.title}")
    return figure


def _as_run(load: Offered) -> Load:
    """A load that is run once; one that is raised until drops begin is no single run."""
    if isinstance(load, Peak):
        raise LookupError("a load without a rate has no course over time")
    return load


def _used(runs: Sequence[Loads]) -> np.ndarray:
    """The CPUs that did more than nothing in any of the runs."""
    most = [one.percent.max(axis=0) for one in runs]
    return np.flatnonzero(np.max(most, axis=0) > 1)


def _heat(axes: Axes, seen: Loads, cpus: np.ndarray) -> AxesImage:
    extent = (0, seen.times[-1], len(cpus) - 0.5, -0.5)
    shown = seen.percent[:, cpus].T
    image = axes.imshow(shown, "viridis", aspect="auto", extent=extent, vmin=0, vmax=100)
    axes.set_yticks(range(len(cpus)), [str(cpu) for cpu in cpus], fontsize=6)
    axes.set_ylabel("CPU")
    return image
