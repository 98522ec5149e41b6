"""The timeline of runs on the live network, with the way of some frames through the switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.live.explainer import Entries, Explainer
from falcon_ctl.timeline import pipeline, sampling, switch_path
from falcon_ctl.timeline.build import build
from falcon_ctl.timeline.from_recording import recorded
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.timeline.switch_path import SwitchPath
from topo.spec.model import Topology


@dataclass(frozen=True)
class LiveRun:
    """What a host recorded in a run; `entries`: what the switches held then, None: not known."""

    label: str
    trace: Trace
    entries: Entries | None = None


def timeline(
    title: str,
    runs: Sequence[LiveRun],
    topology: Topology,
    about: Mapping[str, str] | None = None,
    most: int = sampling.MOST_SLICES,
) -> Timeline:
    """The timeline of runs that one or several hosts recorded, in the order in which they ran.

    Raises:
        PartFailed: v1switch does not explain a frame.
    """
    ran = [run for run in runs if run.trace.passages]
    found = build(title, [recorded(run.trace, run.label) for run in ran], most, about)
    _explain(found, ran, topology)
    return found


def _explain(found: Timeline, runs: Sequence[LiveRun], topology: Topology) -> None:
    """Add switches' work: frames of all runs with the same entries are explained together."""
    by_entries: dict[tuple[Entries, str], list[tuple[int, Passage]]] = {}
    for number, run in enumerate(runs):
        if run.entries is None:
            continue
        chosen = pipeline.choose(found, number, len(topology.switches))
        by_number = {passage.number: passage for passage in run.trace.passages}
        rows = [(index, by_number[found.packets[index].number]) for index in chosen]
        by_entries.setdefault((run.entries, run.trace.meta["machine"]), []).extend(rows)
    containers = {run.trace.meta["machine"]: run.trace.meta["containers"] for run in runs}
    paths: dict[int, SwitchPath] = {}
    for (entries, machine), rows in by_entries.items():
        passages = [passage for _, passage in rows]
        explain = Explainer(entries)
        followed = switch_path.follow(passages, containers[machine], machine, topology, explain)
        paths |= {rows[place][0]: path for place, path in followed.items()}
    pipeline.add(found, paths)
