"""What becomes of an skb: (softirq work that it has just finished) -> (where it goes).

A row lists the ways out in the order in which they are tried; the first that applies is taken:

- SPLIT_OFF, when the policy split the frame to another CPU: that CPU's backlog, for GRO there.
- TO_GRO, when GRO handles it (TCP, GRO on): it is merged, held, or passed on as an skb.
- STEER, when the policy acts behind the NIC's GRO (RPS) and chose a CPU: that CPU's backlog.
- NEXT_STAGE, always: the next stage of its chain, as `ENTRANCES` says for each kind.

`rxpath.model.stages` carries the tables out.
"""

from __future__ import annotations

from rxpath.model.state.codes import (
    BACKLOG,
    DEFRAG,
    DENY,
    GRO_CELL,
    SOCKET,
    WORK_COUNT,
    WORK_DATAGRAM,
    WORK_FRAME,
    WORK_RPS,
    WORK_SPLIT,
    WORK_STACK,
    WORK_STAGE,
)

SPLIT_OFF, TO_GRO, STEER, NEXT_STAGE = 1, 2, 4, 8

EXITS: dict[int, tuple[int, ...]] = {
    WORK_FRAME: (SPLIT_OFF, TO_GRO, STEER, NEXT_STAGE),
    WORK_SPLIT: (TO_GRO, STEER, NEXT_STAGE),
    WORK_STACK: (STEER, NEXT_STAGE),
    WORK_RPS: (NEXT_STAGE,),
    WORK_STAGE: (NEXT_STAGE,),
    WORK_DATAGRAM: (NEXT_STAGE,),
}

QUEUE = 1  # it waits in the gro_cell or backlog that the policy chooses
READER = 2  # the socket's buffer; an skb with a place in its flow's order: the resequencer first
REASSEMBLY = 4  # likewise the datagram that the fragment belongs to (ip_defrag)
DROPPED = 3  # netfilter drops it: the operator's policy denies its flow

ENTRANCES: dict[int, int] = {
    GRO_CELL: QUEUE,
    BACKLOG: QUEUE,
    SOCKET: READER,
    DEFRAG: REASSEMBLY,
    DENY: DROPPED,
}

# As kernels read them: tuples by number.
EXITS_OF = tuple(sum(EXITS.get(work, ())) for work in range(WORK_COUNT))
ENTRANCE_OF = tuple(ENTRANCES.get(kind, 0) for kind in range(DENY + 1))
