"""The flows of the load: between all pairs of containers of the first and the last machine."""

import itertools

from falcon_ctl.live.plan import Plan
from falcon_ctl.traffic.flows import Endpoint, Flow
from topo.spec.model import Container, Topology

PORT, FIRST_SOURCE = 9400, 10_000


def flows(topology: Topology, count: int) -> list[Flow]:
    """`count` flows of different source ports, spread over the pairs of containers."""
    pairs = Plan(topology, 1, 1.0).pairs
    return [
        Flow(number, _end(source), _end(target), FIRST_SOURCE + number, PORT)
        for number, (source, target) in zip(range(count), itertools.cycle(pairs), strict=False)
    ]


def _end(container: Container) -> Endpoint:
    return Endpoint(container.name, container.mac, str(container.ip))
