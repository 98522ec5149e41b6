"""A load: which flows send how, and how the emulated hosts are set meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import Flow
from falcon_ctl.traffic.schedule import Offsets


@dataclass(frozen=True)
class Load:
    """UDP flows (all to one machine) with a schedule each.

    `dilation`: wall ns per model ns while it runs. `knobs` are set on the hosts in addition to
    those of the system. `surge_at`: offset (ns) at which a surge begins.
    `saturates`: it exceeds the host's capacity, whose rate alone is then of interest.
    """

    name: str
    flows: Sequence[Flow]
    schedules: Sequence[Offsets]
    dilation: int
    payload_size: int = payload.SIZE  # the papers' packets have 16 bytes
    knobs: Mapping[str, Any] = field(default_factory=dict)
    surge_at: int = 0
    saturates: bool = False

    @property
    def frames(self) -> int:
        """How many frames are to be sent."""
        return sum(len(schedule) for schedule in self.schedules)


@dataclass(frozen=True)
class Stream:
    """A TCP connection that sends as fast as it may.

    `dilation`: as of `Load`, at the receiving machine. `window`: the most segments on their way.
    `ramp`: how many of them pass before its rate is measured; `size`: bytes of data in all.
    `timeout`: s.
    """

    name: str
    dilation: int
    window: int
    ramp: int
    size: int
    timeout: float
