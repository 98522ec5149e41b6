"""Lab 10: hash over all CPUs of the computer."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def choose(packet, host):
    """The CPU that flow and device hash to."""
    if packet.stage == SPLIT:
        return packet.here
    return hash_32(packet.hash + packet.ifindex, 16) % 20
