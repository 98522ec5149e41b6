"""Draws the handout's pictures: the overlay, and 24 events of two recordings side by side."""

import re
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STAGES = {"l9nic": "#c44e52", "l9vxlan": "#55a868", "l9eth": "#4c72b0"}
EVENT = re.compile(r"\[(\d+)\].* (\d+\.\d+): netif_receive_skb: dev=(\S+) ")
RECORDINGS = Path(__file__).parent / "student/recordings"


def draw(folder: Path) -> None:
    """Write path.svg and stages.svg to `folder`; the same bytes each time."""
    with mpl.rc_context({"svg.hashsalt": "lab 9", "font.size": 10, "svg.fonttype": "none"}):
        for name, figure in (("path", path()), ("stages", stages())):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def path() -> Figure:
    """The three namespaces, their devices, and where RPS has a say."""
    figure = Figure(figsize=(9, 2.7))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 30)
    for left, width, name in ((1, 21, "l9-sender"), (29, 43, "l9-host"), (79, 20, "l9-container")):
        axes.add_patch(mpl.patches.Rectangle((left, 6), width, 19, fill=False, edgecolor="grey"))
        axes.text(left + 1, 26, name, color="dimgrey")
    boxes = {
        "l9vxlan\n10.99.0.1": (6.5, "white"),
        "l9wire": (17, "white"),
        "l9nic\nstage 1": (34, STAGES["l9nic"]),
        "l9vxlan\nstage 2": (45, STAGES["l9vxlan"]),
        "l9br": (56, "white"),
        "l9port": (66.5, "white"),
        "l9eth\nstage 3": (85, STAGES["l9eth"]),
    }
    for label, (middle, colour) in boxes.items():
        ink = "black" if colour == "white" else "white"
        box = {"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": "black"}
        axes.text(middle, 15.5, label, ha="center", va="center", color=ink, bbox=box)
    at = [middle for middle, _ in boxes.values()]
    for start, end in pairwise(at):
        axes.annotate("", (end - 4, 15.5), (start + 4, 15.5), arrowprops={"arrowstyle": "->"})
    axes.text(95.5, 15.5, "socket", ha="center", va="center")
    axes.annotate("", (92, 15.5), (89, 15.5), arrowprops={"arrowstyle": "->"})
    for middle in (34, 45, 85):
        axes.annotate("", (middle, 11.5), (middle, 4), arrowprops={"arrowstyle": "->"})
        axes.text(middle, 1.5, "rps_cpus", ha="center", family="monospace")
    return figure


def stages() -> Figure:
    """Which CPU processed which device, for the first packets of recordings 1 and 4."""
    figure = Figure(figsize=(9, 3.2))
    axes = figure.subplots(1, 2, sharey=True)
    for place, (number, title) in enumerate(((1, "1: no RPS"), (4, "4: masks 2, 1, 2"))):
        show(axes[place], (RECORDINGS / str(number) / "trace.txt").read_text())
        axes[place].set_title(f"recording {title}")
        axes[place].set_xlabel("event of the trace")
    axes[0].set_yticks([0, 1], ["CPU 0", "CPU 1"])
    axes[0].set_ylim(-0.6, 1.6)
    axes[1].legend(loc="upper right", ncols=3, fontsize=8)
    return figure


def show(axes: Axes, trace: str) -> None:
    """24 stages out of the middle of the run, in their order."""
    events = [(int(cpu), device) for cpu, _, device in EVENT.findall(trace) if device in STAGES]
    for device, colour in STAGES.items():
        at = [(place, cpu) for place, (cpu, other) in enumerate(events[30:54]) if other == device]
        axes.bar(
            [place for place, _ in at],
            [0.7] * len(at),
            bottom=[cpu - 0.35 for _, cpu in at],
            width=0.9,
            color=colour,
            hatch={"l9nic": "", "l9vxlan": "//", "l9eth": ".."}[device],
            edgecolor="white",
            label=device,
        )
