"""Lab 5: which CPU runs the next stage of a packet?"""

from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU for the packet's next stage."""
    if packet.stage == SPLIT:
        return packet.here
    turn = host.memory[0]
    host.memory[0] += 1
    return host.falcon_cpus[turn % len(host.falcon_cpus)]
