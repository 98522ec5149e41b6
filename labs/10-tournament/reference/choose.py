"""Lab 10: leave a flow alone until its CPU is nearly full, then spread it, and keep that."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT, TCP

FLOWS = 1024  # memory from 0 on: 1 for a flow that is spread
PLACES = 2048  # from FLOWS on: the CPU + 1 of a flow at a device
GIVEN = 3100  # from here on: how many stages of flows each CPU was given

FULL = 78  # percent: a CPU where a flow needs help
MOVE = 92  # a flow leaves the CPU that it was given
ROOM = 75  # and goes nowhere when the best CPU is at this load
BUSY = 75  # of all CPUs: nothing helps any more
STAGE = 25  # percent of a CPU that a stage is taken for, as long as its load is not known


def choose(packet, host):
    """The CPU that the flow has at this device."""
    if packet.stage == SPLIT and packet.protocol != TCP:
        return packet.here
    if host.knobs.average_load >= BUSY:
        return packet.here
    flow = hash_32(packet.hash, 32) % FLOWS
    if host.memory[flow] == 0 and host.load[packet.here] < FULL:
        return packet.here
    host.memory[flow] = 1
    mixed = hash_32(packet.hash ^ (packet.ifindex + packet.stage * 64) * 0x9E3779B1, 32)
    place = FLOWS + mixed % PLACES
    kept = host.memory[place] - 1
    if kept >= 0 and host.load[kept] < MOVE:
        return kept
    best = least_used(host, mixed // PLACES)
    if kept >= 0:
        if host.load[best] > ROOM:
            return kept
        host.memory[GIVEN + kept] -= 1
    host.memory[GIVEN + best] += 1
    host.memory[place] = best + 1
    return best


def least_used(host, start):
    """The CPU with the least load, those it will have counted; ties are broken from `start` on."""
    count = len(host.falcon_cpus)
    best = host.falcon_cpus[start % count]
    for step in range(1, count):
        cpu = host.falcon_cpus[(start + step) % count]
        if used(cpu, host) < used(best, host):
            best = cpu
    return best


def used(cpu, host):
    """A CPU's load, and that of the stages that it was given."""
    return host.load[cpu] + STAGE * host.memory[GIVEN + cpu]
