"""A lab under the virtual clock: the receiving host alone, as fast as this computer runs it."""

from __future__ import annotations

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.lab.choice import Chosen
from falcon_ctl.lab.flows import Flows
from falcon_ctl.lab.lab import Lab
from falcon_ctl.lab.run import Run, labels
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.timeline import from_virtual, sampling
from falcon_ctl.timeline.build import Assembly
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.virtual.loads import Closed, Load, Stream
from falcon_ctl.virtual.measure import Metrics, measure
from topo.spec.model import Topology

# The kernel's 40 ms would not see a load within a run of some milliseconds.
LOAD_INTERVAL_NS = 500_000
WARM_MS = 2  # of a TCP flow, until its window is open


class VirtualLab(Lab):
    """Runs the model of a receiving host from deadline to deadline; nothing is sent anywhere."""

    clock = "virtual"

    def __init__(self, topology: Topology, seed: int) -> None:
        super().__init__(topology, seed)
        self._made: list[tuple[Run, Chosen]] = []

    def close(self) -> None:
        """Nothing is open."""

    def _use(self, chosen: Chosen) -> None:
        """Each run has a host of its own."""

    def _send(self, chosen: Chosen, asked: Flows) -> Run:
        system = chosen.system
        found = measure(system, load(chosen, asked), asked.seed)
        run = Run(self.clock, asked, measurement(system.name, asked, found), chosen.given)
        self._made.append((run, chosen))
        return run

    def _traced(self, title: str) -> Timeline:
        """Each run once more, recorded: the model gives the same one again."""
        assembly = Assembly(title)
        made = [(run, chosen) for run, chosen in self._made if run in self.runs]
        for name, (run, chosen) in zip(labels([run for run, _ in made]), made, strict=True):
            asked = run.flows
            found = from_virtual.recorded(chosen.system, load(chosen, asked), asked.seed, name)
            assembly.add(found, sampling.MOST_SLICES // len(made))
        return assembly.timeline


def load(chosen: Chosen, asked: Flows) -> Load:
    """What `falcon_ctl.virtual` takes; times there are whole milliseconds."""
    knobs = merge_knobs({"falcon": {"load_interval_ns": LOAD_INTERVAL_NS}}, chosen.knobs)
    ms = max(1, round(asked.ms))
    if asked.proto == "tcp":
        return Closed(asked.count, ms, WARM_MS, window=asked.window, knobs=knobs)
    rates = (asked.rate,) * asked.count
    return Stream(rates, ms, warm_ms=0, size=asked.size, paced=not asked.poisson, knobs=knobs)


def measurement(system: str, asked: Flows, found: Metrics) -> Measurement:
    """The model's metrics in the form that live runs have."""
    return Measurement(
        system=system,
        proto=asked.proto,
        flows=asked.count,
        load="lab",
        sent=found.sent,
        delivered=found.delivered,
        drops=found.drops,
        reordered=found.reordered,
        pps=found.pps,
        latencies=found.latencies,
        late="",
        loads=found.loads,
        cpu_ns=found.cpu_ns,
    )
