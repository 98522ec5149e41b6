"""Calls of a guard with counters made for them, and the only answer that is right to each."""

from __future__ import annotations

from typing import Any, NamedTuple


class Step(NamedTuple):
    """One call of a guard's function, and the only answer that is right after those before.

    kind: what a wrong answer comes to: "early" (order is lost), "late", or "stuck".
    """

    kind: str
    what: str
    call: tuple[Any, ...]  # the function, and its arguments after `table`
    want: Any


# Packets of flow 7 one by one.  The others in the queues are of other flows.
RFS_SCENE = (
    Step("late", "the first packet of a flow: it runs where it is wanted",
         ("rfs", 7, 0, [4, 0, 0], [9, 0, 0]), 0),
    Step("early", "the flow leaves a core that still works on its last packet: that packet will be number tails[core] + 1, and heads[] counts finished ones",
         ("rfs", 7, 1, [9, 0, 0], [12, 0, 0]), 0),
    Step("early", "the flow leaves although a later packet of it is still queued: its last packet is another one each time",
         ("rfs", 7, 1, [12, 0, 0], [13, 0, 0]), 0),
    Step("late", "the flow stays although its old core has just finished its last packet: heads[core] has come to that packet's number",
         ("rfs", 7, 1, [14, 0, 0], [17, 0, 0]), 1),
    Step("early", "after its move the flow leaves the new core too early",
         ("rfs", 7, 2, [17, 0, 0], [17, 1, 0]), 1),
)  # fmt: skip


HANDOVER_SCENES = (
    (
        Step("late", "the first packet of a flow: it is queued where it is wanted",
             ("handover", 7, 0, [4, 18, 7], [9, 20, 7]), [0, False]),
        Step("early", "the old core still works on the flow's last packet, so a packet for the new core is held there",
             ("handover", 7, 1, [9, 18, 7], [12, 20, 7]), [1, True]),
        Step("early", "packets of the flow are held, so those that come behind them are held as well",
             ("handover", 7, 1, [9, 18, 7], [14, 23, 7]), [1, True]),
        Step("early", "held packets are released before the old core has finished the flow's last one",
             ("release", 0, [9, 19, 8], [14, 23, 8]), None),
        Step("early", "held packets are released because of another core than the one they wait for",
             ("release", 1, [9, 20, 8], [14, 23, 8]), None),
        Step("stuck", "the old core has just finished the flow's last packet, and the held ones are not released",
             ("release", 0, [10, 20, 8], [14, 23, 8]), 7),
        Step("stuck", "the flow is released a second time, though none of its packets is held any more",
             ("release", 0, [10, 20, 8], [14, 25, 8]), None),
        Step("early", "after release() the flow's last packet is the last one that was held; the flow leaves the core before that is done",
             ("handover", 7, 2, [14, 24, 8], [14, 25, 8]), [2, True]),
        Step("stuck", "in a second hand-over the held packet is not released",
             ("release", 1, [14, 25, 8], [14, 25, 8]), 7),
        Step("late", "the packet is held although its old core has finished all packets of the flow",
             ("handover", 7, 0, [14, 25, 9], [14, 25, 12]), [0, False]),
    ),
    (
        Step("late", "the first packet of a flow: it is queued where it is wanted",
             ("handover", 7, 0, [4, 0, 0], [9, 0, 0]), [0, False]),
        Step("early", "the old core has packets of the flow, so a packet for the new core is held there",
             ("handover", 7, 1, [5, 0, 0], [10, 0, 0]), [1, True]),
        Step("early", "a third core is wanted while packets are held: a packet that goes there overtakes those that are held",
             ("handover", 7, 2, [6, 0, 0], [10, 0, 0]), [1, True]),
        Step("early", "the old core is wanted again while packets are held: a packet that is queued there overtakes those that are held",
             ("handover", 7, 0, [7, 0, 0], [10, 0, 0]), [1, True]),
        Step("stuck", "the flow was wanted at other cores during the hand-over, and its held packets are not released",
             ("release", 0, [10, 0, 0], [10, 0, 0]), 7),
        Step("early", "after a hand-over with three held packets the flow leaves before the third is done",
             ("handover", 7, 2, [10, 2, 0], [10, 3, 0]), [2, True]),
    ),
)  # fmt: skip
