"""The pictures of lab 5: the timelines of both systems, and what one multiplication does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from falcon_ctl.systems.catalogue import BY_NAME, OVERLAY
from falcon_ctl.timeline import drawing, from_virtual
from falcon_ctl.timeline.build import Assembly
from falcon_ctl.virtual.loads import Stream
from rxpath.model.hashes import GOLDEN_RATIO_32

SVG: Any = {"svg.hashsalt": "lab 5", "svg.fonttype": "none"}
CPUS = 6
FIRST, LAST = 2, 40  # ifindexes


def draw(folder: Path) -> None:
    """Write timelines.svg and neighbours.svg into ``folder``."""
    _save(_timelines(), folder / "timelines.svg")
    _save(_neighbours(), folder / "neighbours.svg")


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context(SVG):
        figure.savefig(path, metadata={"Date": None})


def _timelines() -> Figure:
    """One flow: without steering, and with FALCON's pipelining."""
    assembly = Assembly("One UDP flow of 500,000 packets/s")
    load = Stream((500e3,), ms=1, warm_ms=0, paced=True, hashes=(7,))
    for system in (OVERLAY, BY_NAME["falcon-pipelining"]):
        assembly.add(from_virtual.recorded(system, load, 1, system.title), 2000)
    return drawing.draw(assembly.timeline)


def _neighbours() -> Figure:
    """Share of flows with two cores, for each pair of devices, with one multiplication."""
    flows = np.random.default_rng(1).integers(0, 1 << 32, 2000)
    devices = np.arange(FIRST, LAST + 1)
    sums = (flows[:, np.newaxis] + devices) & 0xFFFFFFFF
    chosen = (sums * GOLDEN_RATIO_32 & 0xFFFFFFFF) >> 16
    chosen %= CPUS
    apart = np.array(
        [[100 * (chosen[:, i] != chosen[:, j]).mean() for j in range(len(devices))]
         for i in range(len(devices))]
    )  # fmt: skip
    np.fill_diagonal(apart, np.nan)
    figure = Figure(figsize=(6.5, 5.2), layout="constrained")
    axes = figure.subplots()
    edges = (FIRST - 0.5, LAST + 0.5)
    image = axes.imshow(apart, origin="lower", extent=(*edges, *edges), vmin=0, vmax=100)
    figure.colorbar(image, label="flows whose two stages have two cores, %")
    axes.set(
        title=f"hash_32(hash + ifindex, 16) % {CPUS}: an even hash gives {1 - 1 / CPUS:.0%}",
        xlabel="ifindex of one device",
        ylabel="ifindex of the other",
    )
    return figure
