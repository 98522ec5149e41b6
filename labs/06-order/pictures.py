"""The pictures of lab 6: what each way does to a flow that moves, and what order costs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

HERE = Path(__file__).parent
SVG: Any = {"svg.hashsalt": "lab 6", "svg.fonttype": "none"}
COLOURS = ("#0072b2", "#e69f00", "#009e73")
WINDOW_US = (100, 320)
LOAD = {"seed": 7, "share": 85, "moves": 40}


def draw(folder: Path) -> None:
    """Write order.svg and price.svg into ``folder``."""
    _save(_order(), folder / "order.svg")
    _save(_price(), folder / "price.svg")


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context(SVG):
        figure.savefig(path, metadata={"Date": None})


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"labs_06_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _order() -> Figure:
    """Numbers of the moving flow's packets as they are finished, by the core that did it."""
    cores, guard = _module(HERE / "student/cores.py"), _module(HERE / "reference/guard.py")
    nothing = lambda core, heads, tails: None  # noqa: E731  # as short as it is
    table: dict[str, dict[Any, Any]] = {"rfs": {}, "handover": {}}
    ways: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "no guard": (lambda flow, wanted, heads, tails: (wanted, False), nothing),
        "RFS's rule": (lambda *asked: (guard.rfs(table["rfs"], *asked), False), nothing),
        "hand-over": (
            lambda *asked: guard.handover(table["handover"], *asked),
            lambda *asked: guard.release(table["handover"], *asked),
        ),
    }
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    panels = figure.subplots(1, len(ways), sharex=True, sharey=True)
    for axes, (name, (arrive, release)) in zip(panels, ways.items(), strict=True):
        outcome = cores.run(*cores.load(**LOAD), arrive, release)
        mine = [packet for packet in outcome.arrived if packet.flow == 0]
        for core, colour in enumerate(COLOURS):
            done = [packet for packet in mine if packet.core == core]
            times = [packet.done / 1000 for packet in done]
            axes.plot(times, [packet.number for packet in done], ".", ms=3, color=colour)
        axes.set(title=name, xlabel="finished at, µs", xlim=WINDOW_US)
    shown = [p.number for p in mine if WINDOW_US[0] <= p.done / 1000 <= WINDOW_US[1]]
    panels[0].set(ylabel="number of the packet", ylim=(min(shown) - 20, max(shown) + 60))
    panels[0].legend([f"core {core}" for core in range(3)], fontsize="small")
    return figure


def _price() -> Figure:
    """FALCON's three ways under one load of ten flows on six cores."""
    price = _module(HERE / "student/price.py")
    found = price.found({"price_rate": 235_000, "price_seed": 1})
    names = ["no guard", "RFS's rule", "hand-over"]
    columns = {
        "1000 packets/s": [one.pps / 1000 for one in found.values()],
        "reordered, % of the packets": [
            100 * one.reordered / one.delivered for one in found.values()
        ],
        "held, % of the packets": [100 * one.held / one.delivered for one in found.values()],
    }
    figure = Figure(figsize=(9.5, 2.8), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, 3), columns.items(), strict=True):
        bars = axes.bar(names, values, color="#777777")  # no core's colour: it is all of them
        axes.bar_label(bars, fmt="%.0f" if max(values) > 100 else "%.1f", fontsize="small")
        axes.set_title(title, fontsize="medium")
        axes.margins(y=0.12)
    return figure
