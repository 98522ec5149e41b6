"""The kinds of slices of a timeline: their titles, and their colours, which are the talk's.

Blue, green and yellow are the first, second and third softirq. Each kind also differs in lightness
or hatch from its neighbours, so that a print in black and white can be read.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of slices.

    Attributes:
        title: what it is, for a legend.
        colour: #rrggbb.
        hatch: matplotlib's, "" none.
        perfetto: the correlation id of its slices there; "" the title. Perfetto's UI makes a colour
            of its hash; these were found by trying words until it is near `colour`.
    """

    title: str
    colour: str
    hatch: str = ""
    perfetto: str = ""


STAGES = {
    "napi": Kind("first softirq (NIC)", "#2f6fde", perfetto="softirq 1 - driver"),
    "split": Kind("its GRO, split off", "#8fb8f5", "//", "1st softirq split off"),
    "rps": Kind("its stack, on RPS's core", "#56b4e9", "\\\\", "1st softirq: rps"),
    "gro_cell": Kind("second (VXLAN, bridge)", "#2ca02c", perfetto="softirq 2 - VXLAN device"),
    "backlog": Kind("third (container's stack)", "#f2c80f", perfetto="softirq 3, veth"),
    "defrag": Kind("reassembled datagram", "#d99a00", "..", "datagram (ip_defrag)"),
    "poll": Kind("polling driver (bypass)", "#c0504d", "xx", "DPDK: polling driver"),
    "socket": Kind("application", "#b0b0b0", perfetto="application: recvmsg"),
}
"""The stages of the receive path (`rxpath.results.STAGE_KINDS`), in the order of the path."""

PIPELINE = {
    "frame": Kind("frame in the switch", "#efe6f5", perfetto="frame (P4)"),
    "parser": Kind("parser", "#7b4fa3", perfetto="parser = headers"),
    "ingress": Kind("ingress", "#c9b3de", perfetto="ingress (P4)"),
    "egress": Kind("egress", "#c9b3de", perfetto="egress - control"),
    "queue": Kind("switch's queue", "#e4d9ee"),
    "hit": Kind("table: hit", "#a06cc8", perfetto="table hit, matched"),
    "miss": Kind("table: miss", "#dcc3ee", "//", "table miss - no entry"),
    "deparser": Kind("deparser", "#5d3a7d", perfetto="P4, deparser"),
}
"""What a frame meets in a P4 switch."""

OTHERS = {
    "run": Kind("run", "#404040"),
    "shown": Kind("packets that are shown", "#606060"),
    "arrival": Kind("arrival at the NIC", "#000000"),
}

KINDS = {**STAGES, **PIPELINE, **OTHERS}
