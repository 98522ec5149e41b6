"""Isolation of tenants with the same addresses: probes that could only arrive through a leak."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from falcon_ctl.live.testbed import Testbed
from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import Endpoint, Flow, udp_template
from topo.spec.model import Container, Topology

PORT = 7007
_SETTLE, _AGAIN = 0.2, 0.25
_MOST = 1 << 16
_rounds = itertools.count()


@dataclass(frozen=True)
class Probe:
    """A datagram from `source` to the MAC and IP address of `target`, which may not be its own.

    `listener` is the container that should receive it, "" when none should.
    """

    number: int
    source: Container
    target: Container
    listener: str

    @property
    def name(self) -> str:
        """Source and target address, and the MAC address's owner when that is another tenant's."""
        name = f"{self.source.name} to {self.target.ip}"
        return name if self.listener else f"{name} by the MAC of {self.target.name}"


def probes(topology: Topology, first: int = 0) -> list[Probe]:
    """Probes to each address that several tenants have on another machine.

    One goes to the owner in the sender's tenant, one to the MAC address of each other tenant's
    owner. They are numbered from `first`.
    """
    found: list[Probe] = []
    for source, target in _twins(topology):
        own = source.tenant == target.tenant
        found.append(Probe(first + len(found), source, target, target.name if own else ""))
    return found


def listen(testbed: Testbed, deadline: float) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Send all probes until each that has a listener was received, at most `deadline` s.

    Returns:
        Container → names of the probes that it received, and probe's name → its listener.
    """
    plan = probes(testbed.topology, next(_rounds) * _MOST)
    meant = {p.number for p in plan if p.listener}
    sockets = {p.target.name: testbed.receiver(p.target.name, PORT) for p in plan}
    heard: dict[str, set[int]] = {name: set() for name in sockets}
    end = time.monotonic() + deadline
    while time.monotonic() < end and not meant <= set().union(*heard.values()):
        for probe in sorted(plan, key=lambda p: bool(p.listener)):  # strays first
            _send(testbed, probe)
        testbed.watch.pause(_AGAIN)
        _collect(testbed, heard)
    testbed.watch.pause(_SETTLE)
    _collect(testbed, heard)
    # A late probe of an earlier round was judged then.
    names = {p.number: p.name for p in plan}
    return (
        {name: [names[n] for n in sorted(numbers & set(names))] for name, numbers in heard.items()},
        {p.name: p.listener for p in plan},
    )


def _twins(topology: Topology) -> Iterator[tuple[Container, Container]]:
    """One source per tenant, and every owner of an ambiguous address on another machine."""
    sources = {c.tenant: c for c in reversed(topology.containers)}.values()
    by_ip: dict[str, list[Container]] = {}
    for container in topology.containers:
        by_ip.setdefault(str(container.ip), []).append(container)
    for owners in by_ip.values():
        if len({c.tenant for c in owners}) > 1:
            for source in sources:
                yield from ((source, o) for o in owners if o.machine != source.machine)


def _send(testbed: Testbed, probe: Probe) -> None:
    target = Endpoint(probe.target.name, probe.target.mac, str(probe.target.ip))
    flow = Flow(
        probe.number,
        testbed.endpoint(probe.source.name),
        target,
        20000 + probe.number % _MOST,
        PORT,
    )
    testbed.sender(probe.source.name).send(udp_template(flow, payload.SIZE).frame)


def _collect(testbed: Testbed, heard: dict[str, set[int]]) -> None:
    for name, numbers in heard.items():
        sock = testbed.receiver(name, PORT)
        sock.setblocking(False)
        for _ in range(_MOST):
            try:
                stamp = payload.read(sock.recv(2048))
            except BlockingIOError:
                break
            if stamp is not None:
                numbers.add(stamp.flow)
