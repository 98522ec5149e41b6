"""The flows of one run: how many, between which containers, at which rate. Pure, validated."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from falcon_ctl.errors import UsageError
from topo.spec.model import Topology

PROTOCOLS = ("udp", "tcp")
MOST_FLOWS, MOST_RATE, MOST_MS, MOST_WINDOW = 64, 1e8, 1000, 4096
SMALLEST, LARGEST = 64, 1514


@dataclass(frozen=True)
class Flows:
    """The flows of one run between two containers. Raises UsageError when they are none.

    Attributes:
        source: container that sends, and
        target: container that receives.
        count: how many flows, which differ in their source ports.
        proto: "udp" or "tcp".
        rate: packets/s of model time of each UDP flow; a TCP flow sends as its window allows.
        ms: how long they send, milliseconds of model time.
        size: bytes of a UDP frame without its tunnel.
        poisson: UDP packets come by a Poisson process instead of at fixed intervals.
        window: segments that each TCP flow may have on the way.
        seed: decides arrivals and ports.
    """

    source: str
    target: str
    count: int = 1
    proto: str = "udp"
    rate: float = 900e3
    ms: int = 5
    size: int = SMALLEST
    poisson: bool = False
    window: int = 256
    seed: int = 1

    def __post_init__(self) -> None:
        """Check it."""
        if self.proto not in PROTOCOLS:
            raise UsageError("proto", repr(self.proto), " or ".join(PROTOCOLS))
        _within("flows", self.count, 1, MOST_FLOWS)
        _within("rate", self.rate, 1, MOST_RATE, "packets/s of model time")
        _within("ms", self.ms, 1, MOST_MS, "milliseconds of model time")
        _within("size", self.size, SMALLEST, LARGEST, "bytes of a frame without its tunnel")
        _within("window", self.window, 1, MOST_WINDOW, "segments")
        _within("seed", self.seed, 0, 2**32)

    @property
    def label(self) -> str:
        """For tables and pictures: what is sent."""
        flows = "" if self.count == 1 else f"{self.count} x "
        return f"{flows}{self.proto}" + (
            f" {self.rate / 1000:g} kpps" if self.proto == "udp" else f" window {self.window}"
        )


def _within(key: str, value: float, low: float, high: float, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise UsageError(key, repr(value), f"a number, {low:g} to {high:g} {unit}".rstrip())
    if not low <= value <= high:
        raise UsageError(key, f"{value:g}", f"{low:g} to {high:g} {unit}".rstrip())


def ends(topology: Topology, source: str | None, target: str | None) -> tuple[str, str]:
    """Names of the containers at the flows' ends.

    Where one is not given it is the first container (of `topology`'s order) of the same tenant on
    another machine.

    Raises:
        UsageError: there is no such container, or the two cannot send to each other.
    """
    containers = {one.name: one for one in topology.containers}
    for key, name in (("source", source), ("target", target)):
        if name is not None and name not in containers:
            raise UsageError(key, repr(name), f"a container: {', '.join(containers)}")
    pairs = itertools.product(
        [source] if source else containers, [target] if target else containers
    )
    for one, other in pairs:
        a, b = containers[one], containers[other]
        if a.tenant == b.tenant and a.machine != b.machine:
            return one, other
    raise UsageError(
        f"topology {topology.name}",
        f"no flow from {source or 'any container'} to {target or 'any container'}",
        "two containers of one tenant on two machines",
    )
