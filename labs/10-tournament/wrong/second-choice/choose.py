"""Lab 10: two choices, where the CPU is full."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The first choice; where it is loaded the second."""
    if packet.stage == SPLIT or host.knobs.average_load >= 75:
        return packet.here
    if host.load[packet.here] < 78:
        return packet.here
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    first = host.falcon_cpus[first_hash % len(host.falcon_cpus)]
    if host.load[first] < 80:
        return first
    return host.falcon_cpus[hash_32(first_hash, 16) % len(host.falcon_cpus)]
