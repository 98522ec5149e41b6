"""RSS++: move buckets of the indirection table from loaded CPUs to idle ones (CoNEXT 2019).

A bucket is an entry of the table.  Its load is its share, by frames, of its queue's CPU's load.
Each time, buckets move from the busiest CPU to the idlest one until these two are within a
tolerance; the largest bucket that fits goes first, so that few move.  With the order guard a bucket
moves when its old queue has processed the bucket's last frame: a NIC cannot hold frames back, so
hand-over is RFS's rule here.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model import cpu as cpus
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inlined
def queue_of(state: State, rss_hash: int) -> int:
    """The frame's queue: it is counted, and its bucket moves when that is due and allowed."""
    bucket = state.rss[rss_hash & (codes.RSS_ENTRIES - 1)]
    bucket.load += 1
    queue = bucket.queue
    wanted = bucket.wanted - 1
    if wanted >= 0:
        drained = state.napis[queue].head >= bucket.tail
        if drained or state.knobs.order == codes.GUARD_NONE:
            bucket.wanted = 0
            bucket.queue = wanted
            queue = wanted
    napi = state.napis[queue]
    bucket.tail = napi.tail + min(napi.length + 1, state.knobs.ring)
    return queue


@inner
def tick(state: State, now: int) -> None:
    """When the interval is over: measure the CPUs, plan moves, begin to count again."""
    elapsed = now - state.knobs.rebalanced
    if elapsed < state.knobs.rebalance_ns:
        return
    state.knobs.rebalanced = now
    for cpu in range(state.knobs.cpus):
        core = state.cpus[cpu]
        busy = cpus.busy_ns(core, now)
        core.rss_share = max(0, busy - core.rss_mark) * 10_000 // elapsed
        core.rss_mark = busy
    plan(state)
    for bucket in range(codes.RSS_ENTRIES):
        state.rss[bucket].load = 0


@inner
def plan(state: State) -> None:
    """Write the queue that each bucket is to have; the CPUs' shares of load change with it."""
    _share_out(state)
    for _ in range(codes.RSS_ENTRIES):
        busiest, idlest = _extremes(state)
        source, target = state.irq_cpus[busiest], state.irq_cpus[idlest]
        gap = state.cpus[source].rss_share - state.cpus[target].rss_share
        index = _best(state, source, gap) if gap > state.knobs.tolerance else -1
        if index < 0:
            return
        bucket = state.rss[index]
        state.cpus[source].rss_share -= bucket.load
        state.cpus[target].rss_share += bucket.load
        bucket.wanted = 0 if bucket.queue == idlest else idlest + 1


@inner
def _share_out(state: State) -> None:
    """Turn each bucket's count of frames into its part of its CPU's load."""
    for cpu in range(codes.MAX_CPUS):
        state.cpus[cpu].rss_frames = 0
    for index in range(codes.RSS_ENTRIES):
        state.cpus[_cpu(state, index)].rss_frames += state.rss[index].load
    for index in range(codes.RSS_ENTRIES):
        core = state.cpus[_cpu(state, index)]
        state.rss[index].load = state.rss[index].load * core.rss_share // max(1, core.rss_frames)


@inner
def _extremes(state: State) -> tuple[int, int]:
    """The queues whose CPUs are the busiest and the idlest."""
    busiest, idlest = 0, 0
    for queue in range(state.knobs.queues):
        share = state.cpus[state.irq_cpus[queue]].rss_share
        if share > state.cpus[state.irq_cpus[busiest]].rss_share:
            busiest = queue
        if share < state.cpus[state.irq_cpus[idlest]].rss_share:
            idlest = queue
    return busiest, idlest


@inner
def _cpu(state: State, index: int) -> int:
    """The CPU of the queue that the bucket has, or is to have."""
    bucket = state.rss[index]
    queue = bucket.wanted - 1
    if queue < 0:
        queue = bucket.queue
    return state.irq_cpus[queue]


@inner
def _best(state: State, cpu: int, gap: int) -> int:
    """The bucket whose move narrows the gap most without reversing it, or -1."""
    best, distance = -1, gap
    for index in range(codes.RSS_ENTRIES):
        load = state.rss[index].load
        after = abs(gap - 2 * load)
        if 0 < load < gap and after < distance and _cpu(state, index) == cpu:
            best, distance = index, after
    return best
