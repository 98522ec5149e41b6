"""The vanilla kernel without RPS: every stage runs where the one before ran."""

from __future__ import annotations

from rxpath.model.policy import Host, Packet


def choose(packet: Packet, host: Host) -> tuple[int, int]:  # noqa: ARG001  # one signature for all
    """Stay on this CPU [net/core/dev.c, netif_rx_internal without rps_needed]."""
    return packet.here, 0
