"""Lab 6, tasks 3 and 4: two guards that keep a flow in order while it moves between cores.

Cores have numbers from 0. For each core there are two counters, as in the kernel:
    tails[core]   how many packets were queued there since the start
    heads[core]   how many of them the core has finished
so the packet that is queued next is the core's number tails[core] + 1, and it is finished as soon
as heads[core] has come to that number.  The packet that a core is working on is not finished.

`table` is a dict of your own, empty at the start; keep in it what you have to know of each flow.
`wanted` is the core that the steering policy would like for this packet.
"""


def rfs(table, flow, wanted, heads, tails):
    """Task 3, RFS's rule: the core where a packet of `flow` is queued.

    The flow goes to `wanted` only when its old core has finished all of its packets.
    """
    raise NotImplementedError("write rfs() in guard.py")


def handover(table, flow, wanted, heads, tails):
    """Task 4, hand-over: (core, held) for a packet of `flow`.

    The packet goes to a new core at once. It is held there (True), in front of the core's queue,
    as long as the old core has packets of the flow; otherwise it is queued (False).
    """
    raise NotImplementedError("write handover() in guard.py")


def release(table, core, heads, tails):
    """Task 4: a flow whose held packets may be queued now that `core` finished a packet, or None.

    All held packets of the flow are then queued where they are held, in order. It is asked again
    until it returns None.
    """
    raise NotImplementedError("write release() in guard.py")
