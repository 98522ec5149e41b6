"""The pictures of lab 4, from runs of the model with the costs of a Xeon."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.results import Frames, run

COLOURS = {"eth0": "#0072b2", "vxlan0": "#e69f00", "veth0": "#009e73"}
NAMES = {2: "eth0", 5: "vxlan0", 7: "veth0"}  # by ifindex
FALCON_HASH = 7  # puts the three softirqs on three cores
SHOWN_US = 26
MS = 1_000_000  # ns


def draw(folder: Path) -> None:
    """Write the pictures as SVG into a folder."""
    folder.mkdir(exist_ok=True)
    for name, figure in (("timelines", timelines()), ("curve", curve())):
        with mpl.rc_context({"svg.hashsalt": "labs", "svg.fonttype": "none"}):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


def timelines() -> Figure:
    """Which core runs which softirq when: one core for all three, and three cores."""
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    _timeline(above, _frames("same_cpu", 0), "the overlay: all three softirqs on one core")
    _timeline(below, _frames("falcon", FALCON_HASH), "a pipeline: each softirq on its own core")
    below.set_xlabel("time (µs)")
    for name, colour in COLOURS.items():
        below.bar(0, 0, color=colour, label=f"softirq of {name}")
    figure.legend(ncols=3, loc="outside lower center", fontsize=8)
    return figure


def _timeline(axes: Axes, frames: Frames, title: str) -> None:
    softirqs = frames.stages.where(frames.ran & (frames.stages.kind != "socket"))
    begin = int(np.sort(softirqs.start)[600])
    rows = {int(cpu): row for row, cpu in enumerate(dict.fromkeys(softirqs.cpu.tolist()))}
    for start, end, cpu, ifindex in zip(
        softirqs.start, softirqs.end, softirqs.cpu, softirqs.ifindex, strict=True
    ):
        if begin <= start < begin + 1000 * SHOWN_US:
            colour = COLOURS[NAMES[int(ifindex)]]
            left = (int(start) - begin) / 1000
            axes.barh(
                rows[int(cpu)], (int(end) - int(start)) / 1000, left=left, color=colour, ec="white"
            )
    axes.set(title=title, xlim=(0, SHOWN_US))
    axes.title.set_fontsize(9)
    axes.set_yticks(list(rows.values()), [f"core {cpu}" for cpu in rows])
    axes.invert_yaxis()


def _frames(policy: str, rss_hash: int, rate: float = 550e3) -> Frames:
    falcon = {"balancing": False, "switch_off": False, "order": "none"}
    knobs = Knobs.parse({"policy": policy, "falcon": falcon, "napi_weight": 4})
    model = Model(knobs, slots=20_000, sockets=1, flows=1, records=True)
    times = np.arange(0, MS, 1e9 / rate).astype(np.int64)
    chain = model.chain("tunnel")
    return run(model, virtual.make_trace(times, rss_hash=rss_hash, chain=chain, wire_len=114))


def curve() -> Figure:
    """Received against offered load."""
    figure = Figure(figsize=(9.5, 3.0), layout="constrained")
    axes = figure.subplots()
    offered = [140e3 * step for step in range(1, 11)]
    for policy, rss_hash, label, marker in (
        ("same_cpu", 0, "overlay, one core", "o"),
        ("falcon", FALCON_HASH, "pipeline, three cores", "s"),
    ):
        received = [_received(policy, rss_hash, rate) / 1000 for rate in offered]
        axes.plot([rate / 1000 for rate in offered], received, marker=marker, label=label)
    axes.set(xlabel="offered load (kpps)", ylabel="received (kpps)", ylim=(0, None))
    axes.legend()
    return figure


def _received(policy: str, rss_hash: int, rate: float) -> float:
    falcon = {"balancing": False, "switch_off": False, "order": "none"}
    model = Model(
        Knobs.parse({"policy": policy, "falcon": falcon}), slots=20_000, sockets=1, flows=1
    )
    times = np.arange(0, 30 * MS, 1e9 / rate).astype(np.int64)
    chain = model.chain("tunnel")
    frames = run(model, virtual.make_trace(times, rss_hash=rss_hash, chain=chain, wire_len=114))
    time = frames.time[frames.delivered]
    return float(((time > 10 * MS) & (time <= 30 * MS)).sum()) * 50
