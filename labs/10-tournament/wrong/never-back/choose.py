"""Lab 10: a flow takes the least loaded CPU once, and keeps it for ever."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT, TCP

PLACES = 4096


def choose(packet, host):
    """The CPU that the flow was given at this device."""
    if packet.stage == SPLIT and packet.protocol != TCP:
        return packet.here
    mixed = hash_32(packet.hash ^ (packet.ifindex + packet.stage * 64) * 0x9E3779B1, 32)
    place = mixed % PLACES
    if host.memory[place] == 0:
        best = host.falcon_cpus[mixed // PLACES % len(host.falcon_cpus)]
        for cpu in host.falcon_cpus:
            if host.load[cpu] < host.load[best]:
                best = cpu
        host.memory[place] = best + 1
    return host.memory[place] - 1
