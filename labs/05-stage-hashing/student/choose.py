"""Lab 5: which CPU runs the next stage of a packet?

The function is called whenever a packet is about to enter a stage. It returns the number of a CPU.

    packet.hash      the flow: the RSS hash of the outer headers, 32 bits
    packet.ifindex   the device that the next stage belongs to
    packet.stage     SPLIT (the driver's part), GRO_CELL (VXLAN device) or BACKLOG (veth)
    packet.here      the CPU that runs the present stage
    packet.app       the CPU where the application runs
    host.falcon_cpus the CPUs that you may use (FALCON_CPUS), a list of CPU numbers

hash_32(value, bits) is the kernel's multiplicative hash: `bits` bits of `value`.
The file is compiled: it may have imports, constants and this function, nothing else.
"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import BACKLOG, GRO_CELL, SPLIT


def choose(packet, host):
    """The CPU for the packet's next stage."""
    # Task 1: packet.here would keep all work on one core, as the kernel does. Use host.falcon_cpus.
    # Task 2: but the driver's part of the work (packet.stage == SPLIT) stays where it is.
    # Task 3: one flow at one device: always the same CPU. Another device: another CPU.
    return packet.here
