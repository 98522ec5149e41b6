"""The site's pictures, each drawn from a topology or from a run of the model."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from falcon_ctl import lab
from falcon_ctl.figures import core_plots, evaluate, plots
from falcon_ctl.figures.experiments import BY_FIGURE, TALK
from falcon_ctl.systems.catalogue import FALCON, HOST, OVERLAY
from falcon_ctl.systems.system import System
from falcon_ctl.timeline.kinds import STAGES
from falcon_ctl.virtual.measure import Stream, senders
from rxpath import results
from topo.spec.sources import load

KINDS = {"switch": "#0072b2", "machine": "#e69f00", "container": "#009e73"}
_HEIGHTS = {"switch": 2, "machine": 1, "container": 0}
_SPINES = 3  # a switch that no machine is linked to
# The papers have RPS on everywhere; what FALCON does is easier to see without.
WITHOUT_RPS = dict(zip(TALK, (HOST, OVERLAY, FALCON), strict=True))
RATE = 900e3  # packets/s, what one sending core gives
_FRAME = 100  # which frame's path is drawn: the host is no longer idle


def drawn() -> dict[str, bytes]:
    """The pictures: path in docs/ → SVG."""
    with mpl.rc_context({"svg.hashsalt": "falcon-testbed", "svg.fonttype": "path"}):
        figures = {
            "timelines": core_plots.draw_timelines(WITHOUT_RPS),
            "frame": frame_path(),
            "figure-2": figure(2),
            "lab": notebook(),
            "topology-pair": topology("pair"),
            "topology-leafspine": topology("leafspine"),
            "what-runs": what_runs(),
        }
        return {f"img/{name}.svg": svg(made) for name, made in figures.items()}


def svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes each time."""
    found = io.BytesIO()
    figure.savefig(found, format="svg", bbox_inches="tight", metadata={"Date": None})
    return found.getvalue()


def figure(number: int) -> Figure:
    """One of the talk's figures, with one seed."""
    return plots.draw(number, evaluate.run_all([BY_FIGURE[number]], seeds=1))


def notebook() -> Figure:
    """What the ten lines of `falcon_ctl.lab` show."""
    with lab.up("pair", clock="virtual") as net:
        for system in ("overlay", "falcon-pipelining", "falcon"):
            net.use(system).send(rate=900e3, ms=5)
        return net.figure()


def frame_path() -> Figure:
    """One frame's way through the receiving host: where it waited, which core ran which stage."""
    made = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, system in zip(made.subplots(2, 1, sharex=True), (OVERLAY, FALCON), strict=True):
        _path(axes, system)
    axes.set_xlabel("µs since the NIC received the frame")
    shown = [STAGES[kind] for kind in ("napi", "gro_cell", "backlog", "socket")]
    handles = [Patch(color=kind.colour, label=kind.title) for kind in shown]
    handles.append(Patch(facecolor="none", edgecolor="0.6", hatch="///", label="waits"))
    made.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize="small")
    return made


def _path(axes: Axes, system: System) -> None:
    model, trace = senders(system, Stream((RATE,), ms=1, warm_ms=0), 1, records=True)
    frames = results.run(model, trace)
    stages, hops = frames.stages, int(frames.hops[_FRAME])
    start = int(frames.arrival[_FRAME])
    for hop in range(hops):
        queued, began, ended = (
            (int(column[_FRAME, hop]) - start) / 1000
            for column in (stages.enqueue, stages.start, stages.end)
        )
        lane = hops - hop
        colour = STAGES[str(stages.kind[_FRAME, hop])].colour
        axes.barh(lane, began - queued, 0.6, queued, color="none", edgecolor="0.6", hatch="///")
        axes.barh(lane, ended - began, 0.6, began, color=colour)
        note = f"CPU {stages.cpu[_FRAME, hop]}"
        axes.annotate(note, (ended, lane), (4, 0), textcoords="offset points", va="center")
    names = [STAGES[str(kind)][0] for kind in stages.kind[_FRAME, :hops]]
    axes.set_yticks(range(hops, 0, -1), names)
    axes.set_title(system.title, fontsize="medium")
    axes.margins(x=0.12)


