"""The measurements of a run, and the checks over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from falcon_ctl.capture.trace import Trace
from falcon_ctl.checks import clocks, outcome, reach, rebalance, steering, underlay
from falcon_ctl.checks.clocks import Replayed
from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.rebalance import Episode
from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.systems.system import System
from falcon_ctl.traffic.tcp import Transfer


@dataclass
class Findings:
    """Everything that the checks look at.

    `underlay`: VXLAN packets as they reached a receiving NIC, by the UDP port that their system
    sends to; `vnis` and `ttl`: which they may have.
    """

    systems: list[System]
    answered: dict[str, reach.Pairs] = field(default_factory=dict)
    heard: dict[str, reach.Heard] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    learned: Mapping[str, set[tuple[int, str]]] = field(default_factory=dict)
    senders: set[tuple[int, str]] = field(default_factory=set)
    underlay: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    vnis: set[int] = field(default_factory=set)
    ttl: int = 64
    measurements: list[Measurement] = field(default_factory=list)
    traces: list[tuple[str, Trace]] = field(default_factory=list)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    replays: dict[str, Replayed] = field(default_factory=dict)
    surge: Episode | None = None
    overload: Episode | None = None
    trains: tuple[Trace, int] | None = None

    def add(self, measurement: Measurement, trace: Trace) -> None:
        """Keep a run."""
        self.measurements.append(measurement)
        self.traces.append((measurement.label, trace))

    @property
    def can_judge_isolation(self) -> bool:
        """Tenants share an address that a probe was sent to, so there is something to judge."""
        return any(self.probes.values())

    def judge(self) -> list[Verdict]:
        """All checks that the chosen systems allow."""
        return [
            *self._network(),
            *self._stages(),
            *self._rebalancing(),
            *self._clocks(),
            *self._speed(),
        ]

    def _network(self) -> Iterator[Verdict]:
        yield reach.all_reachable(self.answered)
        if self.can_judge_isolation:
            yield reach.tenants_isolated(self.heard, self.probes)
        yield reach.macs_learned(self.learned, self.senders)
        yield underlay.frames_are_vxlan(self.underlay, self.vnis, self.ttl)
        yield underlay.ports_follow_flows(
            frame for sent in self.underlay.values() for frame in sent
        )

    def _stages(self) -> Iterator[Verdict]:
        yield steering.cpus_follow_formula(self.traces)
        steady = [(label, trace) for label, trace in self.traces if not _moves_stages(trace)]
        yield steering.one_cpu_per_stage(steady)
        if self.trains is not None:
            yield steering.segments_are_split_and_merged(*self.trains)
        yield outcome.order_kept(self.measurements)
        yield outcome.bytes_intact(self.transfers)

    def _rebalancing(self) -> Iterator[Verdict]:
        if self.surge is not None:
            yield rebalance.surge_moves_stage(self.surge)
            yield rebalance.guard_keeps_order(self.surge.trace)
        if self.overload is not None:
            yield rebalance.switches_off_and_on(self.overload)
        yield outcome.nothing_unaccounted(self.measurements)

    def _clocks(self) -> Iterator[Verdict]:
        yield clocks.same_events(self.replays)
        yield clocks.rates_as_predicted(self.measurements)

    def _speed(self) -> Iterator[Verdict]:
        chosen = {system.name for system in self.systems}
        falcon = [system.name for system in self.systems if system.is_falcon_overlay]
        if falcon and "overlay" in chosen:
            yield outcome.falcon_doubles_overlay(self._rates("saturating"), falcon)
        if falcon and "host" in chosen:
            yield outcome.falcon_near_host(self._rates("saturating"), falcon)
        if falcon and "overlay" in chosen:
            streams = self._rates("stream")
            reached = [system for system in falcon if system in streams]
            yield outcome.falcon_above_overlay(streams, reached or falcon)
        steady = self._valid("steady")
        judged = [system for system in falcon if system in steady]
        # Where another load took part there is no latency to judge, and the table says so.
        if judged and {"host", "overlay"} <= set(steady):
            yield outcome.latency_between(steady, judged)

    def _valid(self, load: str) -> dict[str, Measurement]:
        """The valid measurements under a load, by system."""
        return {m.system: m for m in self.measurements if m.load == load and not m.invalid}

    def _rates(self, load: str) -> dict[str, float]:
        return {system: m.pps for system, m in self._valid(load).items()}


def _moves_stages(trace: Trace) -> bool:
    """Whether the policy may move a flow's stage from one CPU to another."""
    knobs = trace.meta["knobs"]
    falcon = knobs["falcon"]
    if knobs["policy"] in ("falcon", "falcon+rps"):
        return bool(falcon["balancing"] or falcon["switch_off"])
    return knobs["policy"] not in ("same_cpu", "rps", "rfs")
