"""mFlow (IPDPS 2023): frames of one flow are split into micro-flows that run in parallel.

A micro-flow is a batch of consecutive frames (256 in the paper).  It is handed to one CPU, where
all that follows runs; the next one goes to the next CPU of `rps_cpus` (two in the paper).  TCP's
frames part right behind the interrupt, before their skbs are allocated; UDP's in front of the VXLAN
device, whose work the chain `mflow` has in the stage behind.  In front of the socket the order is
restored by the resequencer; the paper does it in front of TCP.
"""

from __future__ import annotations

from rxpath.model.hashes import reciprocal_scale
from rxpath.model.policy import Host, Packet
from rxpath.model.state import codes


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """The CPU of the frame's micro-flow where it is split; later stages stay where the frame is."""
    parts = codes.SPLIT if packet.protocol == codes.TCP else codes.GRO_CELL
    if packet.stage != parts:
        return packet.here, codes.CHOICE_NONE
    cpus = len(host.rps_cpus)
    batch = packet.number // host.knobs.mflow_batch
    first = reciprocal_scale(packet.hash, cpus)
    return host.rps_cpus[(first + batch) % cpus], codes.CHOICE_FIRST
