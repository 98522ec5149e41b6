"""The plain twin's order: the guard of flows that move, and mFlow's resequencer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from host_twin_objects import Cpu, Napi, Skb

from rxpath.model.state import codes


@dataclass(frozen=True)
class Last:
    """Where the last packet of a hash went at a position."""

    napi: Napi
    tail: int
    choice: int
    hash: int


@dataclass
class Handover:
    """Packets of a hash at a position are `new`'s, and wait there until `old` has come far enough.

    `ring`: those that may not leave the stage yet (True), or not enter it (False).
    """

    key: tuple
    new: Napi
    old: Napi
    until: int
    ring: list = field(default_factory=list)


class Order:
    """The part of `Twin` that knows in which order a flow's frames came."""

    def begin_order(self, flows: int) -> None:
        self.went: dict = {}
        self.handovers: list = []  # under way, in the order in which they began
        self.held = {"handovers": 0, "under_way": 0, "held": 0, "held_ns": 0}
        self.order: list = [[] for _ in range(flows)]
        self.waiting: list = [{} for _ in range(flows)]

    # -- a flow's stage moves
    def rule(self) -> str:
        return {"mflow": "none", "rfs": "rfs"}.get(self.k.policy, self.f.order)

    def under_way(self, key: tuple) -> Handover | None:
        return next((one for one in self.handovers if one.key == key), None)

    def waits_elsewhere(self, key: tuple, napi: Napi | None) -> bool:
        last = self.went.get(key)
        return last is not None and last.napi is not napi and last.napi.head < last.tail

    def kept(self, skb: Skb, position: int, napi: Napi, choice: int) -> tuple[Napi, int]:
        key = skb.hash % codes.GUARD_ENTRIES, position
        last, begun = self.went.get(key), self.under_way(key)
        if last is None or last.napi is napi:
            return napi, choice
        if begun is None and (self.rule() != "rfs" or not self.waits_elsewhere(key, napi)):
            return napi, choice
        return last.napi, last.choice if last.hash == skb.hash else codes.CHOICE_KEPT

    def enqueue(self, cpu: Cpu, napi: Napi, skb: Skb, position: int) -> None:
        key = skb.hash % codes.GUARD_ENTRIES, position
        begun = self.under_way(key)
        napi = begun.new if begun else napi
        moves = self.rule() != "none" and self.waits_elsewhere(key, napi)
        in_front = skb.stages[skb.at + 1].kind in ("socket", "defrag") and (begun or moves)
        first = not in_front and self.prism and skb.priority and napi.kind == "backlog"
        queue = napi.urgent if first else napi.queue
        if (self.aside(napi) if in_front else len(queue)) > self.k.max_backlog:
            reason = "cpu_backlog" if napi.kind == "backlog" else "gro_cell"
            self.lose(cpu, skb, reason, self.cpus[napi.cpu])
            return
        skb.enqueued = self.now
        if napi.cpu != cpu.number:
            cpu.extra += self.cost("remote_enqueue")
        if in_front:
            self.note(skb, position, napi)
            self.under_way(key).ring.append((skb, False))
        elif first:
            if not napi.urgent:
                self.append(cpu, napi, [])
                self.put_at_the_head(cpu, napi)
            napi.urgent.append(skb)
            napi.tail += 1
            self.note(skb, position, napi)
        else:
            self.append(cpu, napi, [skb])
            self.note(skb, position, napi)

    def append(self, cpu: Cpu, napi: Napi, skbs: list) -> None:
        napi.queue.extend(skbs)
        napi.tail += len(skbs)
        if not napi.scheduled:
            napi.scheduled = True
            if napi.thread:
                cpu.extra += self.call(napi.thread, self.now)
                return
            cpu.raised = cpu.raised or napi.cpu != cpu.number
            (cpu.poll if napi.cpu == cpu.number else cpu.ipis).append(napi)

    def put_at_the_head(self, cpu: Cpu, napi: Napi) -> None:
        if napi in cpu.poll:
            cpu.poll.remove(napi)
        elif napi is not cpu.napi:
            return  # its IPI is to come
        cpu.poll.insert(0, napi)

    def aside(self, napi: Napi) -> int:
        return sum(len(one.ring) for one in self.handovers if one.new is napi)

    def note(self, skb: Skb, position: int, napi: Napi) -> None:
        key = skb.hash % codes.GUARD_ENTRIES, position
        begun = self.under_way(key)
        if self.rule() == "none" or (begun and begun.new is not napi):
            return
        if begun is None and self.waits_elsewhere(key, napi):
            old = self.went[key].napi
            self.handovers.append(Handover(key, napi, old, old.tail))
            self.held["handovers"] += 1
            self.held["under_way"] += 1
        self.went[key] = Last(napi, napi.tail, skb.choice, skb.hash)

    def leave_stage(self, cpu: Cpu, napi: Napi, skb: Skb, position: int) -> None:
        self.end(skb)
        skb.came_from = cpu.number
        begun = self.under_way((skb.hash % codes.GUARD_ENTRIES, position))
        if begun is None or begun.old is napi:
            self.hand_on(cpu, skb, position)
        elif self.aside(napi) > self.k.max_backlog:
            reason = "gro_cell" if napi.kind in ("cell", "nic") else "cpu_backlog"
            self.lose(cpu, skb, reason, self.cpus[napi.cpu])
        else:
            skb.enqueued = self.now
            begun.ring.append((skb, True))

    def head_moved(self, cpu: Cpu, old: Napi) -> None:
        for begun in [one for one in self.handovers if one.old is old and one.until <= old.head]:
            worked = True
            while begun.ring:
                skb, worked = begun.ring.pop(0)
                skb.held = self.now - skb.enqueued
                self.held["held"] += 1
                self.held["held_ns"] += skb.held
                if not worked:
                    self.append(cpu, begun.new, [skb])
                    self.went[begun.key] = replace(self.went[begun.key], tail=begun.new.tail)
                    continue
                for frame in skb.frames:
                    frame.record[-1][7] = skb.held
                skb.held = 0
                if skb.came_from != cpu.number:
                    cpu.extra += self.cost("cache_penalty")
                    skb.came_from = cpu.number
                self.hand_on(cpu, skb, begun.key[1])
                if cpu.ready:  # a datagram is whole: the rest when it is done
                    return
            if not worked and begun.new.cpu != cpu.number:
                cpu.extra += self.cost("remote_enqueue")
            self.handovers.remove(begun)
            self.held["under_way"] -= 1

    # -- micro-flows of one flow

    def follow(self, skb: Skb) -> None:
        if self.k.policy == "mflow":
            frame = skb.frames[0]
            self.order[skb.flow].append(frame)
            skb.batch = frame.number // self.k.mflow_batch

    def resequence(self, cpu: Cpu, skb: Skb) -> None:
        if skb.batch < 0:
            self.to_socket(cpu, skb)
            return
        order, waiting = self.order[skb.flow], self.waiting[skb.flow]
        for frame in skb.frames[1:]:
            order.remove(frame)
        if order[0] is skb.frames[0]:
            order.pop(0)
            self.to_socket(cpu, skb)
            self.let_go(cpu, skb.flow)
        elif len(waiting) > self.k.max_backlog:
            order.remove(skb.frames[0])
            self.leave(skb, "drop", "resequencer", cpu)
        else:
            waiting[skb.frames[0].number] = skb
            cpu.extra += self.cost("remote_enqueue")

    def lose(self, cpu: Cpu, skb: Skb, reason: str, place: Cpu) -> None:
        if skb.batch >= 0:
            for frame in skb.frames:
                self.order[skb.flow].remove(frame)
        self.leave(skb, "drop", reason, place)
        self.let_go(cpu, skb.flow)

    def let_go(self, cpu: Cpu, flow: int) -> None:
        order, waiting = self.order[flow], self.waiting[flow]
        while order and order[0].number in waiting:
            skb = waiting.pop(order.pop(0).number)
            if skb.came_from != cpu.number:
                cpu.extra += self.cost("cache_penalty")
                skb.came_from = cpu.number
            self.to_socket(cpu, skb)
