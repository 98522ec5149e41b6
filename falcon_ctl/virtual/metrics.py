"""The metrics of a run of the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metrics:
    """The results of a run; rates and loads are those of the measured time.

    Attributes:
        pps: frames/s that the applications read (segments, for TCP; fragments, where there are).
        sent: frames that came to the NIC since the start, as `delivered`, `drops` by reason and
            `reordered` count; `queued` are in the host at the end.
        latencies: ns. UDP: of each datagram, from the NIC (its first fragment's arrival) to the
            read. TCP: of each message from the write to the read, or of each request to its answer.
        loads: percent of each CPU that did anything.
        softirq: of `loads`, interrupts and softirqs; the rest is applications'.
        net_rx: runs of net_rx_action a second on all CPUs.
        retransmits: TCP segments that were sent again.
        setup_us: mean time that setting a connection up took, NaN without any.
        messages_per_s: what the applications read: datagrams; of TCP, writes, requests, or
            segments of streams that have no ends.
        gbit_per_s: of the messages' own bytes.
        rest_ns: what a round trip has beside a latency: sender, wire, answer.
        held: skbs that the order guard held at a new CPU since the start, and
        held_ns: for how long, all together.
    """

    pps: float
    sent: int
    delivered: int
    drops: Mapping[str, int]
    queued: int
    reordered: int
    latencies: NDArray[np.int64]
    loads: Mapping[int, float]
    softirq: Mapping[int, float] = field(default_factory=dict)
    net_rx: float = float("nan")
    retransmits: int = 0
    setup_us: float = float("nan")
    messages_per_s: float = float("nan")
    gbit_per_s: float = float("nan")
    rest_ns: int = 0
    held: int = 0
    held_ns: int = 0

    @property
    def lost(self) -> int:
        """Frames dropped, for any reason."""
        return sum(self.drops.values())

    @property
    def is_conserved(self) -> bool:
        """Sent = delivered + drops by reason + still queued."""
        return self.sent == self.delivered + self.lost + self.queued

    @property
    def reordered_ratio(self) -> float:
        """Share of the delivered frames that a later one overtook (RFC 4737, section 4.1)."""
        return self.reordered / self.delivered if self.delivered else float("nan")

    @property
    def cpu_ns(self) -> float:
        """Time that all CPUs together spent for each packet that was read, NaN without any."""
        return sum(self.loads.values()) / 100 * 1e9 / self.pps if self.pps else float("nan")

    def latency_us(self, quantile: float) -> float:
        """A quantile of the latencies, µs; NaN without any."""
        if not len(self.latencies):
            return float("nan")
        return float(np.quantile(self.latencies, quantile)) / 1000

    def half_rtt_us(self, quantile: float) -> float:
        """A quantile of half the round trips, µs: what sockperf's under-load mode calls latency.

        There, the server answers one message in a hundred, and half the time from the client's send
        to its receipt of the answer is taken [Mellanox/sockperf, UnderLoad.md]. What the answer
        meets is equal for all systems here: an unloaded way back.
        """
        return (self.latency_us(quantile) + self.rest_ns / 1000) / 2

    @property
    def mean_us(self) -> float:
        """Mean latency, µs; NaN without any."""
        return float(self.latencies.mean()) / 1000 if len(self.latencies) else float("nan")
