"""What may disturb a measured run: other processes of this computer, and link flaps."""

from __future__ import annotations

from dataclasses import dataclass

from falcon_ctl.checks.disturbance import CpuUse
from falcon_ctl.live import cpu_use
from falcon_ctl.live.testbed import Testbed

Carriers = dict[tuple[str, str], int]
"""Node and interface to how often its carrier has changed."""


@dataclass(frozen=True)
class Environment:
    """A sample of CPU times and carrier changes; the difference of two is what happened between."""

    cpus: cpu_use.Sample
    carriers: Carriers

    @classmethod
    def of(cls, testbed: Testbed) -> Environment:
        """Sample the CPUs and both ends of each link; containers' links end at machines."""
        nodes = [one.name for one in (*testbed.topology.switches, *testbed.topology.machines)]
        carriers = {
            (node, name): link.carrier_changes
            for node in nodes
            for name, link in testbed.links(node).items()
        }
        return cls(cpu_use.sample(testbed.pids), carriers)

    def use_until(self, later: Environment) -> CpuUse:
        """CPU use between this sample and a later one."""
        return self.cpus.until(later.cpus)

    def flaps_until(self, later: Environment) -> list[str]:
        """Interfaces whose carrier changed until a later sample, or that are gone."""
        return [
            f"{node} {name}"
            for (node, name), count in self.carriers.items()
            if later.carriers.get((node, name)) != count
        ]
