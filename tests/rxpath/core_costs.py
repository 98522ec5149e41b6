"""What a core pays for a packet when it is the busiest: sums of the cost profile's amounts.

Written from the description of the stages, and not from the profiles that the model reads. What is
paid once a poll is shared by a full poll's packets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rxpath.config import costs
from rxpath.config.knobs import Knobs

BATCH = 64  # the NAPI weight
MERGED = 2  # skbs that GRO makes of a full poll's segments, 64 KB at most each
FIRST = ["driver_poll", "skb_alloc"]
GRO = ["gro_receive", "vxlan_gro_receive", "udp_gro_receive"]
COMPLETE = ["gro_complete", "vxlan_gro_complete"]
STACK = ["netif_receive_skb", "ip_rcv", "udp_tunnel_rcv", "vxlan_rcv", "gro_cells_receive"]
CELL = ["inner_gro_receive", "inner_udp_gro_receive"]  # which FALCON's packets pass by
BRIDGE = ["gro_cell_poll", "netif_receive_skb", "br_handle_frame", "veth_xmit", "netif_rx"]
PROTOCOL = ["netif_receive_skb", "ip_rcv", "l4_rcv", "sock_queue"]
CONTAINER = ["process_backlog", *PROTOCOL]
POLL = ["softirq_entry", "napi_poll", "ipi_send"]


class CoreCosts:
    """ns a packet, with these amounts of the default profile changed (as `cost_overrides`)."""

    def __init__(self, overrides: Mapping[str, int] | None = None) -> None:
        self.amounts = costs.load(Knobs().costs, overrides or {})

    def total(self, names: Sequence[str], kind: str = "udp") -> int:
        return sum(getattr(self.amounts[name], kind) for name in names)

    def once_a_poll(self, names: Sequence[str]) -> float:
        return self.total(names) / BATCH

    def udp_pipeline(self) -> float:
        """The bridge's core: fetches from another core, and sends on to one that has idled."""
        return self.total([*BRIDGE, "cache_penalty", "remote_enqueue"]) + self.once_a_poll(POLL)

    def udp_serialized(self) -> float:
        """All three softirqs on one core: three polls a batch, and then the application wakes."""
        work = self.total(FIRST + GRO + STACK + CELL + BRIDGE + CONTAINER)
        return work + self.once_a_poll(["softirq_entry", *["napi_poll"] * 3, "wake_up"])

    def udp_host(self, wire_len: int) -> float:
        """The host network's one softirq, or the thread that reads, whichever takes longer."""
        softirq = self.total([*FIRST, "gro_receive", *PROTOCOL])
        softirq += self.once_a_poll(["softirq_entry", "napi_poll", "wake_up"])
        reader = self.total(["recvmsg", "copy_frag", "cache_penalty"])
        return max(softirq, reader + (self.amounts["copy_to_user"].ns_kib * wire_len >> 10))

    def tcp_driver(self) -> float:
        """The interrupt's core where the first stage is split: each frame goes to another core."""
        return self.total([*FIRST, "split_send", "remote_enqueue"], "tcp") + self.once_a_poll(POLL)

    def tcp_split(self, profile: str) -> float:
        """The split core: GRO of each frame, and the stack of what it makes of them."""
        fetch = self.total(["split_receive", "cache_penalty"], "tcp")
        return fetch + self._from_gro(profile) + self.once_a_poll(POLL)

    def tcp_micro_flow(self) -> float:
        """A core of mFlow's: all but the driver's work on the frames that it gets."""
        frame = self.total(["skb_alloc", "br_segment", "tcp_try_coalesce"], "tcp")
        skb = self.total(CELL + BRIDGE + CONTAINER, "tcp") - self.total(["remote_enqueue"])
        return self.tcp_split("docker") + frame + skb * MERGED / BATCH

    def tcp_first_stage(self, profile: str) -> float:
        """The whole first stage on one core."""
        return self.total(FIRST, "tcp") + self._from_gro(profile) + self.once_a_poll(POLL)

    def _from_gro(self, profile: str) -> float:
        if profile == "host":
            frame = self.total(["gro_receive", "tcp_try_coalesce"], "tcp")
            skb = self.total(["gro_complete", *PROTOCOL], "tcp")
        else:
            frame = self.total(GRO, "tcp")
            skb = self.total([*COMPLETE, *STACK, "remote_enqueue"], "tcp")
        return frame + skb * MERGED / BATCH
