"""The plain twin's packets: what stages cost, GRO, where packets go next."""

from __future__ import annotations

from host_twin_objects import Cpu, Napi, Skb

from rxpath.config import profiles
from rxpath.model.state import codes

CLOSING = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "URG": 32}


def hash_32(value: int, bits: int) -> int:
    return (value * 0x61C88647) % 2**32 // 2 ** (32 - bits)


class Stages:
    """The part of `Twin` that knows packets."""

    # -- stages
    def sum(self, skb: Skb, per: str) -> tuple[int, int]:
        entries = [self.amount[name] for name in skb.stages[skb.at].costs]
        entries = [entry for entry in entries if entry.per == per]
        fixed = sum(entry.tcp if skb.tcp else entry.udp for entry in entries)
        return fixed, sum(entry.ns_kib for entry in entries)

    def stack_cost(self, skb: Skb) -> int:
        fixed, kib = self.sum(skb, "skb")
        segment, _ = self.sum(skb, "segment")
        return fixed + segment * len(skb.frames) + kib * skb.length // 1024

    def gro_applies(self, skb: Skb) -> bool:
        return skb.tcp and self.k.gro

    def allocates_late(self, skb: Skb) -> bool:
        return skb.tcp and self.k.policy == "mflow"

    def at_nic(self) -> bool:
        return self.k.policy in ("rps", "rfs", "falcon+rps")

    def behind_gro_cost(self, skb: Skb) -> int:
        return self.cost("split_send") if self.at_nic() else self.stack_cost(skb)

    def leaving_gro_cost(self, skb: Skb) -> int:
        merged, _ = self.sum(skb, "complete") if len(skb.frames) > 1 else (0, 0)
        return merged + self.behind_gro_cost(skb)

    def gro_cost(self, skb: Skb) -> int:
        cost, _ = self.sum(skb, "gro")
        return cost if self.gro_applies(skb) else cost + self.behind_gro_cost(skb)

    def begin(self, cpu: Cpu, skb: Skb, kind: int, choice: int) -> None:
        index = skb.stages[skb.at].ifindex
        entry = [kind, index, cpu.number, choice, skb.enqueued, self.now, self.now, skb.held]
        skb.held = 0
        for frame in skb.frames:
            frame.record.append(list(entry))

    def end(self, skb: Skb) -> None:
        for frame in skb.frames:
            frame.record[-1][6] = self.now

    def start_frame(self, cpu: Cpu, napi: Napi, skb: Skb) -> None:
        self.look_up(skb)
        self.follow(skb)
        target, choice = self.choose(skb, codes.SPLIT, cpu.number)
        skb.target = self.backlogs[target] if choice in (1, 2) else napi
        skb.target, skb.choice = self.kept(skb, 0, skb.target, choice)
        if skb.target.kind == "nic" and skb.target is not napi:
            skb.target, skb.choice = napi, 0
        fixed, kib = self.sum(skb, "frame")
        cost = fixed + kib * skb.length // 1024
        cost += self.gro_cost(skb) if skb.target is napi else self.cost("split_send")
        if skb.target is napi or not self.allocates_late(skb):
            cost += self.sum(skb, "alloc")[0]
        self.begin(cpu, skb, codes.NAPI, 0)
        self.start(cpu, "frame", skb, cost)

    def finish_frame(self, cpu: Cpu, napi: Napi, skb: Skb) -> None:
        if skb.target is napi:
            self.note(skb, 0, napi)
            self.up(cpu, napi, skb)
            return
        self.end(skb)
        skb.split, skb.came_from = "gro", cpu.number
        self.enqueue(cpu, skb.target, skb, 0)

    def start_skb(self, cpu: Cpu, napi: Napi, skb: Skb) -> None:
        if skb.split == "gro":
            kind, cost = codes.SPLIT, self.cost("split_receive") + self.gro_cost(skb)
            if self.allocates_late(skb):
                cost += self.sum(skb, "alloc")[0]
        elif skb.split == "stack":
            kind, cost = codes.RPS, self.cost("split_receive") + self.stack_cost(skb)
        else:
            kind, cost = profiles.KINDS[skb.stages[skb.at].kind], self.stack_cost(skb)
            if napi.kind == "cell" or self.k.policy == "mflow":
                cost += self.sum(skb, "cell")[0]
        if skb.came_from != cpu.number:
            cost += self.cost("cache_penalty")
        self.begin(cpu, skb, kind, skb.choice)
        self.start(cpu, "skb", skb, cost)

    def up(self, cpu: Cpu, napi: Napi, skb: Skb) -> None:
        if not self.gro_applies(skb):
            self.leave_gro(cpu, napi, skb)
            return
        bucket = napi.held[skb.hash % 8]
        same = [p for p in bucket if (p.flow, p.stages, p.at) == (skb.flow, skb.stages, skb.at)]
        closing = any(skb.flags & bit for bit in CLOSING.values())
        if same and self.merges(same[0], skb):
            held = same[0]
            self.softirqs["merged"] += 1
            held.frames += skb.frames
            held.length += skb.payload
            held.truesize += skb.truesize
            held.next_seq = (skb.seq + skb.payload) % 2**32
            if closing or skb.payload < held.payload:
                bucket.remove(held)
                cpu.ready.append(held)
            return
        if same:
            bucket.remove(same[0])
            cpu.ready.append(same[0])
        if closing or skb.payload == 0:
            cpu.ready.append(skb)
            return
        if len(bucket) >= 8:
            cpu.ready.append(bucket.pop(0))
        skb.next_seq = (skb.seq + skb.payload) % 2**32
        bucket.append(skb)

    def merges(self, held: Skb, skb: Skb) -> bool:
        compared = 0xFF - (0x01 + 0x08 + 0x80)  # all flags but FIN, PSH and CWR
        return (
            not skb.flags & 0x80
            and skb.flags & compared == held.flags & compared
            and (skb.key, skb.batch) == (held.key, held.batch)
            and 0 < skb.payload <= held.payload
            and skb.seq == held.next_seq
            and held.length + skb.payload < 65536
        )

    def leave_gro(self, cpu: Cpu, napi: Napi, skb: Skb) -> None:
        self.leave_stage(cpu, napi, skb, 0)

    def hand_on(self, cpu: Cpu, skb: Skb, position: int) -> None:
        if position != 0 or not self.at_nic():
            self.move_on(cpu, skb)
            return
        skb.split = "stack"
        target, choice = self.choose(skb, codes.RPS, cpu.number)
        napi, skb.choice = self.kept(skb, codes.NIC_POSITION, self.backlogs[target], choice)
        self.enqueue(cpu, napi, skb, codes.NIC_POSITION)

    def move_on(self, cpu: Cpu, skb: Skb) -> None:
        skb.at += 1
        kind = skb.stages[skb.at].kind
        if kind in ("socket", "defrag"):
            self.resequence(cpu, skb)
            return
        if kind == "deny":
            self.lose(cpu, skb, "netfilter_drop", cpu)
            return
        target, choice = self.choose(skb, profiles.KINDS[kind], cpu.number)
        if kind == "gro_cell" and choice not in (1, 2):
            napi = self.cells[cpu.number]
        else:
            napi = self.backlogs[target]
        napi, skb.choice = self.kept(skb, skb.at, napi, choice)
        self.enqueue(cpu, napi, skb, skb.at)

    # -- steering
    def choose(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        return getattr(self, "policy_" + self.k.policy.replace("+", "p"))(skb, stage, here)

    def policy_same_cpu(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        return here, 0

    policy_rsspp = policy_same_cpu

    def policy_rps(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        if stage in (codes.SPLIT, codes.GRO_CELL):
            return here, 0
        own = self.k.rps_masks.get(skb.stages[skb.at].device)
        cpus = sorted(set(own)) if own else self.k.rps_cpus
        return cpus[skb.hash * len(cpus) // 2**32], 1

    def policy_falconprps(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        if stage == codes.RPS:
            return self.policy_rps(skb, stage, here)
        cpu, choice = self.policy_falcon(skb, stage, here)
        if stage == codes.BACKLOG and choice in (0, 3):
            cpu, by_hash = self.policy_rps(skb, stage, here)
            choice = choice or by_hash
        return cpu, choice

    def policy_rfs(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        if stage in (codes.SPLIT, codes.GRO_CELL):
            return here, 0
        return self.sockets[skb.socket].task.cpu, 1

    def policy_mflow(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        if stage != (codes.SPLIT if skb.tcp else codes.GRO_CELL):
            return here, 0
        cpus = self.k.rps_cpus
        batch = skb.frames[0].number // self.k.mflow_batch
        return cpus[(skb.hash * len(cpus) // 2**32 + batch) % len(cpus)], 1

    def policy_falcon(self, skb: Skb, stage: int, here: int) -> tuple[int, int]:
        f = self.f
        if f.switch_off and self.average >= f.threshold:
            return here, 3
        if stage == codes.SPLIT and not (skb.tcp and f.splitting):
            return here, 0
        if skb.tcp and f.splitting and (stage == codes.SPLIT or not f.tcp_pipelining):
            return f.grosplit_cpus[hash_32(skb.hash, 16) % len(f.grosplit_cpus)], 1
        if not f.pipelining:
            return here, 0
        one = hash_32(skb.hash + skb.stages[skb.at].ifindex, 16)
        first = f.cpus[one % len(f.cpus)]
        if f.balancing and self.cpus[first].load >= f.threshold:
            return f.cpus[hash_32(one, 16) % len(f.cpus)], 2
        return first, 1
