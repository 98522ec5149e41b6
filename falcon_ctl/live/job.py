"""The main job: provision, wait, drive flows, measure, judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import networkx as nx

from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.capture.trace import Trace
from falcon_ctl.checks.rebalance import Episode
from falcon_ctl.live import isolation, reach, tcp, udp, virtual_replay
from falcon_ctl.live.discovery import Discovery, discover, discover_tcp
from falcon_ctl.live.explainer import Entries
from falcon_ctl.live.findings import Findings
from falcon_ctl.live.load_sampler import LoadSampler
from falcon_ctl.live.plan import DILATION, FULL_RATE, SATURATING, Plan
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems.catalogue import FALCON, MAIN_JOB, OVERLAY, PIPELINING, SPLITTING
from falcon_ctl.systems.system import System, Tunnel
from falcon_ctl.traffic import choice
from falcon_ctl.traffic.flows import Flow
from falcon_ctl.traffic.load import Load

_REACH_DEADLINE, _PROBE_DEADLINE = 15.0, 5.0
_TRAINS, _TRAIN_LENGTH = 6, 16
_REPEATS, _REPEAT_BEFORE = 2, 48.0  # of a late run; s, as the whole is to end within a minute
_SAMPLES = 64  # VXLAN packets of each system that are looked at
_T = TypeVar("_T", udp.Outcome, tcp.Outcome)


def probed(systems: Sequence[System]) -> list[System]:
    """The overlay first, then one of `systems` for each other set of table entries."""
    by_entries = {(s.tunnel, s.vxlan_port): s for s in (*reversed(systems), OVERLAY)}
    return sorted(by_entries.values(), key=lambda system: system != OVERLAY)


@dataclass
class Job:
    """One run of the main job; it fills `findings`, `captures`, `runs` and `discovered`."""

    testbed: Testbed
    plan: Plan
    systems: list[System]
    steps: Steps
    findings: Findings = field(init=False)
    captures: dict[tuple[str, str], list[Packet]] = field(default_factory=dict)
    runs: list[LiveRun] = field(default_factory=list)
    discovered: LiveRun | None = None
    _ran: list[tuple[System, str, Trace]] = field(default_factory=list)
    _held_by: dict[tuple[Tunnel, int], Entries] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.findings = Findings(self.systems)

    @staticmethod
    def count(systems: list[System]) -> int:
        """How many steps a run has."""
        extra = 2 * (FALCON in systems) + (SPLITTING in systems)
        return 5 + 4 * len(systems) + extra

    def run(self) -> Findings:
        """Run all steps and return the findings.

        Raises:
            PartFailed: a part of the network failed or died.
        """
        self._provision()
        self.probe_tenants()
        found = self._discover()
        candidates = found.candidates
        single = choice.spread(candidates).flow
        stream = choice.spread(discover_tcp(self.testbed, self.plan)).flow
        most = {
            system: self._capacity(found, system, single) for system in (OVERLAY, *self.systems)
        }
        common = self.plan.steady(single, most[OVERLAY]), self.plan.many(most[OVERLAY])
        for system in self.systems:
            cores = system.cores_of_a_stage
            saturating = self.plan.saturating(single, most[system], cores)
            self._measure(system, (saturating, *common), stream)
        self._rebalance(found)
        self._replay()
        self.findings.learned = self.testbed.controller.learned
        return self.findings

    def _provision(self) -> None:
        with self.steps.step("pipelines and entries") as results:
            with self.testbed.watch.blaming():
                self.testbed.controller.push_pipelines()
                updates = self.testbed.controller.use(OVERLAY)
            self.testbed.use(OVERLAY, dilation=DILATION)
            results.append(f"{updates} updates on {len(self.testbed.controller.switches)} switches")

    def probe_tenants(self) -> None:
        """Find who reaches whom, under each set of table entries."""
        topology, findings = self.testbed.topology, self.findings
        with self.steps.step("containers reach each other") as results:
            for system in self._entries():
                found = reach.ping_all(self.testbed, _REACH_DEADLINE)
                findings.answered[system.name] = found
                results.append(f"{system.name}: {sum(found.values())} of {len(found)} pairs answer")
            findings.senders = reach.senders(topology)
        with self.steps.step("tenants are isolated") as results:
            for system in self._entries():
                heard, findings.probes = isolation.listen(self.testbed, _PROBE_DEADLINE)
                findings.heard[system.name] = heard
            results.append(f"{len(findings.probes)} probes each under {', '.join(findings.heard)}")
        if not findings.can_judge_isolation:
            self.steps.note("no tenants share addresses across machines: isolation is not judged")

    def _entries(self) -> Iterator[System]:
        """Make the network run, in turn, one system for each set of table entries."""
        for system in probed(self.systems):
            self.testbed.use(system, dilation=DILATION)
            yield system

    def _discover(self) -> Discovery:
        with self.steps.step("frames at every stage point") as results:
            found = discover(self.testbed, self.plan)
            if found.outcome.measurement.invalid:
                found = discover(self.testbed, self.plan)
            self.findings.add(found.outcome.measurement, found.outcome.trace)
            held = self._held(PIPELINING)
            self.discovered = LiveRun("discovery", found.outcome.trace, held)
            self.findings.underlay[PIPELINING.vxlan_port] += found.underlay
            self.findings.vnis = {tenant.vni for tenant in self.testbed.topology.tenants}
            self.findings.ttl = 64 - self._transit_hops()
            self.captures = found.captures
            results.append(f"{len(found.underlay)} on the underlay, {len(found.candidates)} flows")
        return found

    def _transit_hops(self) -> int:
        """Switches that route the tunnel's packets after the one that encapsulated them."""
        path = nx.shortest_path(self.testbed.network.graph, self.plan.source, self.plan.target)
        return len(path) - 3

    def _capacity(self, found: Discovery, system: System, *flows: Flow) -> float:
        """What a system takes of these flows by the model, packets/s: the measure of a load.

        A flood of them, or what it leaves of them when there are fewer, if that is more: a system
        that loses packets late wastes work on them.
        """
        trace = found.outcome.trace
        flooded = virtual_replay.capacity_pps(system, self.plan.flood(flows), trace)
        less = self.plan.flood(flows, max(1, round(SATURATING * flooded / FULL_RATE)))
        return max(flooded, virtual_replay.capacity_pps(system, less, trace))

    def _measure(self, system: System, loads: tuple[Load, Load, Load], stream: Flow) -> None:
        """Measure a UDP flow, many of them, and a TCP connection: the same ones for each system."""
        saturating, steady, many = loads
        self._drive(system, saturating)
        outcome = self._drive(system, steady)
        if system.tunnel is Tunnel.TO_HOST:
            ours = udp.passages_of(outcome.trace, list(steady.flows))[:_SAMPLES]
            self.findings.underlay[system.vxlan_port] += [passage.frame for passage in ours]
        self._drive(system, many)
        sent, seed = self.plan.stream(), self.plan.seed
        run = self.measured_step(
            system, "tcp", sent.name, lambda: tcp.stream(self.testbed, system, stream, sent, seed)
        )
        if run.transfer is not None:
            self.findings.transfers[system.name] = run.transfer

    def _drive(self, system: System, load: Load) -> udp.Outcome:
        return self.measured_step(
            system, "udp", load.name, lambda: udp.run(self.testbed, system, load)
        )

    def measured_step(self, system: System, proto: str, load: str, run: Callable[[], _T]) -> _T:
        """A measured step; an invalid run is repeated while there is time for it."""
        with self.steps.step(f"{system.title}: {proto} {load}") as results:
            outcome = run()
            for _ in range(_REPEATS):
                in_time = self.steps.seconds < _REPEAT_BEFORE * self._share
                if not (outcome.measurement.invalid and in_time) or outcome.measurement.disordered:
                    break  # a reordering is kept, however late the run was
                self.steps.note(f"once more ({outcome.measurement.invalid})")
                outcome = run()
            found = outcome.measurement
            results.append(f"{found.pps / 1000:,.0f} kpps" if not found.invalid else found.mark)
            self.findings.add(found, outcome.trace)
            self._ran.append((system, found.label, outcome.trace))
            label = f"{system.title}: {proto} {load}"
            self.runs.append(LiveRun(label, outcome.trace, self._held(system)))
        return outcome

    def _held(self, system: System) -> Entries:
        """What the switches hold under a system, read back once for each set of entries."""
        key = system.tunnel, system.vxlan_port
        if key not in self._held_by:
            with self.testbed.watch.blaming():
                self._held_by[key] = Entries.read(self.testbed.controller.switches)
        return self._held_by[key]

    @property
    def _share(self) -> float:
        """How long this run takes, in those of `MAIN_JOB` with loads of a second."""
        return max(1.0, self.plan.duration) * max(1.0, len(self.systems) / len(MAIN_JOB))

    def _rebalance(self, found: Discovery) -> None:
        if SPLITTING in self.systems:
            self._trains(SPLITTING)
        if FALCON in self.systems:
            self._overload(FALCON, self._surge(found, FALCON))

    def _replay(self) -> None:
        """Run what was recorded once more, under the virtual clock."""
        with self.steps.step("the same frames under the virtual clock") as results:
            for system, label, trace in self._ran:
                if virtual_replay.can_replay(system):
                    self.findings.replays[label] = virtual_replay.replayed(system, trace)
            frames = sum(run.frames for run in self.findings.replays.values())
            results.append(f"{frames} of {len(self.findings.replays)} runs")

    def _trains(self, system: System) -> None:
        flow = self.plan.train()
        outcome = self.measured_step(
            system,
            "tcp",
            "trains",
            lambda: tcp.segment_trains(
                self.testbed, system, flow, _TRAINS, _TRAIN_LENGTH, DILATION
            ),
        )
        self.findings.trains = outcome.trace, outcome.stats["softirq"]["merged"]

    def _surge(self, found: Discovery, system: System) -> float:
        """Returns what a core takes that two flows share, packets/s."""
        surging, other, cpu = choice.colliding(found.candidates)
        # The second choices are the subject, so FALCON must not switch itself off.
        alone = replace(system, falcon=system.falcon - {"switch_off"})
        static = replace(alone, falcon=alone.falcon - {"balancing"})
        most = self._capacity(found, static, surging.flow, other.flow)
        self.findings.surge = self._episode(alone, self.plan.surge(surging, other, most), cpu)
        return most

    def _overload(self, system: System, capacity: float) -> None:
        # Second choices would pile up on one of the cores and keep the average down.
        static = replace(system, falcon=system.falcon - {"balancing"})
        self.findings.overload = self._episode(static, self.plan.overload(capacity), -1)

    def _episode(self, system: System, load: Load, cpu: int) -> Episode:
        """A load with a surge, while the host's load is sampled."""
        with LoadSampler(self.testbed.network.machines[self.plan.target].control_socket) as sampler:
            outcome = self._drive(system, load)
        meta = outcome.trace.meta
        began = min((passage.arrival for passage in outcome.trace.passages), default=0)
        surge_at = outcome.sent.start_ns + load.surge_at - meta["epoch_ns"]
        counts = outcome.stats["falcon"]
        return Episode(
            trace=outcome.trace,
            samples=[s for s in sampler.samples if s.time >= began],
            ports=[flow.source_port for flow in load.flows],
            cpu=cpu,
            surge_at=surge_at // meta["dilation"],
            switched=(counts["switched_off"], counts["switched_on"]),
        )
