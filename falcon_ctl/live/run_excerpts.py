"""Packets of the main job's runs for its report, and what they met in the switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from falcon_ctl.capture.trace import Passage
from falcon_ctl.errors import PartFailed
from falcon_ctl.html_report import excerpt, hops
from falcon_ctl.live.explainer import Entries, Explainer
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.timeline import switch_path
from topo.spec.model import Topology


def document(runs: Sequence[tuple[str, LiveRun]], topology: Topology) -> dict[str, Any]:
    """The file `frames.json` of a main job.

    `runs`: each with the label of its measurement. Where v1switch does not explain frames, `hops`
    has none and `hops_missing` says why.
    """
    found = excerpt.document([excerpt.of_trace(label, run.trace) for label, run in runs])
    try:
        return {**found, "hops": _hops(found, runs, topology)}
    except PartFailed as error:
        return {**found, "hops": {}, "hops_missing": str(error)}


def _hops(
    found: dict[str, Any], runs: Sequence[tuple[str, LiveRun]], topology: Topology
) -> dict[str, list[dict[str, Any]]]:
    """Label → the ways of a packet of each flow: number, flow, whether exact, each switch's.

    The packets of a flow meet the same tables and entries.
    """
    asked: dict[tuple[Entries, str], list[tuple[str, str, Passage]]] = {}
    for excerpted, (label, run) in zip(found["runs"], runs, strict=True):
        if run.entries is None:
            continue
        passages = {passage.number: passage for passage in run.trace.passages}
        first = {frame["flow"]: frame["number"] for frame in reversed(excerpted["frames"])}
        rows = [(label, flow, passages[number]) for flow, number in first.items()]
        asked.setdefault((run.entries, run.trace.meta["machine"]), []).extend(rows)
    containers = {run.trace.meta["machine"]: run.trace.meta["containers"] for _, run in runs}
    ways: dict[str, list[dict[str, Any]]] = {}
    for (entries, machine), rows in asked.items():
        frames = [passage for *_, passage in rows]
        paths = switch_path.follow(
            frames, containers[machine], machine, topology, Explainer(entries)
        )
        for place, path in sorted(paths.items()):
            label, flow, passage = rows[place]
            switches = [hops.hop(one.switch, one.port, one.explanation) for one in path.hops]
            way = {"packet": passage.number, "flow": flow, "exact": path.exact}
            ways.setdefault(label, []).append({**way, "switches": switches})
    return ways
