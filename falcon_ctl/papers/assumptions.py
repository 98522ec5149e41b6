"""What would have to hold for ratios that the model misses, with the experiment for each. Pure.

An assumption changes amounts of the cost profile, the layout of the cores or the host's knobs in
the panels that it is about, and nothing else; the page has the ratios with it beside those without.
None of them is in the model: nothing that may set amounts speaks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from falcon_ctl.papers.panel import ALL_CORES, Bar, Panel
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.virtual.measure import Closed
from falcon_ctl.virtual.peak import Peak
from rxpath.config import costs


@dataclass(frozen=True)
class Assumption:
    """What would have to hold, for the ratios of some bars.

    Attributes:
        what: in words.
        panels: "paper Fig", as the page names them.
        bars: whose ratios are shown, at the places `at` on the axis.
        amounts: of the cost profile, as `cost_overrides`.
        layout: counts of cores.
        knobs: of the host.
        clock: of the machine, over the one that its profile is for.
        beyond: where a stress test is measured, over the highest rate.
        rate: messages/s that a stream's sender writes, whatever the window allows.
    """

    what: str
    panels: Sequence[str]
    bars: Sequence[str]
    at: Sequence[str]
    amounts: Mapping[str, int] = field(default_factory=dict, hash=False)
    layout: Mapping[str, int] = field(default_factory=dict, hash=False)
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    clock: float = 1.0
    beyond: float = 0.0
    rate: float = 0.0

    @property
    def experiment(self) -> str:
        """What is changed, in short."""
        changed: dict[str, Any] = {**self.amounts, **self.layout, **_flat(self.knobs)}
        changed |= {"clock": self.clock} if self.clock != 1 else {}
        changed |= {"offered": self.beyond} if self.beyond else {}
        changed |= {"written": f"{self.rate:,.0f}/s"} if self.rate else {}
        return ", ".join(f"{key} {value}" for key, value in changed.items())

    def of(self, panels: Sequence[Panel]) -> list[Panel]:
        """Those of `panels` that it is about, at its places only, all bars with its knobs."""
        return [
            replace(
                panel,
                points={x: self._at(point) for x, point in panel.points.items() if x in self.at},
                bars=tuple(map(self._changed, panel.bars)),
            )
            for panel in panels
            if f"{panel.paper} {panel.name}" in self.panels and set(self.at) & set(panel.points)
        ]

    def overrides(self, profile: str) -> dict[str, int]:
        """All amounts of `profile` that it changes, as `cost_overrides`."""
        known = costs.load(profile)
        if self.clock == 1:
            return dict(self.amounts)
        return {**costs.as_overrides(costs.scale(known, 1 / self.clock)), **self.amounts}

    def _at(self, point: Any) -> Any:
        if isinstance(point, Mapping):
            return {bar: self._at(one) for bar, one in point.items()}
        if self.beyond and isinstance(point, Peak):
            return replace(point, beyond=self.beyond)
        if self.rate and isinstance(point, Closed):
            return replace(point, rate=self.rate)
        return point

    def _changed(self, bar: Bar) -> Bar:
        return replace(bar, knobs=merge_knobs(bar.knobs, self.knobs))


@dataclass(frozen=True)
class OutOfReach:
    """Why no assumption about the receiving host can bring the ratios of some bars near."""

    panels: Sequence[str]
    bars: Sequence[str]
    why: str


def _flat(knobs: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Knobs by their names with dots."""
    found: dict[str, Any] = {}
    for name, value in knobs.items():
        is_table = isinstance(value, Mapping)
        found |= _flat(value, f"{prefix}{name}.") if is_table else {f"{prefix}{name}": value}
    return found


