"""The result of one flow, as plain values and as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import Work

_FULL = ("rx_missed", "gro_cell", "cpu_backlog", "socket_rcvbuff")  # drops where a queue is full
QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True)
class Latency:
    """Latencies of delivered frames, from the NIC to the application, model ns.

    Percentiles are upper bounds of histogram buckets, up to 3 % too high; mean and max are exact.
    """

    mean: float
    max: int
    percentiles: Mapping[str, int]

    @classmethod
    def of(cls, bounds: Sequence[int], counts: Sequence[int], total: int, most: int) -> Latency:
        """From a histogram (`bounds`: largest latency of a bucket), the sum, and the largest."""
        frames, seen = sum(counts), 0
        found: dict[str, int] = {}
        for bound, count in sorted(zip(bounds, counts, strict=True)):
            seen += count
            for name, share in QUANTILES.items():
                if name not in found and seen >= share * frames:
                    found[name] = min(bound, most)
        return cls(total / frames if frames else 0.0, most, found)


@dataclass(frozen=True)
class Stage:
    """Where a stage of the flow ran: the CPUs, in the order in which they were seen."""

    work: Work
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class FlowProgress:
    """A flow that is under way: wall seconds, frames, and the host's latencies so far."""

    seconds: float
    sent: int
    received: int
    lost: int
    reordered: int
    pps: float
    latency: Latency | None
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class FlowReport:
    """What became of a flow.

    Attributes:
        request: what was asked for.
        host: the receiving machine.
        source_port, port: of the flow.
        runs: what the host ran at the end.
        dilation: ns of wall time for a ns of the model, at the end.
        sent: messages (UDP) or bytes (TCP) that the sender's kernel took.
        received: of those that the application got.
        intact: UDP: no datagram twice or with another's content; TCP: byte for byte.
        arrived, delivered: frames at the host's NIC, and those that passed its receive path.
        lost: frames by the place where they were lost; with TCP the kernels sent them again.
        reordered: messages that the application got late (RFC 4737); with TCP: frames at the host.
        retransmitted: segments, as the sending kernel counts them; 0 for UDP.
        wall_seconds, model_seconds: from the first to the last delivered frame.
        latency: of the host, None when nothing was delivered.
        stages: where each stage ran.
        moves: how often a stage changed its CPU.
        late: why rates are too low: the sender was late; "" when it was not.
        stopped: the flow was stopped before its end.
        hint: what to do when nothing arrives.
    """

    request: FlowRequest
    host: str
    source_port: int
    port: int
    runs: Choice
    dilation: int
    sent: int
    received: int
    intact: bool
    arrived: int
    delivered: int
    lost: Mapping[str, int]
    reordered: int
    retransmitted: int
    wall_seconds: float
    model_seconds: float
    latency: Latency | None
    stages: tuple[Stage, ...] = field(default=())
    moves: int = 0
    late: str = ""
    stopped: bool = False
    hint: str = ""

    @property
    def wall_pps(self) -> float:
        """Delivered frames a second of wall time."""
        return _rate(self.delivered, self.wall_seconds)

    @property
    def model_pps(self) -> float:
        """Delivered frames a second of model time."""
        return _rate(self.delivered, self.model_seconds)

    @property
    def _rates(self) -> str:
        model = f"{self.model_pps:,.0f} packets/s of the model"
        return f"{self.wall_pps:,.0f} frames/s of wall time = {model} (dilation {self.dilation})"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        rates = {"wall_pps": self.wall_pps, "model_pps": self.model_pps}
        return {**asdict(self), "runs": self.runs.to_json(), **rates}

    @property
    def offered_pps(self) -> float:
        """Packets/s of the model at which they came while it was saturated, by the request."""
        return max(rate for rate, _ in self.request.phases) * self.dilation

    @property
    def overload(self) -> str:
        """What to make of frames that found a queue of the host full; "" when none did."""
        full = sum(self.lost.get(f"in {self.host}: {reason}", 0) for reason in _FULL)
        if not full or self.request.proto == "tcp":
            return ""
        return (
            f"{self.offered_pps:,.0f} packets/s of the model were offered, more than this system "
            f"takes of the flow (about {self.model_pps:,.0f}): its queues were full. A lower rate, "
            "a lower dilation or another system loses less"
        )

    def lines(self) -> list[str]:
        """What a terminal shows."""
        asked, unit = self.request, "messages" if self.request.proto == "udp" else "bytes"
        ends = f"{asked.source}:{self.source_port} > {asked.target}:{self.port}"
        found = [
            f"{asked.proto} {ends}, {asked.size} bytes a message; {self.host} runs {self.runs}",
            f"  sent        {self.sent:,} {unit}, received {self.received:,}"
            + ("" if self.intact else ", not intact"),
            f"  frames      {self.arrived:,} reached {self.host}, {self.delivered:,} passed it",
            f"  lost        {_losses(self.lost)}",
            f"  reordered   {self.reordered:,}",
            f"  rate        {self._rates}",
        ]
        if asked.proto == "tcp":
            found.insert(3, f"  sent again  {self.retransmitted:,} segments")
        if self.latency is not None:
            found.append(f"  latency     {_latency(self.latency)} (model time)")
        found += [f"  {one.work!s:<17} CPU {_cpus(one.cpus)}" for one in self.stages]
        if self.moves:
            found.append(f"  moves       {self.moves:,} changes of CPU")
        found += [f"  note        {note}" for note in (self.overload, self.late, self.hint) if note]
        return found


def _rate(frames: int, seconds: float) -> float:
    return (frames - 1) / seconds if frames > 1 and seconds > 0 else 0.0


def _losses(lost: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {place}" for place, count in lost.items()) or "nothing"


def _latency(latency: Latency) -> str:
    shown = {"mean": latency.mean, **latency.percentiles, "max": latency.max}
    return ", ".join(f"{name} {ns / 1000:,.1f} µs" for name, ns in shown.items())


def _cpus(cpus: Sequence[int]) -> str:
    return ", ".join(map(str, cpus))
