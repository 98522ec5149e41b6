"""Lab 5: which CPU runs the next stage of a packet?"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU for the packet's next stage."""
    if packet.stage == SPLIT:
        return packet.here
    best = host.falcon_cpus[0]
    for cpu in host.falcon_cpus:
        if host.load[cpu] < host.load[best]:
            best = cpu
    first = hash_32(packet.hash + packet.ifindex, 16) % len(host.falcon_cpus)
    if host.load[host.falcon_cpus[first]] < 80:
        return host.falcon_cpus[first]
    return packet.here if host.load[best] >= 80 else best
