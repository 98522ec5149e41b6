"""A made-up network for tests of the dashboard: observations of packets that pass three softirqs.

Times are those of an ideal queue: each core does one thing after the other, first come first
served. It is no model of anything; the page has to show what it is told.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.dashboard.frames import (
    Framer,
    LinkRate,
    choice_message,
    title,
    topology_of,
)
from falcon_ctl.dashboard.messages import Message
from falcon_ctl.errors import NoNetwork
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.observation import (
    Cpu,
    Event,
    Flow,
    Host,
    Observation,
    Place,
    Queue,
    Share,
    Slice,
    Socket,
    Work,
)
from topo.spec.builders import pair

CORES, RING = 40, 1024
CHAIN = (
    (Work("napi", "eth0"), 640),
    (Work("gro_cell", "vxlan0"), 540),
    (Work("backlog", "veth0"), 580),
)
APPLICATION = Work("socket", "red2-1"), 300
BUCKETS = [round(1000 * 10 ** (step / 8)) for step in range(40)]
SHOWN = 90  # packets of a flow whose slices are told


@dataclass
class Sent:
    """A flow that is being sent, in the order of its start."""

    number: int
    request: FlowRequest
    arrived: int = 0
    delivered: int = 0
    dropped: int = 0
    waiting: float = 0.0


@dataclass
class World:
    """The state; `observe` lets `step` seconds of wall time pass."""

    choice: Choice = field(default_factory=lambda: Choice("overlay", dilation=1000))
    step: float = 0.2
    shown: int = SHOWN
    wall_ns: int = 1_800_000_000_000_000_000
    model_ns: int = 1_000_000
    up: bool = True
    wait: threading.Event | None = None  # until which a control has to wait
    flows: dict[int, Sent] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"delivered": 0, "reordered": 0})
    drops: dict[str, int] = field(default_factory=lambda: {"rx_missed": 0})
    events: list[Event] = field(default_factory=list)

    def cpus(self, flow: Sent) -> list[int]:
        """The CPU of each stage of a flow, the application's last."""
        first = (3, 5, 7, 1)[flow.number % 4]
        if not self.choice.system.startswith("falcon"):
            return [first, first, first, 20 + flow.number]
        falcon = self.choice.falcon_cpus or (0, 2, 4, 6, 8, 10)
        spread = [falcon[(3 * flow.number + i) % len(falcon)] for i in (0, 2)]
        return [first, *spread, 20 + flow.number]

    def observe(self) -> Observation:
        span = max(1, round(self.step * 1e9 / (self.choice.dilation or 1000)))
        self.wall_ns += round(self.step * 1e9)
        self.model_ns += span
        slices: list[Slice] = []
        flows, busy = [], dict[int, dict[Work, float]]()
        latencies: dict[int, int] = {}
        delivered_now = missed = 0
        for sent in self.flows.values():
            cpus = self.cpus(sent)
            pps = sent.request.rate * (self.choice.dilation or 1000)
            costs: dict[int, int] = {}
            for (_, cost), cpu in zip(CHAIN, cpus, strict=False):
                costs[cpu] = costs.get(cpu, 0) + cost
            most = 1e9 / max(costs.values())
            arrived = round(self.step * sent.request.rate)
            passed = min(arrived, round(most * span / 1e9))
            sent.waiting = min(RING, sent.waiting + arrived - passed)
            lost = arrived - passed if sent.waiting >= RING else 0
            sent.arrived += arrived
            sent.delivered += passed
            sent.dropped += lost
            delivered_now += passed
            self.drops["rx_missed"] += lost
            rate = max(1.0, min(pps, most))
            for (work, cost), cpu in zip((*CHAIN, APPLICATION), cpus, strict=True):
                shares = busy.setdefault(cpu, {})
                shares[work] = min(1.0, shares.get(work, 0.0) + rate * cost / 1e9)
            slices += self._slices(sent, cpus, rate)
            missed += 4 * max(0, passed - self.shown)
            latency = round(2500 + sent.waiting * 1e9 / most)
            for share, factor in ((0.5, 1.0), (0.3, 1.3), (0.15, 1.8), (0.05, 3.0)):
                bound = next((b for b in BUCKETS if b >= latency * factor), BUCKETS[-1])
                latencies[bound] = latencies.get(bound, 0) + round(passed * share)
            works = [work for work, _ in (*CHAIN, APPLICATION)]
            flows.append(
                Flow(
                    sent.number, sent.request.proto, sent.request.source, sent.request.from_port,
                    sent.request.target, 9100 + sent.number, sent.arrived, sent.delivered,
                    sent.dropped, 0, 0, 64 * sent.delivered, passed * 1e9 / span,
                    tuple(map(Place, works, cpus)),
                )
            )  # fmt: skip
        self.counts = {**self.counts, "delivered": self.counts["delivered"] + delivered_now}
        waiting = round(sum(sent.waiting for sent in self.flows.values()))
        named = [
            Cpu(n, min(1.0, sum(s.values())), "softirq", 0, 0, 0,
                tuple(Share(work, share) for work, share in s.items()))
            for n, s in sorted(busy.items())
        ]  # fmt: skip
        receiver = Host(
            "m2", self.model_ns, span, self.choice, False, 0, delivered_now * 1e9 / span,
            delivered_now * 8 * 128e9 / span, self.counts, dict(self.drops), tuple(named),
            tuple(Queue(n, waiting if n == 1 else 0, RING, 2 * n + 1) for n in range(8)),
            (Socket("red2-1", 2 if flows else 0, 0, 212_992),), tuple(flows),
            tuple(sorted(latencies.items())), tuple(sorted(slices, key=lambda s: s.start)), missed,
        )  # fmt: skip
        quiet = {"delivered": 0, "reordered": 0}
        sender = Host(
            "m1", self.model_ns, span, self.choice, False, 0, 0.0, 0.0, quiet, {"rx_missed": 0},
            (), tuple(Queue(n, 0, RING, 2 * n + 1) for n in range(8)), (), (),
        )  # fmt: skip
        events, self.events = tuple(self.events), []
        return Observation(self.wall_ns, self.choice, {"m1": sender, "m2": receiver}, events)

    def _slices(self, sent: Sent, cpus: list[int], rate: float) -> list[Slice]:
        """Of the last packets; each core is free when it is done with what came before."""
        found, free = [], dict.fromkeys(cpus, 0.0)
        first = max(0, sent.delivered - self.shown)
        begin = self.model_ns - self.shown * 1e9 / rate
        for index in range(self.shown):
            at = begin + index * 1e9 / rate
            for (work, cost), cpu in zip((*CHAIN, APPLICATION), cpus, strict=True):
                start = max(at, free[cpu], begin)
                at = free[cpu] = start + cost
                found.append(
                    Slice(cpu, work, sent.number, first + index, 0, round(start), round(at), 0)
                )
        return found

    def links(self) -> list[LinkRate]:
        rate = sum(sent.request.rate for sent in self.flows.values())
        bits = rate * 8 * 128
        found = [LinkRate("s1", "m1", 0, bits, 0, rate), LinkRate("s1", "m2", bits, 0, rate, 0)]
        found += [
            LinkRate(c.machine, c.name, *((bits, 0, rate, 0) if c.name == "red2-1" else
                                          (0, bits, 0, rate) if c.name == "red1-1" else ()))
            for c in pair().containers
        ]  # fmt: skip
        return found


