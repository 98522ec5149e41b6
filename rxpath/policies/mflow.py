"""mFlow (IPDPS 2023): frames of one flow are split into micro-flows that run in parallel.

A micro-flow is a batch of consecutive frames (256 in the paper).  The driver hands it to one CPU,
where GRO, the stack and all virtual devices run; the next one goes to the next CPU of `rps_cpus`
(two in the paper).  TCP's frames are handed on right behind the interrupt, before their skbs are
allocated.  In front of the socket the resequencer restores the order; the paper does it in front of
TCP, and splits UDP in front of the VXLAN device only.
"""

from __future__ import annotations

from rxpath.model.hashes import reciprocal_scale
from rxpath.model.policy import Host, Packet
from rxpath.model.state import codes


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """The CPU of the frame's micro-flow; later stages stay where the frame is."""
    if packet.stage != codes.SPLIT:
        return packet.here, codes.CHOICE_NONE
    cpus = len(host.rps_cpus)
    batch = packet.number // host.knobs.mflow_batch
    first = reciprocal_scale(packet.hash, cpus)
    return host.rps_cpus[(first + batch) % cpus], codes.CHOICE_FIRST
