"""The main job: provision, wait, drive flows, measure, judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import networkx as nx

from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.checks.rebalance import Episode
from falcon_ctl.live import isolation, reach, tcp, udp
from falcon_ctl.live.discovery import discover
from falcon_ctl.live.findings import Findings
from falcon_ctl.live.lab import Lab
from falcon_ctl.live.monitor import Monitor
from falcon_ctl.live.plan import DILATION, Plan
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems.catalogue import FALCON, MAIN_JOB, OVERLAY, PIPELINING, SPLITTING
from falcon_ctl.systems.system import System, Tunnel
from falcon_ctl.traffic import choice
from falcon_ctl.traffic.choice import Candidate
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
    """One run of the main job; it fills `findings` and `captures`."""

    lab: Lab
    plan: Plan
    systems: list[System]
    steps: Steps
    findings: Findings = field(init=False)
    captures: dict[tuple[str, str], list[Packet]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.findings = Findings(self.systems)
        self._connections = itertools.count()

    @staticmethod
    def count(systems: list[System]) -> int:
        """How many steps a run has."""
        extra = 2 * (FALCON in systems) + (SPLITTING in systems)
        return 4 + 4 * len(systems) + extra

    def run(self) -> Findings:
        """Run all steps and return the findings.

        Raises:
            PartFailed: a part of the network failed or died.
        """
        self._provision()
        self.probe_tenants()
        candidates = self._discover()
        single = choice.spread(candidates)
        for system in self.systems:
            self._measure(system, single)
        self._rebalance(candidates)
        self.findings.learned = self.lab.controller.learned
        return self.findings

    def _provision(self) -> None:
        with self.steps.step("pipelines and entries") as results:
            with self.lab.watch.blaming():
                self.lab.controller.push_pipelines()
                updates = self.lab.controller.use(OVERLAY)
            self.lab.use(OVERLAY, dilation=DILATION)
            results.append(f"{updates} updates on {len(self.lab.controller.switches)} switches")

    def probe_tenants(self) -> None:
        """Find who reaches whom, under each set of table entries."""
        topology, findings = self.lab.topology, self.findings
        with self.steps.step("containers reach each other") as results:
            for system in self._entries():
                found = reach.ping_all(self.lab, _REACH_DEADLINE)
                findings.answered[system.name] = found
                results.append(f"{system.name}: {sum(found.values())} of {len(found)} pairs answer")
            findings.speakers = reach.speakers(topology)
        with self.steps.step("tenants are isolated") as results:
            for system in self._entries():
                heard, findings.probes = isolation.listen(self.lab, _PROBE_DEADLINE)
                findings.heard[system.name] = heard
            results.append(f"{len(findings.probes)} probes each under {', '.join(findings.heard)}")
        if not findings.can_judge_isolation:
            self.steps.note("no tenants share addresses across machines: isolation is not judged")

    def _entries(self) -> Iterator[System]:
        """Make the network run, in turn, one system for each set of table entries."""
        for system in probed(self.systems):
            self.lab.use(system, dilation=DILATION)
            yield system

    def _discover(self) -> list[Candidate]:
        with self.steps.step("frames at every stage point") as results:
            found = discover(self.lab, self.plan)
            if found.outcome.measurement.invalid:
                found = discover(self.lab, self.plan)
            self.findings.add(found.outcome.measurement, found.outcome.trace)
            self.findings.underlay[PIPELINING.vxlan_port] += found.underlay
            self.findings.vnis = {tenant.vni for tenant in self.lab.topology.tenants}
            self.findings.ttl = 64 - self._transit_hops()
            self.captures = found.captures
            results.append(f"{len(found.underlay)} on the underlay, {len(found.candidates)} flows")
        return found.candidates

    def _transit_hops(self) -> int:
        """Switches that route the tunnel's packets after the one that encapsulated them."""
        path = nx.shortest_path(self.lab.network.graph, self.plan.source, self.plan.target)
        return len(path) - 3

    def _measure(self, system: System, single: Candidate) -> None:
        flow = single.flow
        self._drive(system, self.plan.saturating(flow, system.cores_of_a_stage))
        steady = self._drive(system, self.plan.steady(flow))
        if system.tunnel is Tunnel.TO_HOST:
            ours = udp.passages_of(steady.trace, [flow])[:_SAMPLES]
            self.findings.underlay[system.vxlan_port] += [passage.frame for passage in ours]
        self._drive(system, self.plan.many())
        outcome = self.measured_step(system, "tcp", "streams", lambda: self._connect(system))
        self.findings.transfers[system.name] = list(outcome.transfers)

    def _connect(self, system: System) -> tcp.Outcome:
        """TCP connections on ports that no earlier connection used: those are in TIME_WAIT."""
        flows = self.plan.tcp(next(self._connections))
        size, seed = self.plan.tcp_bytes, self.plan.seed
        return tcp.connections(self.lab, system, flows, size, DILATION, seed)

    def _drive(self, system: System, load: Load) -> udp.Outcome:
        return self.measured_step(system, "udp", load.name, lambda: udp.run(self.lab, system, load))

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
        return outcome

    @property
    def _share(self) -> float:
        """How long this run takes, in those of `MAIN_JOB` with loads of a second."""
        return max(1.0, self.plan.duration) * max(1.0, len(self.systems) / len(MAIN_JOB))

    def _rebalance(self, candidates: list[Candidate]) -> None:
        if SPLITTING in self.systems:
            self._trains(SPLITTING)
        if FALCON in self.systems:
            self._surge(candidates, FALCON)
            self._overload(FALCON)

    def _trains(self, system: System) -> None:
        flow = self.plan.train()
        outcome = self.measured_step(
            system,
            "tcp",
            "trains",
            lambda: tcp.segment_trains(self.lab, system, flow, _TRAINS, _TRAIN_LENGTH, DILATION),
        )
        self.findings.trains = outcome.trace, outcome.stats["softirq"]["merged"]

    def _surge(self, candidates: list[Candidate], system: System) -> None:
        surging, other, cpu = choice.colliding(candidates)
        # The second choices are the subject, so FALCON must not switch itself off.
        alone = replace(system, falcon=system.falcon - {"switch_off"})
        self.findings.surge = self._episode(alone, self.plan.surge(surging, other), cpu)

    def _overload(self, system: System) -> None:
        # Second choices would pile up on one of the cores and keep the average down.
        static = replace(system, falcon=system.falcon - {"balancing"})
        self.findings.overload = self._episode(static, self.plan.overload(), -1)

    def _episode(self, system: System, load: Load, cpu: int) -> Episode:
        """A load with a surge, while the host's load is sampled."""
        with Monitor(self.lab.network.machines[self.plan.target].control_socket) as monitor:
            outcome = self._drive(system, load)
        meta = outcome.trace.meta
        surge_at = outcome.sent.start_ns + load.surge_at - meta["epoch_ns"]
        counts = outcome.stats["falcon"]
        return Episode(
            trace=outcome.trace,
            samples=[s for s in monitor.samples if s.time >= outcome.trace.passages[0].arrival],
            ports=[flow.source_port for flow in load.flows],
            cpu=cpu,
            surge_at=surge_at // meta["dilation"],
            switched=(counts["switched_off"], counts["switched_on"]),
        )
