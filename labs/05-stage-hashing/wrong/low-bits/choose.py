"""Lab 5: which CPU runs the next stage of a packet?"""

from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU for the packet's next stage."""
    if packet.stage == SPLIT:
        return packet.here
    return host.falcon_cpus[(packet.hash + packet.ifindex) % len(host.falcon_cpus)]
