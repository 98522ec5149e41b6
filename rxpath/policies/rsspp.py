"""RSS++ (CoNEXT 2019): the indirection table follows the load; softirqs stay where RSS put them.

`rxpath.model.rebalance` does the work, at intervals: by a greedy choice of buckets, where the paper
solves an optimisation problem.  A flow is one bucket's, so one flow is not spread.
"""

from __future__ import annotations

from rxpath.model.policy import Host, Packet


def choose(packet: Packet, host: Host) -> tuple[int, int]:  # noqa: ARG001  # one signature for all
    """Stay on this CPU, as without steering."""
    return packet.here, 0
