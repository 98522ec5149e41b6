"""Lab 7, task 5: on which core does GRO's half of the first softirq run?

The function is asked before each stage, for each packet. It returns the number of a core.

    packet.stage     SPLIT: the driver has made an skb, and GRO is next; others: later stages
    packet.protocol  6 is TCP, 17 is UDP
    packet.hash      the flow's RSS hash
    packet.number    counts the packets of the flow: 0, 1, 2, ...
    packet.here      the core that runs the present stage; returning it means: no change
    host.split_cpus  the cores for GRO's half, a list of numbers

hash_32(value, 16) is the kernel's hash: 16 good bits of a number. The file is compiled: it may have
imports, constants, and this function.
"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT

TCP = 6


def choose(packet, host):
    """The core of the packet's next stage."""
    if packet.stage != SPLIT:
        return packet.here
    return host.split_cpus[hash_32(packet.hash, 16) % len(host.split_cpus)]
