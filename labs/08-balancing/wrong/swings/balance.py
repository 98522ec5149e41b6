"""Lab 8: stages that move away from loaded cores."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def balance(packet, host):
    """The CPU for the packet's next stage."""
    if packet.stage == SPLIT:
        return packet.here
    if host.knobs.average_load >= host.knobs.threshold:
        return packet.here
    cpus = host.falcon_cpus
    first = cpus[hash_32(packet.hash + packet.ifindex, 16) % len(cpus)]
    if host.load[first] < 80:
        return first
    best = first
    for turn in range(2):
        other = cpus[hash_32(packet.hash + packet.ifindex + 77 * (turn + 1), 16) % len(cpus)]
        if host.load[other] + 20 < host.load[best]:
            best = other
    if packet.hash % 2:
        return first
    return best
