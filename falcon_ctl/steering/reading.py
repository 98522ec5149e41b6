"""A host's answer to ``observe``, and the one before it, as a `Host` and its events. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import (
    Cpu,
    Event,
    Flow,
    Host,
    Place,
    Queue,
    Share,
    Slice,
    Socket,
    Work,
)
from falcon_ctl.systems.system import FLAGS
from rxpath.live.observing import SLICE
from topo.spec.model import Container, Topology

IDLE = "idle"
SECOND_CHOICE = 2  # of a stage's CPU, as records have it
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
MAC_LEN = 6  # bytes of a flow's addresses: it has no IP
_SECOND = 1_000_000_000


NO_KNOBS: Mapping[str, Any] = MappingProxyType({})


def main_knobs(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs that most people ask for, of all that a host has."""
    if not knobs:
        return {}
    falcon = knobs["falcon"]
    return {
        "profile": knobs["profile"],
        "policy": knobs["policy"],
        "parts": [flag for flag in FLAGS if falcon[flag]],
        "threshold": falcon["threshold"],
        "load_interval_ns": falcon["load_interval_ns"],
        "falcon_cpus": falcon["cpus"],
        "split_cpus": falcon["grosplit_cpus"],
        "order": falcon["order"],
        "queues": knobs["queues"],
        "rps_cpus": knobs["rps_cpus"],
    }


