"""Receive Flow Steering: the CPU where the flow's application reads [net/core/dev.c, get_rps_cpu].

As RPS, behind the NIC's GRO and in netif_rx, but towards the application.  A flow moves
only when its old CPU's queue is worked off up to the flow's last packet there
(Documentation/networking/scaling): that is the order guard, which is always on for RFS.  The kernel
learns the CPU from the last recvmsg (rps_sock_flow_table); here it is where the thread is bound.
"""

from __future__ import annotations

from rxpath.model.policy import Host, Packet
from rxpath.model.state.codes import GRO_CELL, SPLIT


def choose(packet: Packet, host: Host) -> tuple[int, int]:  # noqa: ARG001  # one signature for all
    """The application's CPU: one flow is not spread."""
    if packet.stage == SPLIT or packet.stage == GRO_CELL:
        return packet.here, 0
    return packet.app, 1
