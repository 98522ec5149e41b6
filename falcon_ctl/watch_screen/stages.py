"""The stages of the receive path as the screen shows them: a letter, a style, a name. Pure.

The letter stands in every cell of a bar, so that nothing depends on colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from falcon_ctl.watch_screen.spans import Row, Span


class Stage(NamedTuple):
    """How a stage is shown; `style` is a key of `styles.STYLES`."""

    letter: str
    style: str
    title: str


# Kinds of `falcon_ctl.steering.observation`, in the order in which a packet comes to them, which is
# the order in a bar; then what belongs to no stage.
STAGES: Mapping[str, Stage] = {
    "napi": Stage("N", "napi", "NIC"),
    "poll": Stage("P", "napi", "polling"),
    "split": Stage("G", "split", "GRO, split off"),
    "rps": Stage("R", "rps", "stack, by RPS"),
    "defrag": Stage("D", "rps", "reassembly"),
    "gro_cell": Stage("X", "gro_cell", "VXLAN"),
    "backlog": Stage("V", "backlog", "veth"),
    "socket": Stage("S", "socket", "socket"),
    "hardirq": Stage("I", "other", "interrupt"),
    "ipi": Stage("i", "other", "IPI"),
    "softirq": Stage("o", "other", "softirq overhead"),
    "spin": Stage("p", "other", "polling in vain"),
    "": Stage("?", "other", "other"),
}
ALWAYS = ("napi", "gro_cell", "backlog", "socket")  # in the legend, seen or not


def stage(name: str) -> Stage:
    """How the stage of that name is shown."""
    return STAGES.get(name, STAGES[""])


def legend(seen: set[str]) -> list[Row]:
    """A part for each stage that is usual or was seen: `N NIC`."""
    shown = [one for name, one in STAGES.items() if name in ALWAYS or name in seen]
    return [(Span(one.letter, one.style), Span(f" {one.title}")) for one in shown]
