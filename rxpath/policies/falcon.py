"""FALCON (EuroSys 2021): hash the flow and the device, so that each hop gets a different CPU.

Pipelining, splitting, balancing and switching off are a flag each [net/core/dev.c,
net/core/gro_cells.c and mlx5's en_rx.c of the authors' kernel].  There, pipelining is for UDP
and a TCP flow's later stages stay on its split CPU; that is `tcp_pipelining` off.
"""

from __future__ import annotations

from rxpath.model.hashes import hash_32
from rxpath.model.policy import Host, Packet
from rxpath.model.state import codes


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """The first choice; where it is loaded the second; on this CPU when all are overloaded."""
    knobs = host.knobs
    if knobs.switch_off and knobs.average_load >= knobs.threshold:
        return packet.here, codes.CHOICE_FALLBACK
    splitting = packet.protocol == codes.TCP and knobs.splitting != 0
    if packet.stage == codes.SPLIT and not splitting:
        return packet.here, codes.CHOICE_NONE
    if packet.stage == codes.SPLIT or (splitting and not knobs.tcp_pipelining):
        index = hash_32(packet.hash, 16) % len(host.split_cpus)
        return host.split_cpus[index], codes.CHOICE_FIRST
    if not knobs.pipelining:
        return packet.here, codes.CHOICE_NONE
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    first = host.falcon_cpus[first_hash % len(host.falcon_cpus)]
    if not knobs.balancing or host.load[first] < knobs.threshold:
        return first, codes.CHOICE_FIRST
    second_hash = hash_32(first_hash, 16)
    return host.falcon_cpus[second_hash % len(host.falcon_cpus)], codes.CHOICE_SECOND
