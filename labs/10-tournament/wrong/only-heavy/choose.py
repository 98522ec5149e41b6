"""Lab 10: spread only flows on a CPU that is completely full."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU that flow and device hash to, once this one is full."""
    if packet.stage == SPLIT or host.load[packet.here] < 99 or host.knobs.average_load >= 75:
        return packet.here
    first = hash_32(packet.hash + packet.ifindex, 16)
    return host.falcon_cpus[first % len(host.falcon_cpus)]
