"""Receive Packet Steering: the CPU by the flow's hash [net/core/dev.c, get_rps_cpu].

All later stages of a flow run on one CPU, whatever the device: one flow is not spread.
"""

from __future__ import annotations

from rxpath.hashes import reciprocal_scale
from rxpath.layout import SPLIT
from rxpath.policies import Host, Packet


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """``rps_cpus[hash * n >> 32]`` for every stage but the driver's own."""
    if packet.stage == SPLIT:
        return packet.here, 0
    return host.rps_cpus[reciprocal_scale(packet.hash, len(host.rps_cpus))], 1
