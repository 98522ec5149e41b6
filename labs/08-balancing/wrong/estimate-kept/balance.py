"""Lab 8: an estimate of what moves bring, which is never forgotten."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT

MARGIN = 10  # percent
STEP = 10


def balance(packet, host):
    """The CPU that the flow has at this device; the least loaded one when that is loaded."""
    if packet.stage == SPLIT:
        return packet.here
    if host.knobs.average_load >= host.knobs.threshold:
        return packet.here
    cpus = host.falcon_cpus
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    place = 200 + hash_32(packet.hash + packet.ifindex, 32) % 3800  # of this flow at this device
    if host.memory[place] == 0:
        host.memory[place] = cpus[first_hash % len(cpus)] + 1  # 0 means: not placed yet
    now = host.memory[place] - 1
    if host.load[now] + host.memory[1 + now] < host.knobs.threshold:
        return now
    other = cpus[0]
    for cpu in cpus:
        if host.load[cpu] + host.memory[1 + cpu] < host.load[other] + host.memory[1 + other]:
            other = cpu
    if host.load[other] + host.memory[1 + other] + MARGIN <= host.load[now] + host.memory[1 + now]:
        host.memory[place] = other + 1
        host.memory[1 + other] += STEP
        host.memory[1 + now] -= STEP
        return other
    return now
