"""Lab 5: which CPU runs the next stage of a packet?"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU for the packet's next stage: by flow and device."""
    if packet.stage == SPLIT:
        return packet.here
    # One multiplication only shifts a neighbour's hash by a constant, which may be a multiple of
    # the number of CPUs. Folding the high bits into the low ones between two of them mixes them.
    mixed = hash_32(packet.hash + packet.ifindex, 32)
    mixed = hash_32(mixed ^ mixed >> 15, 16)
    return host.falcon_cpus[mixed % len(host.falcon_cpus)]
