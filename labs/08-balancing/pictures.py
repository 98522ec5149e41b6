"""The pictures of lab 8: four loads, and where the stages of the flows run."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.lines
import numpy as np
from matplotlib.figure import Figure

from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import FALCON, OVERLAY, SPLITTING
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import measure, senders
from rxpath import results
from rxpath.policies import custom as policies

HERE = Path(__file__).parent
SVG: Any = {"svg.hashsalt": "lab 8", "svg.fonttype": "none"}
CORES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
COLOURS = ("#999999", "#56b4e9", "#0072b2", "#d55e00")
SEED = 6
POINTS = 70  # of a stage


def draw(folder: Path) -> None:
    """Write loads.svg and moves.svg into ``folder``."""
    _save(_loads(), folder / "loads.svg")
    _save(_moves(), folder / "moves.svg")


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context(SVG):
        figure.savefig(path, metadata={"Date": None})


def _given() -> dict[str, Any]:
    """The loads of trial.py."""
    spec = importlib.util.spec_from_file_location("labs_08_trial", HERE / "trial.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.LOADS
    return found


def _own() -> System:
    path = HERE / "reference" / "balance.py"
    return custom.of_policy(policies.from_source("balance.py", "balance", path.read_text()))


def _systems() -> dict[str, System]:
    return {
        "no steering": OVERLAY,
        "hash alone": replace(SPLITTING, order="handover"),
        "two choices, switched off": FALCON,
        "a solution of this lab": _own(),
    }


def _loads() -> Figure:
    """Rates of four systems under the four loads, over that of the overlay."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    loads, systems = _given(), _systems()
    base = {name: measure(OVERLAY, load, SEED).pps for name, load in loads.items()}
    for place, ((title, system), colour) in enumerate(zip(systems.items(), COLOURS, strict=True)):
        values = [
            1.0 if system is OVERLAY else measure(system, load, SEED).pps / base[name]
            for name, load in loads.items()
        ]
        axes.bar(np.arange(len(loads)) + 0.2 * place - 0.3, values, 0.2, color=colour, label=title)
    axes.set_xticks(range(len(loads)), list(loads))
    axes.axhline(1, color="0.3", linewidth=0.8)
    axes.set(ylabel="packets/s, no steering = 1")
    axes.legend(fontsize="small", loc="upper right")
    axes.margins(y=0.25)
    return figure


def _moves() -> Figure:
    """The core of each steered stage, by time."""
    load = _given()["surge"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (title, system) in zip(panels, list(_systems().items())[2:], strict=True):
        for row, (times, cores) in enumerate(_stages(system, load)):
            colours = [CORES[core] for core in cores]
            axes.scatter(times, [row] * len(times), 8, colours, marker="|")
        axes.axvline(load.warm_ms, color="0.2", linewidth=0.8)
        axes.set(title=title, xlabel="ms (line: flow 0 surges)")
    names = [f"flow {flow}, {device}" for flow in range(6) for device in ("VXLAN", "veth")]
    panels[0].set_yticks(range(len(names)), names, fontsize="small")
    panels[0].invert_yaxis()
    handles = [mpl.lines.Line2D([], [], color=colour, lw=4) for colour in CORES]
    figure.legend(handles, [f"core {core}" for core in range(6)], loc="outside right upper")
    return figure


def _stages(system: System, load: Any) -> list[tuple[Any, Any]]:
    """Times and cores of some of the packets, for each flow and steered stage."""
    model, trace = senders(system, load, SEED, records=True)
    frames = results.run(model, trace)
    found = []
    for flow in range(6):
        for kind in ("gro_cell", "backlog"):
            wanted = (frames.stages.kind == kind) & (frames.flow == flow)[:, np.newaxis]
            times, cores = frames.stages.start[wanted] / 1e6, frames.stages.cpu[wanted]
            order = np.argsort(times, kind="stable")
            order = order[np.linspace(0, len(order) - 1, POINTS).astype(np.int64)]
            found.append((times[order], cores[order]))
    return found
