"""RSS++: move buckets of the indirection table from loaded CPUs to idle ones (CoNEXT 2019).

A bucket is an entry of the table.  Its load is its share, by frames, of its queue's CPU's load.
Each time, buckets move from the busiest CPU to the idlest one until these two are within a
tolerance; the largest bucket that fits goes first, so that few move.  With the order guard a bucket
moves when its old queue has worked off the bucket's last frame.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table

ENTRIES = 128


@inlined
def queue_of(state: State, rss_hash: int) -> int:
    """The frame's queue: it is counted, and its bucket moves when that is due and allowed."""
    host, lists = state.host, state.lists
    bucket = rss_hash & (ENTRIES - 1)
    lists[lay.LIST_COUNT, bucket] += 1
    queue = lists[lay.LIST_RSS, bucket]
    wanted = lists[lay.LIST_WANTED, bucket] - 1
    if wanted >= 0:
        drained = host[lay.NAPIS + queue, lay.N_HEAD] >= lists[lay.LIST_TAIL, bucket]
        if drained or not host[lay.KNOB, lay.K_ORDER_GUARD]:
            lists[lay.LIST_WANTED, bucket] = 0
            lists[lay.LIST_RSS, bucket] = wanted
            queue = wanted
    row = lay.NAPIS + queue
    length = min(host[row, lay.N_LENGTH] + 1, host[lay.KNOB, lay.K_RING])
    lists[lay.LIST_TAIL, bucket] = host[row, lay.N_TAIL] + length
    return int(queue)


@inner
def tick(state: State, now: int) -> None:
    """When the interval is over: measure the CPUs, plan moves, begin to count again."""
    host, lists = state.host, state.lists
    elapsed = now - host[lay.KNOB, lay.K_REBALANCED]
    if elapsed < host[lay.KNOB, lay.K_REBALANCE_NS]:
        return
    host[lay.KNOB, lay.K_REBALANCED] = now
    for cpu in range(host[lay.KNOB, lay.K_CPUS]):
        busy = cpus.busy_ns(host, cpu, now)
        lists[lay.LIST_SHARE, cpu] = max(0, busy - lists[lay.LIST_MARK, cpu]) * 10_000 // elapsed
        lists[lay.LIST_MARK, cpu] = busy
    plan(lists, host[lay.KNOB, lay.K_QUEUES], host[lay.KNOB, lay.K_TOLERANCE])
    for bucket in range(ENTRIES):
        lists[lay.LIST_COUNT, bucket] = 0


@inner
def plan(lists: Table, queues: int, tolerance: int) -> None:
    """Write the queue that each bucket is to have to LIST_WANTED; LIST_SHARE changes with it."""
    share, frames = lists[lay.LIST_SHARE], lists[lay.LIST_FRAMES]
    for cpu in range(lay.MAX_CPUS):
        frames[cpu] = 0
    for bucket in range(ENTRIES):
        frames[_cpu(lists, bucket)] += lists[lay.LIST_COUNT, bucket]
    for bucket in range(ENTRIES):  # from now on a bucket's load
        count = max(1, frames[_cpu(lists, bucket)])
        load = lists[lay.LIST_COUNT, bucket] * share[_cpu(lists, bucket)] // count
        lists[lay.LIST_COUNT, bucket] = load
    for _ in range(ENTRIES):
        busiest, idlest = 0, 0
        for queue in range(queues):
            if share[lists[lay.LIST_IRQ, queue]] > share[lists[lay.LIST_IRQ, busiest]]:
                busiest = queue
            if share[lists[lay.LIST_IRQ, queue]] < share[lists[lay.LIST_IRQ, idlest]]:
                idlest = queue
        source, target = lists[lay.LIST_IRQ, busiest], lists[lay.LIST_IRQ, idlest]
        gap = share[source] - share[target]
        bucket = _best(lists, source, gap) if gap > tolerance else -1
        if bucket < 0:
            return
        share[source] -= lists[lay.LIST_COUNT, bucket]
        share[target] += lists[lay.LIST_COUNT, bucket]
        same = lists[lay.LIST_RSS, bucket] == idlest
        lists[lay.LIST_WANTED, bucket] = 0 if same else idlest + 1


@inner
def _cpu(lists: Table, bucket: int) -> int:
    """The CPU of the queue that the bucket has, or is to have."""
    queue = lists[lay.LIST_WANTED, bucket] - 1
    if queue < 0:
        queue = lists[lay.LIST_RSS, bucket]
    cpu: int = lists[lay.LIST_IRQ, queue]
    return cpu


@inner
def _best(lists: Table, cpu: int, gap: int) -> int:
    """The bucket whose move levels the gap best without turning it round, or -1."""
    best, distance = -1, gap
    for bucket in range(ENTRIES):
        load = lists[lay.LIST_COUNT, bucket]
        after = abs(gap - 2 * load)
        if 0 < load < gap and after < distance and _cpu(lists, bucket) == cpu:
            best, distance = bucket, after
    return best