class WorldSource:
    """A `Source` of a world; `used` has what the controls asked for."""

    def __init__(self, world: World) -> None:
        if not world.up:
            raise NoNetwork(
                "no network is up in /run/x (bring one up: make topo, or falcon-topo up)"
            )
        self.world = world
        self.used: list[Choice] = []
        self._framer = Framer({"m1": CORES, "m2": CORES})
        self._numbers = itertools.count(1)

    def describe(self) -> Message:
        shown = topology_of(pair(), "v1switch 0.1.0")
        return {"type": "network", "up": True, "text": "", **shown}

    def observe(self) -> list[Message]:
        self._verify()
        return list(self._framer.messages(self.world.observe(), self.world.links()))

    def use(self, wanted: Mapping[str, Any]) -> Message:
        self._verify()
        chosen = Choice.from_json(dict(wanted))
        chosen.resolve()
        if self.world.wait is not None:
            self.world.wait.wait(30)
        self.used.append(chosen)
        self.world.choice = chosen if chosen.dilation else Choice(
            **{**chosen.to_json(), "dilation": self.world.choice.dilation}
        )  # fmt: skip
        return choice_message(self.world.choice)

    def prepare(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        request = FlowRequest.from_json({"seed": next(self._numbers), **wanted})
        request.verify(pair())
        return request.to_json()

    def send(
        self,
        request: Mapping[str, Any],
        tell: Callable[[Mapping[str, Any]], None],
        stop: threading.Event,
    ) -> Mapping[str, Any]:
        sent = Sent(request["seed"] - 1, FlowRequest.from_json(request))
        self.world.flows[sent.number] = sent
        end = time.monotonic() + request["seconds"]
        try:
            while time.monotonic() < end and not stop.wait(0.05):
                self._verify()
                tell(
                    {
                        "sent": sent.arrived,
                        "received": sent.delivered,
                        "lost": sent.dropped,
                        "reordered": 0,
                    }
                )
        finally:
            self.world.flows.pop(sent.number, None)
        stopped, runs = stop.is_set(), title(self.world.choice)
        stop.set()  # as steering does, for its own threads
        return {"sent": sent.arrived, "received": sent.delivered, "runs": runs, "stopped": stopped}

    def close(self) -> None:
        self.world.flows.clear()

    def _verify(self) -> None:
        if not self.world.up:
            raise NoNetwork("the network went down")
