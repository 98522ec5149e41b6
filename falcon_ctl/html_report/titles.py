"""Titles of systems and stages, for readers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from falcon_ctl.systems.catalogue import BY_NAME


class Stage(NamedTuple):
    """A kind of stage: its letter, which also stands where there is no colour, and its title."""

    letter: str
    title: str


# In the order in which a packet meets them; colours and patterns are in the style sheet.
STAGES: Mapping[str, Stage] = {
    "napi": Stage("N", "NIC: driver, GRO"),
    "split": Stage("G", "GRO, split off"),
    "rps": Stage("R", "stack, on RPS's core"),
    "gro_cell": Stage("V", "VXLAN device, bridge"),
    "backlog": Stage("B", "veth, container's stack"),
    "socket": Stage("A", "application"),
    "poll": Stage("P", "polling core: all of it"),
    "defrag": Stage("D", "IP reassembly"),
}


def of_system(name: str) -> str:
    """Title of a system; a custom one has no other than its name."""
    return BY_NAME[name].title if name in BY_NAME else name


def in_order(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    """A core's stages in the order in which a packet meets them."""
    order = list(STAGES)
    return sorted(shares.items(), key=lambda one: order.index(one[0]) if one[0] in order else 99)


def of_stage(kind: str) -> Stage:
    """Letter and title of a stage; of one that later versions may add, its name."""
    return STAGES.get(kind, Stage(kind[:1].upper(), kind))
