"""The plain twin's polling cores: kernel bypass."""

from __future__ import annotations

from host_twin_objects import Cpu, Skb

from rxpath.model.state import codes


class Bypass:
    """The part of `Twin` that knows polling cores."""

    def polls(self, cpu: Cpu) -> bool:
        return self.k.profile == "bypass" and any(nic.cpu == cpu.number for nic in self.nics)

    def begin_polling(self) -> None:
        for cpu in self.cpus:
            self.rest(cpu)

    def rest(self, cpu: Cpu) -> None:
        cpu.work = ("spin", None) if self.polls(cpu) else None
        cpu.start, cpu.stolen = self.now, 0

    def stop_spinning(self, cpu: Cpu) -> None:
        if cpu.work == ("spin", None):
            self.account(cpu)
            cpu.work = None

    def settle(self) -> None:
        for cpu in self.cpus:
            if cpu.work == ("spin", None):
                self.account(cpu)
                cpu.start = self.now

    def arrive_at_poller(self, cpu: Cpu, skb: Skb) -> int:
        ring = self.rings[cpu.number].queue
        if len(ring) >= self.k.ring:
            self.drops["rx_missed"] += 1
            return codes.RX_MISSED
        ring.append(skb)
        self.stop_spinning(cpu)
        if cpu.work is None:
            self.poll_ring(cpu)
        return 0

    def poll_ring(self, cpu: Cpu) -> bool:
        ring = self.rings[cpu.number].queue
        if not ring:
            return False
        skb = ring.popleft()
        fixed, kib = self.sum(skb, "frame")
        cost = fixed + kib * skb.length // 1024 + self.stack_cost(skb) + self.k.service_ns
        self.begin(cpu, skb, codes.POLL, 0)
        skb.at = 1
        self.start(cpu, "poll", skb, cost + self.stack_cost(skb))
        return True
