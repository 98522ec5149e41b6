"""Lab 8: stages that move away from loaded cores."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def balance(packet, host):
    """The CPU for the packet's next stage."""
    if packet.stage == SPLIT:
        return packet.here
    if host.knobs.average_load >= host.knobs.threshold:
        return packet.here
    best = host.falcon_cpus[hash_32(packet.hash + packet.ifindex, 16) % len(host.falcon_cpus)]
    for cpu in host.falcon_cpus:
        if host.load[cpu] < host.load[best]:
            best = cpu
    return best
