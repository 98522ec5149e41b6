"""Lab 7, tasks 1 and 2: generic receive offload.

An skb is a list of Segments here: those that were merged, in order.  The driver's poll calls
receive() for each segment that it takes off the ring, and flush() when the poll is over.  What they
return goes up the stack, in this order.
"""

from segments import Segment

MAX_SIZE = 65_536  # an skb must stay below this: the IP header's length has 16 bits
CLOSING = set("PFSRU")  # a segment with one of these flags is the last one of its skb


class Gro:
    """GRO of one receive queue."""

    def __init__(self) -> None:
        self.held: list[list[Segment]] = []  # skbs that wait for more, at most one for each flow

    def receive(self, segment: Segment) -> list[list[Segment]]:
        """Take a segment; returns the skbs that are done with it, often none.

        The segment is appended to the held skb of its flow if joins(skb, segment). It is then the
        last one of the skb if it has a flag of CLOSING, or less payload than the skb's first one.
        If it does not join, the held skb of its flow is done, and goes first. The segment itself is
        held, unless it has a flag of CLOSING or no payload: then it goes up at once, alone.
        """
        done: list[list[Segment]] = []
        closing = bool(CLOSING & set(segment.flags))
        skb = next((one for one in self.held if one[0].flow == segment.flow), None)
        if skb is not None:
            if joins(skb, segment):
                skb.append(segment)
                if segment.payload < skb[0].payload:
                    self.held.remove(skb)
                    done.append(skb)
                return done
            self.held.remove(skb)
            done.append(skb)
        if closing or segment.payload == 0:
            done.append([segment])
        else:
            self.held.append([segment])
        return done

    def flush(self) -> list[list[Segment]]:
        """The poll is over: all held skbs go up, and nothing is held any more."""
        done, self.held = self.held, []
        return done


def joins(skb: list[Segment], segment: Segment) -> bool:
    """Whether a segment may be appended to an skb.

    It is of the same flow; it has payload, and not more than the skb's first segment; its sequence
    number is the next one (numbers have 32 bits); its flags are those of the skb's first segment
    but for P and F; and the skb stays below MAX_SIZE. The size of an skb is the length of its first
    frame, and the payload of each further one.
    """
    first, behind = skb[0], sum(one.payload for one in skb)
    if segment.flow != first.flow or not 0 < segment.payload <= first.payload:
        return False
    if segment.seq != (first.seq + behind) % 2**32:
        return False
    if not set(segment.flags) ^ set(first.flags) <= set("PF"):
        return False
    return first.length + behind - first.payload + segment.payload < MAX_SIZE
