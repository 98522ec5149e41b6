"""Single packets and latency distributions for the figures' report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from falcon_ctl.capture.trace import Stage
from falcon_ctl.checks.measurement import quantiles
from falcon_ctl.figures import core_activity
from falcon_ctl.figures.core_plots import RATE, SEED
from falcon_ctl.figures.evaluate import Results
from falcon_ctl.figures.experiments import BY_FIGURE, TALK
from falcon_ctl.html_report import excerpt
from falcon_ctl.html_report.excerpt import Shown
from falcon_ctl.systems.system import System
from rxpath.results import Frames


def latencies(results: Results) -> str:
    """The distribution of each run, all seeds together, as JSON; null where there is none."""
    found = [
        {
            "figure": run.figure,
            "title": BY_FIGURE[run.figure].title,
            "system": run.system,
            "proto": run.proto,
            "load": run.label,
            "quantiles": quantiles(np.concatenate([one.latencies for one in metrics])),
        }
        for run, metrics in results.items()
    ]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def frames(systems: Mapping[str, System]) -> str:
    """Packets of figure 1's flow on each of the talk's systems, as JSON."""
    runs = [
        _excerpt(systems[name], proto, f"{systems[name].title}, {proto.upper()}")
        for name in TALK
        for proto in ("udp", "tcp")
    ]
    return json.dumps(excerpt.document(runs), separators=(",", ":"), allow_nan=False) + "\n"


def _excerpt(system: System, proto: str, title: str) -> dict[str, Any]:
    found = core_activity.frames(system, proto, RATE, SEED)
    packets = sorted(_packets(found, proto), key=lambda packet: (packet.arrival, packet.number))
    label = f"{system.name} {proto}"
    return {**excerpt.excerpt(label, system.profile, 1, packets), "title": title}


def _packets(found: Frames, proto: str) -> Iterator[Shown]:
    """Of each frame that left the host; the number is its place in the order of arrival."""
    order = np.argsort(found.arrival, kind="stable")
    for number, row in enumerate(order.tolist()):
        stages = found.stages.where(np.array([row]))
        hops = int(found.hops[row])
        columns = [column[0][:hops].tolist() for column in stages]
        delivered = bool(found.delivered[row])
        yield Shown(
            number=number,
            arrival=int(found.arrival[row]),
            delivered=int(found.time[row]) if delivered else 0,
            dropped="" if delivered else str(found.reason[row]),
            stages=[Stage(*one) for one in zip(*columns, strict=True)],
            flow=f"{proto.upper()} flow {int(found.flow[row])}",
        )
