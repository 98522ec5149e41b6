"""FALCON beside RPS, as its papers measure it: RPS behind the NIC's GRO, FALCON at later stages.

Where FALCON does not steer (it is switched off, or its pipelining is), netif_rx asks get_rps_cpu as
ever [net/core/dev.c of the authors' kernel, netif_rx_internal], and a gro_cell is this CPU's own.
"""

from __future__ import annotations

from rxpath.compile.jit import entry
from rxpath.model.policy import Host, Packet
from rxpath.model.state import codes
from rxpath.policies import falcon, rps

_falcon = entry(falcon.choose)
_rps = entry(rps.choose)


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """RPS behind the NIC, FALCON's choice later, RPS for a veth's packet that FALCON leaves."""
    if packet.stage == codes.RPS:
        return _rps(packet, host)
    cpu, choice = _falcon(packet, host)
    if packet.stage == codes.BACKLOG and choice == codes.CHOICE_NONE:
        return _rps(packet, host)
    if packet.stage == codes.BACKLOG and choice == codes.CHOICE_FALLBACK:
        return _rps(packet, host)[0], choice
    return cpu, choice
