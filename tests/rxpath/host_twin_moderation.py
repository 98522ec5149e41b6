"""The plain twin's interrupt moderation: the NIC's timer and counter, and dynamic moderation."""

from __future__ import annotations

from dataclasses import dataclass, field

from host_twin_objects import Napi

EQE = [(1, 256), (8, 256), (64, 256), (128, 256), (256, 256)]
CQE = [(2, 256), (8, 128), (16, 64), (32, 64), (64, 64)]
OTHER = {"right": "left", "left": "right"}


@dataclass
class Dim:
    """`struct dim` of a queue."""

    profile: int = 0
    heading: str = "top"  # parked there; or tired, right, left
    steps: dict = field(default_factory=lambda: {"right": 0, "left": 0})
    tired: int = 0
    before: tuple = (0, 0, 0)
    since: tuple | None = None  # (ns, interrupts, packets, bytes) at the start of the measurement
    applied_at: int | None = None
    decisions: int = 0
    changes: int = 0

    def decide(self, now: tuple) -> bool:
        """`now`: bytes, packets and interrupts a ms; whether the profile changes."""
        old, parked = self.profile, self.heading == "top"
        if self.heading == "tired":
            self.tired -= 1
            if self.tired == 0:
                self.set_out()
        elif parked:
            if self.verdict(now) != "same":
                self.set_out()
        else:
            if self.verdict(now) != "better":
                self.heading = OTHER[self.heading]
                self.steps[self.heading] = 0
            if self.steps[self.heading] == 1 and self.steps[OTHER[self.heading]] > 1:
                self.park("top")
            else:
                self.step()
        if not (parked and self.heading == "top"):
            self.before = now
        self.decisions += 1
        self.changes += self.profile != old
        return self.profile != old

    def verdict(self, now: tuple) -> str:
        for new, old, more_is_better in zip(now, self.before, (True, True, False), strict=True):
            if old == 0:
                return "better" if new and more_is_better else "same"
            if abs(new - old) * 100 // old > 10:
                return "better" if (new > old) == more_is_better else "worse"
        return "same"

    def set_out(self) -> None:
        self.heading = "left" if self.profile else "right"
        self.step()

    def step(self) -> None:
        if self.tired == 10:
            self.park("tired")
            return
        there = self.profile + (1 if self.heading == "right" else -1)
        if there not in range(5):
            self.park("top")
            return
        self.profile = there
        self.steps[self.heading] += 1
        self.tired += 1

    def park(self, how: str) -> None:
        self.heading, self.steps = how, {"right": 0, "left": 0}
        if how == "top":
            self.tired = 0


class Moderation:
    """The part of `Twin` that knows when a NIC interrupts."""

    def begin_moderation(self) -> None:
        self.profiles = {"cqe": CQE, "eqe": EQE}[self.k.period_mode]
        for nic in self.nics:
            nic.dim, nic.in_use = Dim(), 1
            nic.restarted = -(10**18)
            nic.usecs, nic.frames = self.k.rx_usecs, self.k.rx_frames
            if self.k.moderation == "adaptive":
                nic.usecs, nic.frames = self.profiles[1]

    def completion(self, nic: Napi) -> None:
        if self.k.period_mode == "cqe":
            nic.restarted = self.now

    def event(self, nic: Napi) -> None:
        nic.events += 1
        if self.k.period_mode == "eqe":
            nic.restarted = self.now

    def moderate(self, nic: Napi) -> None:
        self.apply(nic)
        source, due = ("interrupt", nic.number), self.now
        if nic.pending < nic.frames:
            due = max(due, nic.restarted + nic.usecs * 1000)
        if source not in self.due or self.due[source][0] != due:
            self.schedule(source, due, 1)

    def apply(self, nic: Napi) -> None:
        if nic.dim.applied_at is not None and nic.dim.applied_at <= self.now:
            nic.dim.applied_at = None
            nic.in_use = nic.dim.profile
            nic.usecs, nic.frames = self.profiles[nic.in_use]

    def look(self, nic: Napi) -> None:
        """The poll is complete: a sample."""
        self.apply(nic)
        if self.k.moderation != "adaptive" or nic.dim.applied_at is not None:
            return
        sample = (self.now, nic.events, nic.tail, nic.bytes)
        if nic.dim.since is None:
            nic.dim.since = sample
            return
        past, events, packets, size = (b - a for a, b in zip(nic.dim.since, sample, strict=True))
        usecs = past // 1000
        if events < 64 or usecs == 0:
            return
        nic.dim.since = sample
        if nic.dim.decide(tuple(-(-count * 1000 // usecs) for count in (size, packets, 64))):
            nic.dim.since = None
            nic.dim.applied_at = self.now + self.cost("modify_cq")

    def coalescing(self) -> list:
        found = []
        for nic in self.nics:
            self.apply(nic)
            adaptive = self.k.moderation == "adaptive"
            found.append(
                {
                    "adaptive_rx": adaptive,
                    "rx_usecs": nic.usecs,
                    "rx_frames": nic.frames,
                    "profile": nic.in_use if adaptive else None,
                    "decisions": nic.dim.decisions,
                    "changes": nic.dim.changes,
                }
            )
        return found
