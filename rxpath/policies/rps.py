"""Receive Packet Steering: the CPU by the flow's hash [net/core/dev.c, get_rps_cpu].

It acts behind the NIC's GRO and in later devices' netif_receive_skb and netif_rx; a gro_cell is
always this CPU's own.  Devices that have the same CPUs (`rps_cpus`) name the same one, so all
stages behind the NIC run there: one flow is not spread.  Each device may have CPUs of its own
(`rps_masks`, /sys/class/net/DEVICE/queues/rx-*/rps_cpus): then a flow has a CPU at each device.
"""

from __future__ import annotations

from rxpath.model.hashes import reciprocal_scale
from rxpath.model.masks import cpu_of
from rxpath.model.policy import Host, Packet
from rxpath.model.state.codes import GRO_CELL, SPLIT


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """``cpus[hash * n >> 32]`` of the device's CPUs."""
    if packet.stage == SPLIT or packet.stage == GRO_CELL:
        return packet.here, 0
    if packet.rps_mask != 0:
        return cpu_of(packet.rps_mask, packet.hash), 1
    return host.rps_cpus[reciprocal_scale(packet.hash, len(host.rps_cpus))], 1
