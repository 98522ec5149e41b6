"""The plain twin's rules: the operator's policy, and the NIC's flow table."""

from __future__ import annotations

from rxpath.config import profiles
from rxpath.config.profiles import Stage


class Rules:
    """The part of `Twin` that knows which way a flow goes, and where it is denied."""

    def begin_rules(self) -> None:
        self.entries: set = set()  # flows
        self.refused: set = set()
        self.functions: set = set()  # threads
        self.slow = 0

    def way_of(self, f: dict) -> tuple[list, int]:
        """The stages of a frame, and its length with what the NIC left of its tunnel."""
        profile, length = list(profiles.load().values())[f["chain"]], f["wire_len"]
        if profile.slow_path and not self.is_offloaded(f["flow"], f["socket"]):
            self.slow += 1
            profile, length = profiles.load()[profile.slow_path], length + 50
        stages = list(profile.stages)
        if f["flow"] in self.k.denied:
            return self.cut(stages), length
        return (self.split(stages) if f.get("fragments", 0) > 1 else stages), length

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

    def cut(self, stages: list) -> list:
        for at, stage in enumerate(stages):
            if stage.policy:
                paid = stage.costs[: stage.costs.index(stage.policy) + 1]
                until = Stage(stage.kind, stage.device, stage.ifindex, paid)
                return [*stages[:at], until, Stage("deny", "", stage.ifindex, ())]
        return stages