@dataclass
class Reader:
    """Reads the answers of one host, one after the other."""

    name: str
    topology: Topology
    _before: Mapping[str, Any] | None = None
    _ran: Choice | None = None
    _works: list[Work] = field(default_factory=list)
    _delivered: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    @property
    def next_slice(self) -> int:
        """From which piece of work on the next answer is to be."""
        return self._before["next_slice"] if self._before else 0

    @property
    def asks(self) -> dict[str, Any]:
        """What the next request has to say of the last answer."""
        if self._before is None:
            return {}
        keys = {"since": "next_slice", "moves_since": "next_move", "known": "profile"}
        return {key: self._before[name] for key, name in keys.items()}

    def knows(self, activity: int) -> bool:
        """Whether the name of an activity is known."""
        return activity < len(self._works)

    def work(self, activity: int) -> Work:
        """The activity's name."""
        return self._works[activity]

    def forget(self) -> None:
        """The next answer is of another process, or of another connection."""
        self._before = None
        self._delivered.clear()

    def read(
        self, now: Mapping[str, Any], choice: Choice, knobs: Mapping[str, Any] = NO_KNOBS
    ) -> tuple[Host, list[Event]]:
        """The host now, of which `choice` and `knobs` were read back, and what happened."""
        if now["activities"] is not None:
            self._works = [Work(*names) if names else Work("none") for names in now["activities"]]
        before = self._before
        if before is not None and now["model_ns"] < before["model_ns"]:
            before = None  # it was started again
            self._delivered.clear()
        host = replace(self._host(now, before or now, choice), knobs=main_knobs(knobs))
        events = [] if before is None else list(self._events(now, before, host))
        if self._ran not in (None, choice):
            events.insert(0, Event(now["model_ns"], self.name, "use", f"{self.name} runs {choice}"))
        self._before, self._ran = now, choice
        return host, events

    def _host(self, now: Mapping[str, Any], old: Mapping[str, Any], choice: Choice) -> Host:
        span = now["model_ns"] - old["model_ns"]
        rate = _SECOND / span if span > 0 else 0.0
        new = {name: n - old["counts"][name] for name, n in now["counts"].items()}
        asked = self._before is not None or bool(now["slices"])
        slices = tuple(self._slices(now["slices"]))
        missed = now["next_slice"] - old["next_slice"] - len(slices) if asked else 0
        return Host(
            name=self.name,
            model_ns=now["model_ns"],
            span_ns=span,
            choice=choice,
            falcon_off=now["off"],
            average_load=now["average_load"],
            pps=new["delivered"] * rate,
            bps=8 * new["bytes"] * rate,
            counts=now["counts"],
            drops=now["drops"],
            cpus=tuple(self._cpus(now, old, span)),
            queues=tuple(
                Queue(number, depth, now["limits"]["ring"], cpu)
                for number, (depth, cpu) in enumerate(
                    zip(now["depths"]["ring"], now["irq_cpus"], strict=True)
                )
            ),
            sockets=tuple(self._sockets(now)),
            flows=tuple(self._flows(now["flows"], now["model_ns"], old["model_ns"])),
            latencies=_difference(now["latencies"], old["latencies"] if old is not now else None),
            slices=slices,
            missed_slices=max(0, missed),
        )

    def _cpus(self, now: Mapping[str, Any], old: Mapping[str, Any], span: int) -> Iterator[Cpu]:
        used: dict[int, dict[int, int]] = {}
        earlier = {(cpu, work): ns for cpu, work, ns in zip(*old["busy"], strict=True)}
        for cpu, work, ns in zip(*now["busy"], strict=True):
            if (new := ns - earlier.get((cpu, work), 0)) > 0:
                used.setdefault(cpu, {})[work] = new
        backlogs, cells = now["depths"]["backlog"], now["depths"]["gro_cell"]
        for cpu, state in enumerate(now["doing"]):
            ns = used.get(cpu, {})
            if not (ns or state != IDLE or backlogs[cpu] or cells[cpu] or now["load"][cpu]):
                continue
            shares = tuple(self._shares(ns, span))
            load = min(1.0, sum(share.load for share in shares))
            yield Cpu(cpu, load, state, now["load"][cpu], backlogs[cpu], cells[cpu], shares)

    def _shares(self, used: Mapping[int, int], span: int) -> Iterator[Share]:
        """One for each work: stages of several chains may be the same device's."""
        sums: dict[Work, int] = {}
        for number, ns in sorted(used.items()):
            work = self._works[number]
            sums[work] = sums.get(work, 0) + ns
        for work, ns in sums.items():
            yield Share(work, min(1.0, ns / span) if span > 0 else 0.0)

    def _sockets(self, now: Mapping[str, Any]) -> Iterator[Socket]:
        limit, depths, memory = now["limits"]["socket"], now["depths"]["socket"], now["memory"]
        for container, depth, used in zip(self._containers, depths, memory, strict=False):
            yield Socket(container.name, depth, used, limit)

    @cached_property
    def _containers(self) -> Sequence[Container]:
        return self.topology.containers_of(self.name)

    @cached_property
    def _by_address(self) -> Mapping[tuple[str, str], str]:
        """Containers' names by tenant and address."""
        return {(one.tenant, str(one.ip)): one.name for one in self.topology.containers}

    def _flows(self, now: Mapping[str, list[Any]], model_ns: int, since: int) -> Iterator[Flow]:
        """The flows of an answer of `model_ns`; the one before was of `since`."""
        for at, number in enumerate(now["number"]):
            one = {name: column[at] for name, column in now.items()}
            source, target = self._ends(one)
            ports = one["ports"]
            yield Flow(
                number=number,
                proto=_protocol(one["protocol"], one["address_len"]),
                source=source,
                source_port=max(0, ports) >> 16,
                target=target,
                target_port=max(0, ports) & 0xFFFF,
                arrived=one["arrived"],
                delivered=one["delivered"],
                dropped=sum(one["drops"].values()),
                reordered=one["reordered"],
                moves=one["moves"],
                bytes=one["bytes"],
                pps=self._rate(one, model_ns, since),
                places=tuple(Place(self._works[work], cpu) for work, cpu in one["places"]),
            )

    def _rate(self, flow: Mapping[str, Any], model_ns: int, since: int) -> float:
        """Delivered frames a second since the answer before that had the flow.

        That may be an earlier one than the last: an answer has some of the flows.
        """
        key, delivered = (flow["number"], flow["first"]), flow["delivered"]
        unknown = (since, 0) if flow["first"] >= since else (since, delivered)
        then, before = self._delivered.get(key, unknown)
        self._delivered[key] = model_ns, delivered
        return (delivered - before) * _SECOND / (model_ns - then) if model_ns > then else 0.0

    def _ends(self, flow: Mapping[str, Any]) -> tuple[str, str]:
        """Containers' names where there are such of the tenant, else addresses."""
        containers = self._containers
        if not 0 <= flow["container"] < len(containers):
            return flow["source"], flow["target"]
        target = containers[flow["container"]]
        names = self._by_address
        source = names.get((target.tenant, flow["source"]), flow["source"])
        is_target = names.get((target.tenant, flow["target"])) == target.name
        return source, target.name if is_target else flow["target"]

    def _slices(self, packed: str) -> Iterator[Slice]:
        for row in np.frombuffer(base64.b64decode(packed), SLICE).tolist():
            start, end, queued, packet, flow, stolen, activity, cpu = row
            yield Slice(cpu, self._works[activity], flow, packet, queued, start, end, stolen)

    def _events(
        self, now: Mapping[str, Any], old: Mapping[str, Any], host: Host
    ) -> Iterator[Event]:
        flows = {flow.number: str(flow) for flow in host.flows}
        for time, activity, flow, cpu, new, choice in zip(*now["moves"], strict=True):
            kind = "rehash" if choice == SECOND_CHOICE else "move"
            what = flows.get(flow, f"flow {flow}")
            text = f"{what}: {self._works[activity]} CPU {cpu} → {new}"
            yield Event(time, self.name, kind, text)
        counts = {name: n - old["counts"][name] for name, n in now["counts"].items()}
        for name, kind, text in _COUNTED:
            if counts[name] > 0:
                yield Event(now["model_ns"], self.name, kind, text.format(counts[name]))
        for reason, count in now["drops"].items():
            if (new := count - old["drops"].get(reason, 0)) > 0:
                yield Event(now["model_ns"], self.name, "drop", f"{new} frames lost: {reason}")


_COUNTED = (
    ("handovers", "handover", "{} hand-overs of flows' stages"),
    ("switched_off", "switch-off", "FALCON is off: its CPUs' load reached the threshold"),
    ("switched_on", "switch-on", "FALCON is on again: the load fell below the threshold"),
)


def _protocol(number: int, address_len: int) -> str:
    """The name of a flow's protocol."""
    return "ethernet" if address_len == MAC_LEN else PROTOCOLS.get(number, f"ip-{number}")


def _difference(
    now: Sequence[Sequence[int]], old: Sequence[Sequence[int]] | None
) -> tuple[tuple[int, int], ...]:
    """New counts of histograms that are (upper bounds, counts)."""
    before = {} if old is None else dict(zip(*old, strict=True))
    found = [(bound, count - before.get(bound, 0)) for bound, count in zip(*now, strict=True)]
    return tuple(one for one in found if one[1] > 0)
