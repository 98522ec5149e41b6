"""The plain twin's indirection table, and RSS++."""

from __future__ import annotations

from host_twin_objects import Napi


class Rebalance:
    """The part of `Twin` that moves buckets of the indirection table."""

    def begin_balancing(self) -> None:
        self.table = list(self.k.rss_indirection or [i % self.k.queues for i in range(128)])
        self.wanted: dict = {}
        self.count = [0] * 128
        self.last = [0] * 128  # how far the bucket's queue must have come
        self.marks = [0] * len(self.cpus)
        self.balanced = 0

    def rebalanced(self, nic: Napi, bucket: int) -> Napi:
        if self.k.policy != "rss++":
            return nic
        self.count[bucket] += 1
        drained = nic.head >= self.last[bucket] or self.f.order == "none"
        if bucket in self.wanted and drained:
            self.table[bucket] = self.wanted.pop(bucket)
            nic = self.nics[self.table[bucket]]
        self.last[bucket] = nic.tail + min(len(nic.queue) + 1, self.k.ring)
        return nic

    def rebalance(self) -> None:
        elapsed = self.now - self.balanced
        if self.k.policy != "rss++" or elapsed < self.k.rebalance_interval_ns:
            return
        self.balanced = self.now
        share = []
        for cpu in self.cpus[: self.k.cpus]:
            present = self.now - cpu.start - cpu.stolen if cpu.work else 0
            busy = sum(cpu.busy.values()) + present
            share.append(max(0, busy - self.marks[cpu.number]) * 10_000 // elapsed)
            self.marks[cpu.number] = busy

        def where(bucket: int) -> int:
            return self.nics[self.wanted.get(bucket, self.table[bucket])].cpu

        frames = [sum(n for b, n in enumerate(self.count) if where(b) == cpu) for cpu in range(64)]
        load = [n * share[where(b)] // max(1, frames[where(b)]) for b, n in enumerate(self.count)]
        self.count = [0] * 128
        for _ in range(128):
            busiest = max(self.nics, key=lambda nic: share[nic.cpu])
            idlest = min(self.nics, key=lambda nic: share[nic.cpu])
            gap = share[busiest.cpu] - share[idlest.cpu]
            mine = [b for b in range(128) if where(b) == busiest.cpu and 0 < load[b] < gap]
            if gap <= self.k.rebalance_tolerance * 100 or not mine:
                return
            bucket = min(mine, key=lambda b: abs(gap - 2 * load[b]))
            share[busiest.cpu] -= load[bucket]
            share[idlest.cpu] += load[bucket]
            self.wanted[bucket] = idlest.number
            if self.table[bucket] == idlest.number:
                del self.wanted[bucket]
