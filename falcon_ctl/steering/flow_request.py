"""One flow that a user asks for: who, to whom, how much, how fast. Pure.

Rates and durations are those of the wall clock, which are the same frames to the sending computer
whatever the dilation is. With a dilation d, a rate r is r * d packets/s of the model, and t seconds
are t / d seconds of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from falcon_ctl.errors import UsageError
from falcon_ctl.traffic import payload, schedule
from falcon_ctl.traffic.schedule import Offsets
from topo.spec.model import Container, Topology

MOST_RATE = 8000.0  # real frames/s that one Python thread sends on time
LONGEST = 86_400.0  # s
DATAGRAM = 1472  # bytes of data in an IPv4 packet of 1500, without fragments
MOST_MESSAGE = 1 << 20
FIRST_PORT, PORTS = 9100, 100  # where receivers listen
_SOURCE_PORTS = (30_031, 32_000)  # below the ephemeral range, as of the main job
_SURGE = 4.0  # times the rate
_CHUNK = 1.0  # s of a schedule that are made at a time


@dataclass(frozen=True)
class FlowRequest:
    """A flow from the container `source` to the container `target`.

    Attributes:
        proto: "udp", or "tcp": one connection of the containers' kernels.
        rate: messages a second of wall time; 0 with TCP: as many as the connection takes.
        size: bytes of a message: UDP's data, or what the application writes to TCP at a time.
        seconds: for how long, wall time.
        poisson: the gaps are exponential instead of equal.
        surge: the rate is `peak` for the middle third of the time.
        peak: messages a second; 0: four times the rate.
        seed: decides the ports, arrivals and contents.
        source_port, port: of the flow; 0: chosen.
    """

    source: str
    target: str
    proto: str = "udp"
    rate: float = 1000.0
    size: int = 64
    seconds: float = 10.0
    poisson: bool = False
    surge: bool = False
    peak: float = 0.0
    seed: int = 1
    source_port: int = 0
    port: int = 0

    def verify(self, topology: Topology) -> None:
        """Check it against a network.

        Raises:
            UsageError: what is wrong with it.
        """
        source, target = (_container(topology, name) for name in (self.source, self.target))
        if source.tenant != target.tenant:
            what = f"{source.name} is {source.tenant}'s and {target.name} is {target.tenant}'s"
            raise UsageError("flow", what, "two containers of one tenant")
        if source.machine == target.machine:
            what = f"{source.name} and {target.name} are both on {source.machine}"
            expected = "containers of two machines: within one, no receive path is passed"
            raise UsageError("flow", what, expected)
        if self.proto not in ("udp", "tcp"):
            raise UsageError("--proto", self.proto, "udp or tcp")
        self._verify_numbers()

    def _verify_numbers(self) -> None:
        least = 0.0 if self.proto == "tcp" else 0.001
        for option, rate in (("--rate", self.rate), ("--peak", self.peak or self.rate)):
            if not least <= rate <= MOST_RATE:
                expected = f"{least:g} to {MOST_RATE:g} a second of wall time"
                hint = "; a higher dilation makes it more packets/s of the model"
                raise UsageError(option, f"{rate:g}", expected + hint * (rate > MOST_RATE))
        if not 0.1 <= self.seconds <= LONGEST:
            raise UsageError("--duration", f"{self.seconds:g} s", f"0.1 to {LONGEST:g} s")
        smallest, largest = (payload.SIZE, DATAGRAM) if self.proto == "udp" else (1, MOST_MESSAGE)
        if not smallest <= self.size <= largest:
            raise UsageError("--size", str(self.size), f"{smallest} to {largest} bytes")
        for option, port in (("--source-port", self.source_port), ("--port", self.port)):
            if not 0 <= port < 1 << 16:
                raise UsageError(option, str(port), "a port, 1 to 65535")
        if self.surge and self.proto == "tcp" and not self.rate:
            raise UsageError("--surge", "without --rate", "a rate that surges")

    @property
    def from_port(self) -> int:
        """The source port."""
        rng = np.random.default_rng([self.seed, 0])
        return self.source_port or int(rng.integers(*_SOURCE_PORTS))

    @property
    def ports(self) -> list[int]:
        """Ports to listen on, of which the first that is free is taken."""
        return [self.port] if self.port else [FIRST_PORT + i for i in range(PORTS)]

    @property
    def phases(self) -> list[tuple[float, float]]:
        """Rates, and for how many seconds each."""
        if not self.surge:
            return [(self.rate, self.seconds)]
        third = self.seconds / 3
        return [(self.rate, third), (self.peak or _SURGE * self.rate, third), (self.rate, third)]

    def schedule(self) -> Iterator[Offsets]:
        """When messages are due, ns from the start: arrays of a second or so each."""
        rng = np.random.default_rng([self.seed, 1])
        start = 0.0
        for rate, seconds in self.phases:
            chunk = max(_CHUNK, 10 / rate)
            count = max(1, round(seconds / chunk))
            for number in range(count):
                length = seconds / count
                found = schedule.constant(rate, length)
                if self.poisson:
                    found = schedule.poisson(rate, length, rng)
                yield found + round(1e9 * (start + number * length))
            start += seconds

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> FlowRequest:
        """The inverse of `to_json`; what is absent has its default.

        Raises:
            UsageError: it is none.
        """
        known = {f.name: f.default for f in fields(cls)}
        for key, value in raw.items():
            if key not in known:
                raise UsageError("flow", key, f"keys of {', '.join(known)}")
            like = known[key] if key not in ("source", "target") else ""
            numbers = isinstance(like, float) and type(value) in (int, float)
            if type(value) is not type(like) and not numbers:
                raise UsageError(f"flow.{key}", repr(value), f"such as {like!r}")
        try:
            return cls(**raw)
        except TypeError as error:
            raise UsageError("flow", str(error), "a source and a target") from error


def _container(topology: Topology, name: str) -> Container:
    found = next((one for one in topology.containers if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in topology.containers)
        raise UsageError("flow", f"no container {name!r}", f"one of {names}")
    return found
