"""Lab 5: which CPU runs the next stage of a packet?"""

from rxpath.model.hashes import hash_32


def choose(packet, host):
    """The CPU for the packet's next stage."""
    return host.falcon_cpus[hash_32(packet.hash + packet.ifindex, 16) % len(host.falcon_cpus)]
