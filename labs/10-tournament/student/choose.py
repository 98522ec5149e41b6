"""Lab 10: the best steering policy that you can write."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT, TCP


def choose(packet, host):
    """The CPU that runs the packet's next stage."""
    return packet.here  # nothing is steered: the container overlay as it is