ASSUMPTIONS: Sequence[Assumption] = (
    Assumption(
        "A kilobyte that has just come is copied in 20 ns: what the NIC writes lies in the cache.",
        ("eurosys21 10b", "eurosys21 10c"),
        ("Con",),
        ("1KB",),
        {"copy_to_user.ns_kib": 20},
    ),
    Assumption(
        "The fragments of a datagram, back to back, cost tunnel and bridge 340 ns less than "
        "packets that come alone, besides UDP's GRO: code and tables stay in the cache.",
        (
            "eurosys21 2a 10G",
            "eurosys21 2b 10G",
            "eurosys21 2b 100G",
            "eurosys21 10a",
            "eurosys21 10b",
            "ipdps23 4a UDP",
        ),
        ("Con", "Con (vanilla)", "Falcon"),
        ("UDP", "4KB", "64KB"),
        {"br_handle_frame.udp": 150, "vxlan_rcv.ns": 70, "udp_tunnel_rcv.ns": 80},
    ),
    Assumption(
        "A TCP segment's skb is allocated in 150 ns where messages are of 64 KB or joined (pages "
        "are used again at once): the host then takes the 28 Gbit/s that both papers show.",
        ("eurosys21 2a 100G", "ipdps23 4a TCP", "ipdps23 9b TCP", "ipdps23 9c TCP"),
        ("Con", "Con (vanilla)", "Falcon", "mFlow"),
        ("TCP", "4KB", "64KB", "p50", "p90", "p99", "p99.99"),
        {"skb_alloc.tcp": 150, "vxlan_gro_receive.tcp": 230},
    ),
    Assumption(
        "With Linux 5.4 datagrams of 4 KB are offered at twice the rate that each system takes "
        "most of: a lost fragment is a lost datagram, and the container loses most of them.",
        ("eurosys21 10c",),
        ("Con", "Falcon"),
        ("4KB",),
        beyond=2.0,
    ),
    Assumption(
        "Handing a packet to another core costs no more than queueing it on one's own.",
        ("eurosys21 10c", "eurosys21 13d", "ipdps23 8a UDP"),
        ("Host+", "Falcon", "mFlow"),
        ("16B", "1", "5"),
        {"split_send.ns": 1, "remote_enqueue.ns": 1, "cache_penalty.ns": 1},
    ),
    Assumption(
        "Neither that nor an interrupt to another core costs anything.",
        ("eurosys21 19a",),
        ("Falcon",),
        ("100", "200", "400"),
        {
            "split_send.ns": 1,
            "remote_enqueue.ns": 1,
            "cache_penalty.ns": 1,
            "ipi_handle.ns": 0,
            "ipi_send.ns": 0,
        },
    ),
    Assumption(
        "Many flows of large datagrams are measured at twice the rate that each system takes most "
        "of: a lost fragment is a lost datagram.",
        ("eurosys21 2c UDP",),
        ("Con",),
        ("1:1", "4:1"),
        beyond=2.0,
    ),
    Assumption(
        "A core needs 30 us to leave its idle state.",
        ("eurosys21 12a",),
        ("Con", "Falcon"),
        ("p50",),
        knobs={"idle_exit_ns": 30_000},
    ),
    Assumption(
        "Many TCP flows have the cores of mFlow's section: five for interrupts, five for RPS, five "
        "for applications.",
        ("eurosys21 13c", "eurosys21 13d"),
        ("Host+", "Con", "Falcon"),
        ("10", "20"),
        layout={"receiving": 5, "rps": 5, "applications": 5},
    ),
    Assumption(
        "mFlow's machine runs at 1.35 times its nominal clock: the link then limits many flows.",
        ("ipdps23 10b", "ipdps23 10c"),
        ("Con (vanilla)", "RPS", "Falcon", "mFlow"),
        ("10", "20"),
        clock=1.35,
    ),
    Assumption(
        "A TCP flow below saturation is not split.",
        ("eurosys21 12b",),
        ("Falcon",),
        ("p50", "p90", "p99"),
        knobs={"falcon": {"splitting": False}},
    ),
    Assumption(
        "FALCON that never switches off does not split TCP, either.",
        ("eurosys21 15b",),
        ("Falcon always on",),
        ("20", "40"),
        knobs={"falcon": {"splitting": False}},
    ),
    Assumption(
        "FALCON of many UDP flows has three cores.",
        ("eurosys21 13a", "eurosys21 13b"),
        ("Falcon",),
        ("10", "20"),
        layout={"falcon": 3},
    ),
    Assumption(
        "An interrupt to another core costs nothing: memcached with one client is then no slower "
        "with FALCON.",
        ("eurosys21 18 1 client", "eurosys21 18 10 clients"),
        ("Falcon",),
        ("mean", "p99"),
        {"ipi_latency.ns": 0, "ipi_handle.ns": 0, "ipi_send.ns": 0},
    ),
    Assumption(
        "Waking a thread of memcached's, through epoll, takes 1.2 us, twice as long as one that "
        "reads a single socket; the container's CPU for RPS does that, too.",
        ("eurosys21 18 10 clients", "ipdps23 13 10 clients"),
        ("Falcon", "mFlow"),
        ("mean", "p90", "p95", "p99"),
        {"wake_up.ns": 1200},
    ),
    Assumption(
        "mFlow's cores of a UDP flow take turns after 16 packets, and not after 256.",
        ("ipdps23 9a UDP", "ipdps23 9b UDP", "ipdps23 9c UDP"),
        ("mFlow",),
        ("p50", "p99"),
        knobs={"mflow_batch": 16},
    ),
    Assumption(
        "mFlow's cores of a TCP flow take turns after 1,000 packets.",
        ("ipdps23 9c TCP",),
        ("mFlow",),
        ("p50", "p90", "p99"),
        knobs={"mflow_batch": 1000},
    ),
    Assumption(
        "A client writes 16 B 555,000 times a second, a little more often than the container takes "
        "(543,000): host and FALCON then queue nothing, and the container the whole window, whose "
        "size is not stated.",
        ("eurosys21 12d",),
        ("Con", "Falcon"),
        ("p50", "p90", "p99"),
        rate=555e3,
    ),
    Assumption(
        "mFlow measures UDP's latencies further from the maximum, at 0.6 of it.",
        ("ipdps23 9a UDP", "ipdps23 9b UDP", "ipdps23 9c UDP"),
        ("Con (vanilla)", "RPS", "Falcon"),
        ("p50", "p99"),
        beyond=0.6,
    ),
    Assumption(
        "EuroSys overloads each system three times.",
        ("eurosys21 12c",),
        ("Con", "Falcon"),
        ("p50", "p99"),
        beyond=3.0,
    ),
    Assumption(
        "The NIC waits 3 us at most: the host then has an interrupt for every second packet.",
        ("eurosys21 19a",),
        ("Con",),
        ("200", "300"),
        knobs={"moderation": "fixed", "rx_usecs": 3},
    ),
    Assumption(
        "The NIC waits 3 us at most, as mlx5 does without adaptive moderation.",
        ("eurosys21 12a",),
        ("Con", "Falcon"),
        ("p50", "p90"),
        knobs={"moderation": "fixed", "rx_usecs": 3, "rx_frames": 32},
    ),
    Assumption(
        "The NIC waits 8 us at most.",
        ("eurosys21 12b",),
        ("Con",),
        ("p50", "p90", "p99"),
        knobs={"moderation": "fixed", "rx_usecs": 8},
    ),
    Assumption(
        "Containers are received on twelve cores.",
        ("eurosys21 14c", "eurosys21 14d", "eurosys21 15a"),
        ("Falcon", "Falcon always on"),
        ("6", "40"),
        layout={"receiving": 12},
    ),
    Assumption(
        "A packet that comes from another core costs 300 ns, three times as much.",
        ("ipdps23 12",),
        ("mFlow",),
        (ALL_CORES,),
        {"cache_penalty.ns": 300},
    ),
    Assumption(
        "The NIC waits 3 us at most: TCP's writes of 16 B are then no faster with any system.",
        ("ipdps23 9a TCP",),
        ("Falcon", "mFlow"),
        ("p50", "p99"),
        knobs={"moderation": "fixed", "rx_usecs": 3},
    ),
)

OUT_OF_REACH: Sequence[OutOfReach] = (
    OutOfReach(
        ("eurosys21 2b 10G", "eurosys21 2b 100G", "eurosys21 10a", "eurosys21 10b"),
        ("Con",),
        "for datagrams of 16 B the paper has 0.42 and 0.37 of the host's rate in Fig 2b, and 0.26 "
        "and 0.24 in Fig 10, where the load is the same as far as it is stated.",
    ),
    OutOfReach(
        ("ipdps23 13 1 client", "ipdps23 13 10 clients"),
        ("mFlow",),
        "one client waits 126.6 us with the container and 92.1 with mFlow, 34 less, where nothing "
        "queues; from the NIC to the server's thread and through it a request takes some 15 us in "
        "the model with the container, so with all of that for nothing it would gain half of the "
        "34. What takes the rest of the 126.6 is outside of the receiving host.",
    ),
)
