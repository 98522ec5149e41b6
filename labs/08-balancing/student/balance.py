"""Lab 8: a policy that looks at loads.

As in lab 5, and beside that:
    host.load[cpu]           percent of each CPU (by its number), measured from time to time
    host.knobs.average_load  the average over host.falcon_cpus, percent
    host.knobs.threshold     percent, 80: at this average FALCON switches itself off
    host.memory[n]           4096 integers of your own, 0 at the start

What you have at the start is FALCON's rule: two choices. Functions that you add to this file may be
called from balance(); keep to integers, the file is compiled.
"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT


def balance(packet, host):
    """FALCON: the first choice; where that is loaded, the second, whatever its load."""
    if packet.stage == SPLIT:
        return packet.here
    cpus = host.falcon_cpus
    first_hash = hash_32(packet.hash + packet.ifindex, 16)
    first = cpus[first_hash % len(cpus)]
    if host.load[first] < host.knobs.threshold:
        return first
    return cpus[hash_32(first_hash, 16) % len(cpus)]
