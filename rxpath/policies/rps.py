"""Receive Packet Steering: the CPU by the flow's hash [net/core/dev.c, get_rps_cpu].

It acts behind the NIC's GRO (netif_receive_skb) and in netif_rx; between them a gro_cell is always
this CPU's own.  So all stages behind the NIC run on one CPU: one flow is not spread.
"""

from __future__ import annotations

from rxpath.model.hashes import reciprocal_scale
from rxpath.model.policy import Host, Packet
from rxpath.model.state.codes import GRO_CELL, SPLIT


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """``rps_cpus[hash * n >> 32]``, which is this CPU from the first such choice on."""
    if packet.stage == SPLIT or packet.stage == GRO_CELL:
        return packet.here, 0
    return host.rps_cpus[reciprocal_scale(packet.hash, len(host.rps_cpus))], 1
