"""Measurements of other machines that are sums of amounts: what a packet costs up to some point.

xdp-project (github xdp-project/xdp-project, areas/cpumap/cpumap02-optimizations.org): Xeon
E5-1650 v4, which `perf stat` there shows at 3.80e9 cycles a second, Linux 5.1, i40e; small UDP
packets on one core. Rates are 6,701,692 packets/s dropped by iptables in raw/PREROUTING without
GRO, 5,705,245 with it, 3,326,983 to a port without a socket, and 2,311,585 to a socket that a
thread on another core reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GHZ = 3.8
# Silver 4114: "frequency pinned at maximum", turbo on: taken for 3.0 GHz, not looked up.
PROFILE_GHZ = 3.0
SPREAD = 0.15  # another driver (i40e), another kernel


@dataclass(frozen=True)
class Sum:
    """The costs of `names` for a UDP packet: `ns` at `GHZ`."""

    name: str
    ns: float
    names: Sequence[str]

    @property
    def expected(self) -> float:
        """The sum at the profile's clock, ns."""
        return self.ns * GHZ / PROFILE_GHZ


_DRIVER = ("driver_poll", "skb_alloc", "netif_receive_skb")
SUMS: tuple[Sum, ...] = (
    Sum("raw drop without GRO", 1e9 / 6_701_692, _DRIVER),
    Sum("GRO of a packet that is not merged", 1e9 / 5_705_245 - 1e9 / 6_701_692, ("gro_receive",)),
    Sum(
        "port without a socket",
        1e9 / 3_326_983,
        (*_DRIVER, "gro_receive", "ip_rcv", "l4_rcv"),
    ),
    Sum(
        "socket that another core reads",
        1e9 / 2_311_585,
        (*_DRIVER, "gro_receive", "ip_rcv", "l4_rcv", "sock_queue"),
    ),
)
