"""The plain twin's rules: the operator's policy, and the NIC's flow table."""

from __future__ import annotations

from host_twin_objects import Skb

from rxpath.config import profiles
from rxpath.config.profiles import Profile, Stage


def begins(skb: Skb) -> bool:
    return skb.tcp and bool(skb.flags & 0x02)


def is_of(skb: Skb, profile: Profile) -> bool:
    return list(skb.stages) == list(profile.stages)


class Rules:
    """The part of `Twin` that knows which way a flow goes, and where it is denied."""

    def begin_rules(self) -> None:
        self.entries: set = set()  # flows
        self.refused: set = set()
        self.functions: set = set()  # threads
        self.slow = 0
        self.cached: set = set()  # flows
        self.missed: set = set()  # flows that are to be learned
        self.misses = 0

    def way_of(self, f: dict) -> tuple[list, int]:
        """The stages of a frame, and its length with what the NIC left of its tunnel."""
        profile, length = list(profiles.load().values())[f["chain"]], f["wire_len"]
        if profile.slow_path and not self.is_offloaded(f["flow"], f["socket"]):
            self.slow += 1
            profile, length = profiles.load()[profile.slow_path], length + 50
        fragmented = f.get("fragments", 0) > 1
        if profile.low_path and (fragmented or f["flow"] not in self.k.priority):
            profile = profiles.load()[profile.low_path]
        if profile.first_path and (fragmented or f["flow"] in self.k.denied):
            profile = profiles.load()[profile.first_path]
        stages = list(profile.stages)
        if f["flow"] in self.k.denied:
            return self.cut(stages), length
        return (self.split(stages) if fragmented else stages), length

    def is_offloaded(self, flow: int, socket: int) -> bool:
        if flow in self.entries or flow in self.refused or flow in self.k.denied:
            return flow in self.entries
        functions = self.functions | {self.sockets[socket].task}
        room = len(self.entries) < self.k.offload_entries
        if room and (
            len(functions) <= self.k.offload_functions or len(functions) == len(self.functions)
        ):
            self.functions = functions
            self.entries.add(flow)
            return True
        self.refused.add(flow)
        return False

    def has_priority(self, f: dict) -> bool:
        profile = list(profiles.load().values())[f["chain"]]
        whole = f.get("fragments", 0) <= 1
        return bool(profile.low_path) and whole and f["flow"] in self.k.priority

    def look_up(self, skb: Skb) -> None:
        """The driver polls a frame whose chain is for flows that the host knows."""
        path = next((p.first_path for p in profiles.load().values() if is_of(skb, p)), "")
        if not path:
            return
        if begins(skb):
            self.cached.discard(skb.flow)
        if skb.flow not in self.cached:
            self.missed.add(skb.flow)
            self.misses += 1
            skb.stages = list(profiles.load()[path].stages)

    def learn(self, skb: Skb) -> None:
        if skb.flow in self.missed and not begins(skb):
            room = len(self.cached) < self.k.cache_entries
            if room:
                self.missed.remove(skb.flow)
                self.cached.add(skb.flow)

    def cut(self, stages: list) -> list:
        for at, stage in enumerate(stages):
            if stage.policy:
                paid = stage.costs[: stage.costs.index(stage.policy) + 1]
                until = Stage(stage.kind, stage.device, stage.ifindex, paid)
                return [*stages[:at], until, Stage("deny", "", stage.ifindex, ())]
        return stages
