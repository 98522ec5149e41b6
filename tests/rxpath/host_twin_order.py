"""The plain twin's resequencer: micro-flows get their order back in front of the socket."""

from __future__ import annotations

from host_twin_objects import Cpu, Skb


class Order:
    """The part of `Twin` that knows in which order a flow's frames came."""

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

    def lose(self, cpu: Cpu, skb: Skb, reason: str) -> None:
        if skb.batch >= 0:
            for frame in skb.frames:
                self.order[skb.flow].remove(frame)
        self.leave(skb, "drop", reason, cpu)
        self.let_go(cpu, skb.flow)

    def let_go(self, cpu: Cpu, flow: int) -> None:
        order, waiting = self.order[flow], self.waiting[flow]
        while order and order[0].number in waiting:
            skb = waiting.pop(order.pop(0).number)
            if skb.came_from != cpu.number:
                cpu.extra += self.cost("cache_penalty")
                skb.came_from = cpu.number
            self.to_socket(cpu, skb)
