"""The pictures of lab 7: costs of the project's Xeon profile, and rates of the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.loads import Closed
from falcon_ctl.virtual.measure import connected
from rxpath.config import costs, profiles
from rxpath.policies.custom import CustomPolicy, from_source
from rxpath.results import counters

MERGED = 32  # segments of an skb: a poll of 64 makes two
MS = 1_000_000  # ns
PARTS = {
    "driver": ("frame",),
    "skb_alloc": ("alloc",),
    "GRO": ("gro",),
    "other, per segment": ("segment",),
    "the rest, per skb": ("complete", "skb"),
}
COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#cc79a7", "#999999")


def draw(folder: Path) -> None:
    """Write the pictures as SVG into a folder."""
    folder.mkdir(exist_ok=True)
    for name, figure in (("cost", cost()), ("rates", rates())):
        with mpl.rc_context({"svg.hashsalt": "labs", "svg.fonttype": "none"}):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


def cost() -> Figure:
    """ns for each segment in the three softirqs; the first one in its parts."""
    known = costs.load("xeon-silver-4114")
    stages = profiles.load()["docker"].stages[:3]
    figure = Figure(figsize=(9.5, 3.0), layout="constrained")
    for axes, (title, proto, merged) in zip(
        figure.subplots(1, 3, sharey=True),
        (
            ("UDP", "udp", 1),
            ("TCP without GRO", "tcp", 1),
            (f"TCP, {MERGED} segments per skb", "tcp", MERGED),
        ),
        strict=True,
    ):
        axes.set_title(title, fontsize=9)
        for place, stage in enumerate(stages):
            bottom = 0.0
            for (name, pers), colour in zip(PARTS.items(), COLOURS, strict=True):
                height = sum(
                    getattr(known[one], proto) / (merged if name == "the rest, per skb" else 1)
                    for one in stage.costs
                    if known[one].per in pers and not (known[one].per == "complete" and merged == 1)
                )
                label = name if place == 0 and proto == "udp" else None
                axes.bar(place, height, bottom=bottom, color=colour, label=label)
                bottom += height
        axes.set_xticks(range(3), [stage.device for stage in stages])
        if proto == "udp":
            axes.set_ylabel("ns for each segment")
            axes.legend(fontsize=7)
    return figure


POLICY = """
from rxpath.model.state.codes import SPLIT

def choose(packet, host):
    if packet.stage != SPLIT:
        return packet.here
    return host.split_cpus[packet.{} % len(host.split_cpus)]
"""


def rates() -> Figure:
    """One connection: in one piece, cut by flow, and cut packet by packet."""
    overlay = BY_NAME["overlay"]
    systems = {
        "in one piece": overlay,
        "cut before GRO,\nby flow": replace(overlay, custom=_policy("hash")),
        "cut before GRO,\npacket by packet": replace(overlay, custom=_policy("number")),
    }
    found = [_measured(system) for system in systems.values()]
    figure = Figure(figsize=(9.5, 2.8), layout="constrained")
    titles = ("segments received (kpps)", "segments per skb", "segments sent again (% of received)")
    for place, (axes, title) in enumerate(zip(figure.subplots(1, 3), titles, strict=True)):
        _bars(axes, list(systems), [one[place] for one in found], title)
    return figure


def _bars(axes: Axes, names: list[str], values: list[float], title: str) -> None:
    bars = axes.bar(range(len(names)), values, color=COLOURS[: len(names)])
    axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(range(len(names)), names, fontsize=7)
    axes.set_title(title, fontsize=9)
    axes.margins(y=0.15)


def _policy(field: str) -> CustomPolicy:
    """TCP is cut in front of GRO, to the core that a field of the packet gives."""
    return from_source(f"{field}.py", "choose", POLICY.format(field))


def _measured(system: System) -> tuple[float, float, float]:
    """Thousand segments/s, segments per skb, segments sent again, percent."""
    falcon = {"order": "none", "balancing": False, "switch_off": False}
    load = Closed(1, 20, 5, 512, hashes=[7], knobs={"falcon": falcon})
    model, closed_loop = connected(system, load, 1)
    closed_loop.run(25 * MS)
    seen = counters(model)
    skbs = seen.delivered - seen.merged
    again = 100 * closed_loop.retransmits / seen.delivered
    return seen.delivered / 25, seen.delivered / skbs, again
