"""The main job's flows and loads for a topology, from a seed. Pure.

Rates are real frames/s; with a dilation d a real rate r is r * d packets/s of the model. They are
bounded by what two noisy cores send and receive on time, not by the model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from falcon_ctl.errors import UsageError
from falcon_ctl.traffic import schedule
from falcon_ctl.traffic.choice import Candidate
from falcon_ctl.traffic.flows import Endpoint, Flow
from falcon_ctl.traffic.load import Load, Stream
from topo.spec.model import Container, Topology

DILATION = 1000  # 1 ms of wall time is 1 µs of the model
STEADY_DILATION = 300  # more of the model's time, where a core's queue is to come to rest
STEADY_SHARE = 0.99  # of the overlay's capacity
MANY_SHARE = 0.75
SATURATING = 1.25  # of a system's own
FULL_RATE = 3000.0  # real frames/s that this computer sends and receives beside all else
STREAM_DILATION = 500  # the kernels' TCP waits for nothing but its window
FAST_LOAD = {"load_interval_ns": 20_000}  # 20 ms of wall time: the run lasts a second, not minutes
CANDIDATES, REPEATS = 32, 4
WINDOW = 256  # segments of a TCP connection: what saturates a core of every system, see `stream`
SEGMENT = 1400  # bytes of data in a segment, about
DISCOVERY_PORT, UDP_PORT, TCP_PORT = 9000, 9001, 9002
_SHORTEST = 1.0  # least seconds of a load on which a check depends
_SOURCE_PORTS = (30_031, 32_000)  # below the ephemeral range, and no protocol's by convention


@dataclass(frozen=True)
class Plan:
    """Loads of a run between two machines of `topology`: the first and the last if they can."""

    topology: Topology
    seed: int
    duration: float

    def __post_init__(self) -> None:
        """Check the duration and that there are flows. Raises `UsageError`."""
        if not 0.2 <= self.duration <= 60:
            raise UsageError("--duration", f"{self.duration:g} s", "0.2 to 60 s")
        if self._ends is None:
            raise UsageError(
                f"topology {self.topology.name}",
                "no tenant has containers on two machines",
                "two machines with containers of one tenant",
            )

    @cached_property
    def _ends(self) -> tuple[str, str] | None:
        """The first and the last machine, or else the first pair that shares a tenant."""
        names = [machine.name for machine in self.topology.machines]
        found = itertools.product(names, reversed(names))
        return next((ends for ends in found if self._between(*ends)), None)

    @property
    def source(self) -> str:
        """The machine that sends."""
        assert self._ends is not None
        return self._ends[0]

    @property
    def target(self) -> str:
        """The machine that receives."""
        assert self._ends is not None
        return self._ends[1]

    @property
    def pairs(self) -> list[tuple[Container, Container]]:
        """Containers of one tenant, on the source and on the target machine, each used once."""
        return self._between(self.source, self.target)

    def _between(self, source: str, target: str) -> list[tuple[Container, Container]]:
        targets = list(self.topology.containers_of(target)) if source != target else []
        found = []
        for one in self.topology.containers_of(source):
            other = next((t for t in targets if t.tenant == one.tenant), None)
            if other is not None:
                targets.remove(other)
                found.append((one, other))
        return found

    def candidates(self) -> list[Flow]:
        """Flows between the first pair, that differ in their source ports only."""
        return self._flows([self.pairs[0]] * CANDIDATES, DISCOVERY_PORT, "udp", 0)

    def discovery(self) -> Load:
        """A few frames of each candidate, one by one, far below any saturation."""
        rate = 400.0
        flows = self.candidates()
        offsets = schedule.constant(rate, len(flows) * REPEATS / rate)
        schedules = [offsets[index :: len(flows)] for index in range(len(flows))]
        return Load("discovery", flows, schedules, DILATION)

    def flood(self, flows: Sequence[Flow], dilation: int = DILATION) -> Load:
        """More of these flows than any core takes; to ask the model, not to be sent."""
        schedules = [schedule.constant(FULL_RATE / len(flows), 1.0) for _ in flows]
        return Load("flood", flows, schedules, dilation, saturates=True)

    def saturating(self, flow: Flow, capacity: float, cores: int = 1) -> Load:
        """One flow of more than a system's `capacity`, packets/s by the model.

        Not of much more: what waits when the last frame has come is worked off without interrupts.
        Where several `cores` share its stages they wait for each other unless much waits for them.
        """
        offsets = schedule.constant(FULL_RATE, 0.8 * self._judged)
        dilation = max(1, round(SATURATING * cores * capacity / FULL_RATE))
        return Load("saturating", [flow], [offsets], dilation, saturates=True)

    def steady(self, flow: Flow, capacity: float) -> Load:
        """One Poisson flow that saturates no core, though the overlay's comes close.

        `capacity`: packets/s that the overlay takes of a saturating flow, by the model. Where the
        overlay has room its latency is FALCON's, or better: a stage of its own costs interrupts.
        """
        rate = STEADY_SHARE * capacity / STEADY_DILATION
        offsets = schedule.poisson_of(rate, self._judged, self._rng(1))
        return Load("steady", [flow], [offsets], STEADY_DILATION)

    def many(self, capacity: float) -> Load:
        """A Poisson flow between each pair, of all tenants; `capacity`: as of `steady`.

        Each has a core's worth of the overlay nearly to itself, or where flows share a queue not.
        """
        flows = self._flows(self.pairs, UDP_PORT, "udp", 2)
        rng = self._rng(3)
        rate = min(MANY_SHARE * capacity / DILATION, FULL_RATE / len(flows))
        schedules = [schedule.poisson(rate, 0.8 * self.duration, rng) for _ in flows]
        return Load("many", flows, schedules, DILATION)

    def surge(self, surging: Candidate, other: Candidate, capacity: float) -> Load:
        """One of two flows that share a core grows until the core is over the threshold, and stays.

        It grows gradually and to less than the core's `capacity` (packets/s of both flows), so that
        the stage's move follows the load's passing the threshold and is not seen behind a full
        queue.
        """
        calm, growth, peak = (t * self._judged for t in (0.4, 1.0, 0.8))
        low, high, steady = (share * capacity / DILATION for share in (0.12, 0.50, 0.40))
        growing = schedule.follow(
            (schedule.constant(low, calm), calm),
            (schedule.ramp(low, high, growth), growth),
            (schedule.constant(high, peak), peak),
        )
        schedules = [growing, schedule.constant(steady, calm + growth + peak)]
        knobs: dict[str, Any] = {"falcon": dict(FAST_LOAD)}
        flows = [surging.flow, other.flow]
        return Load("surge", flows, schedules, DILATION, knobs=knobs, surge_at=_ns(calm))

    def overload(self, capacity: float) -> Load:
        """All flows surge, on two FALCON cores, and subside again.

        `capacity`: stages/s that a core takes, as of `surge`; a packet has one for each core.
        """
        flows = self._flows(self.pairs[:4], UDP_PORT, "udp", 4)
        # At rest the rate is low, so that queues that built up are soon worked off and the load is
        # below the threshold for long enough to see FALCON on again.
        shares = (0.24, 1.02, 0.13)
        low, high, rest_rate = (share * capacity / DILATION / len(flows) for share in shares)
        calm, growth, peak, rest = (t * self._judged for t in (0.4, 0.6, 0.2, 1.2))
        one = schedule.follow(
            (schedule.constant(low, calm), calm),
            (schedule.ramp(low, high, growth), growth),
            (schedule.constant(high, peak), peak),
            (schedule.constant(rest_rate, rest), rest),
        )
        knobs = {"falcon": {**FAST_LOAD, "cpus": [0, 2]}}
        return Load(
            "overload", flows, [one] * len(flows), DILATION, knobs=knobs, surge_at=_ns(calm)
        )

    def tcp_candidates(self) -> list[Flow]:
        """Flows between the first pair, that differ in their source ports only."""
        return self._flows([self.pairs[0]] * CANDIDATES, TCP_PORT, "tcp", 6)

    def stream(self) -> Stream:
        """A connection whose window keeps a core of every system busy, once it is open.

        Behind two windows TCP's slow start is over.
        """
        segments = 2 * WINDOW + int(1200 * self._judged)
        return Stream("stream", STREAM_DILATION, WINDOW, 2 * WINDOW, segments * SEGMENT, 15.0)

    def train(self) -> Flow:
        """The flow of Scapy-made segments."""
        return self._flows(self.pairs[:1], TCP_PORT - 100, "tcp", 5)[0]

    @property
    def _judged(self) -> float:
        """Seconds of a load on which a check depends: a short one would prove nothing."""
        return max(self.duration, _SHORTEST)

    def _flows(
        self, pairs: list[tuple[Container, Container]], port: int, proto: str, salt: int
    ) -> list[Flow]:
        """Flows with distinct random source ports."""
        ports = self._rng(salt).choice(np.arange(*_SOURCE_PORTS), len(pairs), replace=False)
        return [
            Flow(0, _endpoint(source), _endpoint(target), int(number), port, proto)
            for (source, target), number in zip(pairs, ports, strict=True)
        ]

    def _rng(self, salt: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, salt])


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _endpoint(container: Container) -> Endpoint:
    return Endpoint(container.name, container.mac, str(container.ip))
