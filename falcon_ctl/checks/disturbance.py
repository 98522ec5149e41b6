"""Detects interference with a measured run: other load, foreign frames, link flaps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Ends of the names of places where this computer, not the emulated network, lost frames.
KERNEL_PLACES = (" socket", " veth", "afpacket", "unaccounted")
_FOREIGN_SHARE, _FOREIGN_FEW = 0.01, 16  # ARP and neighbour discovery are no disturbance
_OTHER_SHARE, _WAIT_SHARE = 0.25, 0.05


class CpuUse(NamedTuple):
    """What this computer's CPUs did during a run, seconds of CPU time.

    `other`: for processes that are no part of the run; `waited`: for how long parts of the run were
    ready and had no CPU; `wall`: how long the run took; `cpus`: how many there are.
    """

    other: float
    waited: float
    wall: float
    cpus: int


def losses(drops: Mapping[str, int]) -> str:
    """Frames that this computer lost, by place; "" when there were none."""
    found = {place: n for place, n in drops.items() if place.endswith(KERNEL_PLACES)}
    return ", ".join(f"{count} frames lost at {place}" for place, count in sorted(found.items()))


def foreign(ours: int, others: int) -> str:
    """Frames at the receiving host that are not the run's; "" when they are few."""
    if others <= max(_FOREIGN_FEW, _FOREIGN_SHARE * ours):
        return ""
    return f"{others} foreign frames beside {ours} of the run"


def flaps(links: Sequence[str]) -> str:
    """Links that went down or came up during the run; "" when none did."""
    return f"links changed: {', '.join(links)}" if links else ""


def other_load(use: CpuUse) -> str:
    """Another load that the run's parts had to wait for; "" when there was none.

    Either alone is harmless: a busy computer with a CPU to spare, or parts of the run that wait
    for each other.
    """
    wall = max(use.wall, 1e-9)
    share, waited = use.other / (wall * use.cpus), use.waited / wall
    if share < _OTHER_SHARE or waited < _WAIT_SHARE:
        return ""
    return (
        f"another load took {100 * share:.0f} % of {use.cpus} CPUs, "
        f"and the run waited {100 * waited:.0f} % of the time for one"
    )
