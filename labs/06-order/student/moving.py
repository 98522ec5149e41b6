"""Lab 6, task 2: a policy that moves a flow, and so reorders it.

A flow's packets are numbered: packet.number.  The file is compiled, see lab 5 and
docs/how-to/own-policy.md.
"""

from rxpath.model.hashes import hash_32
from rxpath.model.state.codes import BACKLOG, SPLIT

BATCH = 64  # packets of a flow, then its last stage moves


def moving(packet, host):
    """As in lab 5, but the stage BACKLOG goes to the next CPU of the list every BATCH packets."""
    if packet.stage == SPLIT:
        return packet.here
    place = hash_32(packet.hash + packet.ifindex, 16)
    # The stage BACKLOG: add to place what grows by one at every BATCH packets of the flow.
    return host.falcon_cpus[place % len(host.falcon_cpus)]
