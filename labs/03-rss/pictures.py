"""The pictures of lab 3: what RSS does, drawn from the project's own hash and model."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.results import run
from rxpath.wire.toeplitz import KEY

BLUE, ORANGE, GREY, DARK = "#0072b2", "#d55e00", "0.6", "0.25"
FLOWS, QUEUES = 8, 8


def draw(folder: Path) -> None:
    """Write the pictures as SVG into a folder."""
    folder.mkdir(exist_ok=True)
    for name, figure in (("window", window()), ("path", path()), ("spread", spread())):
        with mpl.rc_context({"svg.hashsalt": "labs", "svg.fonttype": "none"}):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


def window() -> Figure:
    """The first bits of 66.9.149.187 under Microsoft's key, and the windows that are XORed."""
    bits = "".join(f"{octet:08b}" for octet in KEY)
    data = f"{66:08b}"
    figure = Figure(figsize=(9.5, 2.9))
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.96))
    axes.axis("off")
    axes.set(xlim=(-9, 41), ylim=(-4.4, 2.8))
    axes.text(-0.6, 2.2, "number of the bit", ha="right", va="center", fontsize=8, color=DARK)
    for place in (0, 1, 6, 7, 8, 16, 24, 32, 39):
        axes.text(place, 2.2, str(place), ha="center", va="center", fontsize=8, color=DARK)
    _row(axes, 1.2, "key, its first 40 bits", bits[:40], "black")
    _row(axes, 0.2, "input 66, its 8 bits", data, ORANGE)
    value, row = 0, -0.9
    for place, bit in enumerate(data):
        if bit == "1":
            value ^= int(bits[place : place + 32], 2)
            name = f"bit {place} is 1: key from {place} on"
            _row(axes, row, name, bits[place : place + 32], BLUE, place)
            row -= 0.9
    _row(axes, row - 0.2, "XOR of the two windows", f"{value:032b}", "black")
    return figure


def _row(axes: Axes, y: float, name: str, bits: str, colour: str, start: int = 0) -> None:
    axes.text(-0.6, y, name, ha="right", va="center", fontsize=8)
    for place, bit in enumerate(bits):
        at = start + place
        axes.text(
            at, y, bit, ha="center", va="center", fontsize=8, color=colour, family="monospace"
        )


def path() -> Figure:
    """From the packet to the core."""
    figure = Figure(figsize=(9.5, 1.5))
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.96))
    axes.axis("off")
    axes.set(xlim=(0, 10), ylim=(0, 1))
    steps = (
        "addresses\nand ports\n(12 bytes)",
        "Toeplitz hash\n(32 bits)",
        "low 7 bits:\na place, 0 to 127",
        "indirection table\n(128 entries)",
        "receive queue,\nits interrupt",
        "one core:\nevery softirq",
    )
    for number, text in enumerate(steps):
        x = 0.75 + 1.7 * number
        box = {"boxstyle": "round,pad=0.4", "fc": "white", "ec": BLUE}
        axes.text(x, 0.5, text, ha="center", va="center", fontsize=8, bbox=box)
        if number:
            arrow = {"arrowstyle": "->", "color": GREY}
            axes.annotate("", (x - 0.68, 0.5), (x - 1.02, 0.5), arrowprops=arrow)
    return figure


def spread() -> Figure:
    """Packets of each core: one flow, then eight, as the model of the NIC receives them."""
    figure = Figure(figsize=(9.5, 2.8), layout="constrained")
    one, eight = figure.subplots(1, 2, sharey=True)
    hashes = np.random.default_rng(5).integers(0, 2**32, FLOWS)
    for axes, count in ((one, 1), (eight, FLOWS)):
        packets = _packets(hashes[:count])
        axes.bar(range(QUEUES), packets, color=BLUE)
        title = "one flow" if count == 1 else f"{count} flows with the same number of packets"
        axes.set(title=f"{title}, {QUEUES} queues", xlabel="receive queue (one core each)")
        axes.set_xticks(range(QUEUES))
    one.set_ylabel("packets")
    return figure


def _packets(hashes: np.ndarray) -> list[int]:
    model = Model(Knobs.parse({"queues": QUEUES}), slots=8192, sockets=1, flows=FLOWS, records=True)
    owner = np.arange(4000) % len(hashes)
    trace = virtual.make_trace(
        2500 * np.arange(len(owner)),
        rss_hash=hashes[owner],
        flow=owner,
        chain=model.chain("tunnel"),
        wire_len=114,
    )
    first = run(model, trace).stages.cpu[:, 0]
    return [int((first == cpu).sum()) for cpu in model.knobs.irq_cpus[:QUEUES]]
