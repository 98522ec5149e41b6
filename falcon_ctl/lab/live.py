"""A lab on the live network: real frames from container to container, received in model time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from falcon_ctl import lock
from falcon_ctl.background import in_parallel
from falcon_ctl.capture.trace import Trace
from falcon_ctl.errors import UsageError
from falcon_ctl.lab.choice import Chosen
from falcon_ctl.lab.errors import one_line
from falcon_ctl.lab.flows import Flows
from falcon_ctl.lab.lab import Lab
from falcon_ctl.lab.run import Run, labels
from falcon_ctl.live import run_timeline, tcp, udp
from falcon_ctl.live.explainer import Entries
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.steering.session import Session
from falcon_ctl.systems.system import merge_knobs
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.traffic import payload, schedule
from falcon_ctl.traffic.flows import Flow
from falcon_ctl.traffic.load import Load, Stream
from topo.client.launch import up
from topo.client.network import Network
from topo.errors import NotRunning
from topo.rundir import RunDir
from topo.spec.model import Topology

MOST_RATE = 3000.0  # real frames/s that this computer sends and receives beside all else
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, UDP
SEGMENT = 1400  # bytes of data in a TCP segment, about
UDP_PORT, TCP_PORT = 9011, 9012
_SOURCE_PORTS = (30_031, 32_000)  # below the ephemeral range, and no protocol's by convention
# The kernel's 40 ms of model time would be 40 s: FALCON would never be seen to react.
_SHORT_RUN = {"falcon": {"load_interval_ns": 20_000}}


class LiveLab(Lab):
    """Drives a network that is up; what it brought up itself ends with it."""

    clock = "live"

    def __init__(self, network: Network, seed: int, dilation: int, ours: bool) -> None:
        super().__init__(network.spec, seed)
        self.network = network
        self.dilation = dilation
        self._ours = ours
        self._recorded: list[tuple[Run, Trace, Entries]] = []

    @classmethod
    def bring_up(
        cls,
        topology: Topology,
        seed: int,
        switch: str,
        dilation: int,
        run_dir: str | os.PathLike[str] | None,
    ) -> LiveLab:
        """A lab on `topology`, which is brought up unless it is up. Raises as `lab.up` does."""
        place = RunDir(run_dir)
        if switch == "auto" and (found := _running(place, topology)) is not None:
            return cls(found, seed, dilation, ours=False)
        done = up(topology, switch, place)
        return cls(Network.connect(place.path), seed, dilation, ours=not done.was_up)

    def close(self) -> None:
        """Take the network down if this lab brought it up."""
        with one_line():
            if self._ours:
                self.network.down()
            self.network.close()

    def _use(self, chosen: Chosen) -> None:
        with Session.open(self.network) as session:
            session.use(chosen.choice(self.dilation))

    def _send(self, chosen: Chosen, asked: Flows) -> Run:
        with self._testbed() as testbed:
            send = self._udp if asked.proto == "udp" else self._tcp
            return send(testbed, chosen, asked)

    @contextmanager
    def _testbed(self) -> Iterator[Testbed]:
        """The network's switches and hosts, which nobody else drives meanwhile."""
        with lock.exclusive(self.network.run_dir), Testbed.open(self.network) as testbed:
            controller = testbed.controller
            names = list(controller.switches)
            done = in_parallel({name: partial(controller.provision, name) for name in names})
            for result in done.values():
                if isinstance(result, Exception):
                    raise result
            yield testbed

    def _udp(self, testbed: Testbed, chosen: Chosen, asked: Flows) -> Run:
        load = udp_load(testbed, chosen, asked, self.dilation)
        return self._run(testbed, chosen, asked, udp.run(testbed, chosen.system, load))

    def _tcp(self, testbed: Testbed, chosen: Chosen, asked: Flows) -> Run:
        if asked.count != 1:
            raise UsageError("flows", str(asked.count), "1 TCP connection under the live clock")
        (flow,) = flows_of(testbed, asked, TCP_PORT)
        load, knobs = stream(asked, self.dilation), merge_knobs(_SHORT_RUN, chosen.knobs)
        found = tcp.stream(testbed, chosen.system, flow, load, asked.seed, **knobs)
        return self._run(testbed, chosen, asked, found)

    def _run(
        self, testbed: Testbed, chosen: Chosen, asked: Flows, found: udp.Outcome | tcp.Outcome
    ) -> Run:
        run = Run(self.clock, asked, found.measurement, chosen.given)
        entries = Entries.read(testbed.controller.switches)
        self._recorded.append((run, found.trace, entries))
        return run

    def _traced(self, title: str) -> Timeline:
        """Of what the receiving hosts recorded, with some frames' way through the switches."""
        made = [one for one in self._recorded if one[0] in self.runs]
        names = labels([run for run, *_ in made])
        runs = [
            LiveRun(name, trace, entries)
            for name, (_, trace, entries) in zip(names, made, strict=True)
        ]
        return run_timeline.timeline(title, runs, self.topology)


def _running(place: RunDir, topology: Topology) -> Network | None:
    """The network of this run directory if it has this topology and is usable."""
    try:
        network = Network.connect(place.path)
    except NotRunning:
        return None
    if network.spec.links == topology.links and not network.status(probe=True).troubles:
        return network
    network.close()
    return None


def udp_load(testbed: Testbed, chosen: Chosen, asked: Flows, dilation: int) -> Load:
    """The flows as the live network sends them: real frames/s, wall time.

    Raises:
        UsageError: more frames/s than this computer sends in time.
    """
    rate, seconds = asked.rate / dilation, asked.ms * dilation / 1000
    if rate * asked.count > MOST_RATE:
        expected = f"at most {MOST_RATE * dilation:g} packets/s of all flows, or a higher dilation"
        raise UsageError("rate", f"{asked.rate:g} x {asked.count}", expected)
    size = max(payload.SIZE, asked.size - HEADERS)
    rng = np.random.default_rng([asked.seed, 1])
    schedules = [
        schedule.poisson(rate, seconds, rng) if asked.poisson else schedule.constant(rate, seconds)
        for _ in range(asked.count)
    ]
    flows = flows_of(testbed, asked, UDP_PORT)
    return Load("lab", flows, schedules, dilation, size, merge_knobs(_SHORT_RUN, chosen.knobs))


def stream(asked: Flows, dilation: int) -> Stream:
    """A TCP connection that lasts about as long as was asked for, at a million segments/s."""
    segments = 2 * asked.window + 1000 * asked.ms
    timeout = 10 + asked.ms * dilation / 100
    return Stream("lab", dilation, asked.window, 2 * asked.window, segments * SEGMENT, timeout)


def flows_of(testbed: Testbed, asked: Flows, port: int) -> list[Flow]:
    """Flows that differ in their source ports, which the seed decides."""
    rng = np.random.default_rng([asked.seed, 0])
    numbers = rng.choice(np.arange(*_SOURCE_PORTS), asked.count, replace=False)
    ends = testbed.endpoint(asked.source), testbed.endpoint(asked.target)
    return [Flow(0, *ends, int(number), port, asked.proto) for number in numbers]
