"""The plain twin's IP fragments: a dictionary of datagrams that are not whole."""

from __future__ import annotations

from dataclasses import replace

from host_twin_objects import Cpu, Skb

from rxpath.config.profiles import Stage
from rxpath.model.state import codes


class Fragments:
    """The part of `Twin` that knows datagrams in pieces."""

    def begin_fragments(self) -> None:
        self.incomplete: dict = {}  # (flow, number of the datagram) -> (begun, fragments)

    def split(self, stages: list) -> list:
        """What fragments meet: the stage with the protocol is two, and between them they wait."""
        found = []
        for stage in stages:
            reached = tuple(name for name in stage.costs if not name.endswith("udp_gro_receive"))
            stage = replace(stage, costs=reached)
            if not stage.defrag:
                found.append(stage)
                continue
            at = stage.costs.index(stage.defrag)
            first, rest = stage.costs[:at], stage.costs[at:]
            found.append(Stage(stage.kind, stage.device, stage.ifindex, (*first, "ip_defrag")))
            found.append(Stage("defrag", stage.device, stage.ifindex, ("ip_frag_reasm", *rest)))
        return found

    def defragment(self, cpu: Cpu, skb: Skb) -> None:
        waiting = [one for _, parts in self.incomplete.values() for one in parts]
        if sum(one.truesize for one in waiting) > self.k.ipfrag_high_thresh:
            self.leave(skb, "drop", "frag_memory", cpu)
            return
        skb.enqueued = self.now
        key = skb.flow, skb.seq
        _, parts = self.incomplete.setdefault(key, (self.now, []))
        parts.append(skb)
        parts.sort(key=lambda one: one.frames[0].number)
        if len(parts) == skb.fragments:
            del self.incomplete[key]
            cpu.ready.append(parts)

    def start_datagram(self, cpu: Cpu, parts: list) -> None:
        for one in parts:
            self.begin(cpu, one, codes.DEFRAG, 0)
        datagram = self.joined(parts)
        self.start(cpu, "datagram", datagram, self.stack_cost(datagram))

    def joined(self, parts: list) -> Skb:
        datagram = parts[0]
        datagram.frames = [frame for one in parts for frame in one.frames]
        datagram.length += sum(one.payload for one in parts[1:])
        datagram.truesize = sum(one.truesize for one in parts)
        datagram.batch = -1  # its fragments have had their order
        return datagram

    def expire(self) -> None:
        old = [
            key
            for key, (begun, _) in self.incomplete.items()
            if self.now - begun >= self.k.ipfrag_time_ns
        ]
        for key in old:
            parts = self.incomplete.pop(key)[1]
            cpu = self.cpus[parts[0].came_from]
            self.leave(self.joined(parts), "drop", "frag_reasm_timeout", cpu)
