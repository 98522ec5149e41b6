"""FALCON (EuroSys 2021): hash the flow and the device, so that each hop gets a CPU of its own.

Pipelining, splitting, balancing and switching off are a flag each [net/core/dev.c,
net/core/gro_cells.c and mlx5's en_rx.c of the authors' kernel].  There, pipelining is for UDP
and a TCP flow's later stages stay on its split CPU; that is `tcp_pipelining` off.
"""

from __future__ import annotations

from rxpath.model.hashes import hash_32
from rxpath.model.policy import Host, Packet
from rxpath.model.state import layout as lay


def choose(packet: Packet, host: Host) -> tuple[int, int]:
    """The first choice; where it is loaded the second; on this CPU when all are overloaded."""
    knobs = host.knobs
    if knobs[lay.K_SWITCH_OFF] and knobs[lay.K_AVERAGE_LOAD] >= knobs[lay.K_THRESHOLD]:
        return packet.here, lay.CHOICE_FALLBACK
    splitting = packet.protocol == lay.TCP and knobs[lay.K_SPLITTING] != 0
    if packet.stage == lay.SPLIT and not splitting:
        return packet.here, lay.CHOICE_NONE
    if packet.stage == lay.SPLIT or (splitting and not knobs[lay.K_TCP_PIPELINING]):
        index = hash_32(packet.hash, 16) % len(host.split_cpus)
        return host.split_cpus[index], lay.CHOICE_FIRST
    if not knobs[lay.K_PIPELINING]:
        return packet.here, lay.CHOICE_NONE
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    first = host.falcon_cpus[first_hash % len(host.falcon_cpus)]
    if not knobs[lay.K_BALANCING] or host.load[first] < knobs[lay.K_THRESHOLD]:
        return first, lay.CHOICE_FIRST
    second_hash = hash_32(first_hash, 16)
    return host.falcon_cpus[second_hash % len(host.falcon_cpus)], lay.CHOICE_SECOND
