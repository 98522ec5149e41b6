"""Lab 10: each packet to the CPU with the least load."""

from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU with the least load right now."""
    if packet.stage == SPLIT or host.knobs.average_load >= 75:
        return packet.here
    best = host.falcon_cpus[0]
    for cpu in host.falcon_cpus:
        if host.load[cpu] < host.load[best]:
            best = cpu
    return best
