"""Lab 8: two choices that are remembered; the second is taken whatever its load."""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def balance(packet, host):
    """The flow's CPU at this device; where that is loaded, the other of its two."""
    if packet.stage == SPLIT or host.knobs.average_load >= host.knobs.threshold:
        return packet.here
    cpus = host.falcon_cpus
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    first = cpus[first_hash % len(cpus)]
    second = cpus[hash_32(first_hash, 16) % len(cpus)]
    place = 200 + hash_32(packet.hash + packet.ifindex, 32) % 3800
    if host.memory[place] == 0:
        host.memory[place] = first + 1
    now = host.memory[place] - 1
    if host.load[now] >= host.knobs.threshold:
        now = second if now == first else first
        host.memory[place] = now + 1
    return now
