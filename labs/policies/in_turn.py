"""A policy to start from: a flow that is new to a device gets the next CPU in turn, and keeps it.

    python -m falcon_ctl figures --figures 1,3 --policy labs/policies/in_turn.py:in_turn
    python -m falcon_ctl --systems overlay,falcon --policy labs/policies/in_turn.py:in_turn

FALCON's first choice is a hash, so two heavy flows may share one CPU while another is idle.  This
policy assigns the CPUs in turn instead, and keeps the assignments in its memory.  A flow never
overtakes itself, but it cannot leave a CPU that became busy, either.  One UDP flow is as fast as
with FALCON, many are slower than without any steering: what does FALCON look at that this does not?
What a policy is given and may return: rxpath/model/policy.py and rxpath/policies/custom.py.
"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import SPLIT

DEALT = 0  # where in the memory it says how many CPUs were dealt out
FIRST = 1  # from here on: 0, or the CPU of a flow at a device + 1
PLACES = 4095


def in_turn(packet, host):
    """The CPU that the flow has at this device; the driver's part of the work stays where it is."""
    if packet.stage == SPLIT:
        return packet.here
    place = FIRST + hash_32(packet.hash + packet.ifindex, 32) % PLACES
    if host.memory[place] == 0:
        turn = host.memory[DEALT] % len(host.falcon_cpus)
        host.memory[place] = host.falcon_cpus[turn] + 1
        host.memory[DEALT] += 1
    return host.memory[place] - 1