def topology(source: str) -> Figure:
    """A built-in topology: switches above machines above containers."""
    spec = load(source)
    graph = spec.graph()
    rows: dict[int, list[str]] = {}
    for name, kind in graph.nodes(data="kind"):
        spine = kind == "switch" and not any(
            graph.nodes[other]["kind"] == "machine" for other in graph[name]
        )
        rows.setdefault(_SPINES if spine else _HEIGHTS[kind], []).append(name)
    wide = max(map(len, rows.values()))
    places = {
        name: ((place + 0.5) * wide / len(names), height)
        for height, names in rows.items()
        for place, name in enumerate(names)
    }
    made = Figure(figsize=(max(6, 0.85 * wide), 1 + len(rows)), layout="constrained")
    axes = made.subplots()
    nx.draw_networkx_edges(graph, places, ax=axes, edge_color="0.6")
    for kind, colour in KINDS.items():
        nodes = [name for name, of in graph.nodes(data="kind") if of == kind]
        _boxes(axes, {name: places[name] for name in nodes}, colour)
    handles = [Patch(color=colour, label=kind) for kind, colour in KINDS.items()]
    axes.legend(handles=handles, loc="upper right", fontsize="small", frameon=False)
    axes.set_axis_off()
    axes.set_title(f"{spec.name}: {', '.join(f'{t.name} is VNI {t.vni}' for t in spec.tenants)}")
    return made


def _boxes(axes: Axes, places: Mapping[str, tuple[float, float]], colour: str) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "none"}
    for name, (x, y) in places.items():
        axes.text(x, y, name, ha="center", va="center", color="white", fontsize=8, bbox=box)


def what_runs() -> Figure:
    """Which programs run where, and by which sockets they talk."""
    made = Figure(figsize=(9, 4.2), layout="constrained")
    axes = made.subplots()
    axes.set(xlim=(0, 12), ylim=(0, 6))
    axes.set_axis_off()
    _frame(axes, (0.1, 2.2, 2.6, 1.6), "your shell")
    _frame(axes, (3.6, 0.1, 8.3, 5.7), "namespaces of the daemon")
    frames: Sequence[tuple[Any, str]] = (
        ((6.9, 2.2, 2.0, 1.6), "switch s1"),
        ((4.6, 0.4, 2.9, 1.4), "machine m1"),
        ((8.4, 0.4, 2.9, 1.4), "machine m2"),
    )
    for frame, name in frames:
        _frame(axes, frame, name)
    places = {
        "python -m falcon_ctl": (1.4, 2.8),
        "topo daemon (pid 1)": (5.6, 4.9),
        "v1switch or\nsimple_switch_grpc": (7.9, 2.75),
        "rxpath m1": (5.5, 0.9),
        "rxpath m2": (9.3, 0.9),
        "red1-1 …": (6.9, 0.9),
        "red2-1 …": (10.7, 0.9),
    }
    links = {
        ("python -m falcon_ctl", "topo daemon (pid 1)"): "topo.sock",
        ("python -m falcon_ctl", "v1switch or\nsimple_switch_grpc"): "P4Runtime",
        ("python -m falcon_ctl", "rxpath m1"): "rx-m1.sock",
        ("v1switch or\nsimple_switch_grpc", "rxpath m1"): "",
        ("v1switch or\nsimple_switch_grpc", "rxpath m2"): "",
        ("rxpath m1", "red1-1 …"): "",
        ("rxpath m2", "red2-1 …"): "",
    }
    for (one, other), label in links.items():
        (x, y), (u, v) = places[one], places[other]
        axes.plot([x, u], [y, v], color="0.6", zorder=1, linestyle="--" if label else "-")
        if label:
            axes.text((x + u) / 2, (y + v) / 2 + 0.1, label, fontsize=7, ha="center", color="0.3")
    _boxes(axes, places, "#0072b2")
    return made


def _frame(axes: Axes, place: tuple[float, float, float, float], name: str) -> None:
    x, y, width, height = place
    style = {"boxstyle": "round,pad=0.02", "facecolor": "none", "edgecolor": "0.5"}
    axes.add_patch(FancyBboxPatch((x, y), width, height, **style))
    axes.text(x + 0.1, y + height - 0.08, name, va="top", fontsize=8, color="0.3")
