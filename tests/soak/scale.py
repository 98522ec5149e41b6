"""Many machines at once: they come up, every container answers, and nothing is left behind."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OVERLAY
from tests.soak.usage import Usage, usage
from tests.topo.driver import Topo, interfaces, is_gone, until
from topo.client.network import Network
from topo.client.ping import ping
from topo.spec.builders import leafspine
from topo.spec.model import Container, Topology
from topo.spec.yaml_file import to_yaml

LEAVES, SPINES = 8, 2
PINGS = 3
DOWN_SECONDS = 60.0


@dataclass
class Scale:
    """Times in s, memory in MiB (shared pages divided by their users)."""

    machines: int
    containers: int
    processes: int
    up_s: float
    provision_s: float
    down_s: float
    rxpath_mib: float
    switch_mib: float
    total_mib: float
    descriptors: int
    silent: list[str]
    left: list[str]

    @property
    def problems(self) -> list[str]:
        """Containers that did not answer, and what was left."""
        return [f"no answer: {name}" for name in self.silent] + [
            f"left: {one}" for one in self.left
        ]

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"{self.machines} machines, {self.containers} containers, {self.processes} processes: "
            f"up in {self.up_s:.0f} s ({self.up_s / self.machines:.2f} s a machine), entries in "
            f"{self.provision_s:.0f} s, down in {self.down_s:.1f} s\n"
            f"memory {self.total_mib:,.0f} MiB in all, {self.rxpath_mib:.0f} MiB a receive path, "
            f"{self.switch_mib:.0f} MiB a switch; at most {self.descriptors} descriptors each\n"
            f"{self.containers - len(self.silent)} of {self.containers} containers answer"
        )


def topology_of(machines: int) -> Topology:
    """A leaf-spine network of that many machines, with four containers each."""
    leaves = min(LEAVES, machines)
    if machines % leaves:
        raise SystemExit(f"make soak: --machines {machines}: expected a multiple of {leaves}")
    return leafspine(leaves, SPINES, machines // leaves)


def bring_up(topo: Topo, machines: int, meanwhile: Callable[[], None] = lambda: None) -> Scale:
    """Bring the network up from a YAML file, provision it, ping, take it down, look for remains.

    `meanwhile` is called while the network is up.
    """
    topology = topology_of(machines)
    before = interfaces()
    topo.run_dir.parent.mkdir(exist_ok=True)
    file = topo.run_dir.with_suffix(".yaml")
    file.write_text(to_yaml(topology))
    began = time.monotonic()
    topo("up", str(file))
    up_s = time.monotonic() - began
    family = topo.family()
    usages = [found for pid in family if (found := usage(pid)) is not None]
    with Network.connect(topo.run_dir) as network:
        parts = {part.name: (part.kind, usage(part.pid)) for part in network.status().parts}
        began = time.monotonic()
        with Testbed.open(network) as testbed:
            testbed.controller.push_pipelines()
            testbed.use(OVERLAY, dilation=1)
            provision_s = time.monotonic() - began
            pairs = _pairs(topology)
            silent = [f"{a.name} -> {b.name}" for a, b in pairs if not _answers(network, a, b)]
    meanwhile()
    began = time.monotonic()
    topo("down")
    down_s = time.monotonic() - began
    return Scale(
        machines=len(topology.machines),
        containers=len(topology.containers),
        processes=len(family),
        up_s=round(up_s, 1),
        provision_s=round(provision_s, 1),
        down_s=round(down_s, 1),
        rxpath_mib=_mean(parts.values(), "rxpath"),
        switch_mib=_mean(parts.values(), "switch"),
        total_mib=round(sum(one.pss for one in usages) / 1024, 1),
        descriptors=max(one.descriptors for one in usages),
        silent=silent,
        left=_left(topo, family, before),
    )


def _pairs(topology: Topology) -> Sequence[tuple[Container, Container]]:
    """Each container with one of its tenant on the next machine."""
    found = []
    for tenant in topology.tenants:
        mine = [c for c in topology.containers if c.tenant == tenant.name]
        per_machine = max(1, len(mine) // len(topology.machines))
        found += [(one, mine[(n + per_machine) % len(mine)]) for n, one in enumerate(mine)]
    return found


def _answers(network: Network, source: Container, target: Container) -> bool:
    return any(ping(network, source.name, str(target.ip), 1.0) is not None for _ in range(PINGS))


def _mean(parts: object, kind: str) -> float:
    found = [u.pss for k, u in parts if k == kind and isinstance(u, Usage)]  # type: ignore[attr-defined]
    return round(sum(found) / max(1, len(found)) / 1024, 1)


def _left(topo: Topo, family: list[int], before: set[str]) -> list[str]:
    with contextlib.suppress(AssertionError):
        until(lambda: all(map(is_gone, family)), DOWN_SECONDS)
    left = [f"process {pid}" for pid in family if not is_gone(pid)]
    left += [f"interface {name}" for name in interfaces() - before]
    return left + [f"file {name}" for name in sorted(topo.files())]
