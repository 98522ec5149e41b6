"""Observations as messages for the page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from falcon_ctl.dashboard.event_log import EventLog
from falcon_ctl.dashboard.messages import Message, event
from falcon_ctl.steering.choice import CHAIN, POLICIES, Choice
from falcon_ctl.steering.failures import message
from falcon_ctl.steering.observation import Flow, Host, Observation
from falcon_ctl.systems.catalogue import BY_NAME, LIVE, MAIN_JOB
from rxpath.config.knobs import ORDERS, FalconKnobs
from topo.protocol.status import Status
from topo.spec.model import Topology

SLICES = 1200  # that are asked of each host for a frame


@dataclass(frozen=True)
class LinkRate:
    """Both directions of a link between the nodes `a` and `b`: bits/s and frames/s of wall time."""

    a: str
    b: str
    ab: float = 0.0
    ba: float = 0.0
    ab_pps: float = 0.0
    ba_pps: float = 0.0
    up: bool = True


class Framer:
    """Makes messages of one observation after the other.

    Args:
        cores: how many CPUs each host has.
    """

    def __init__(self, cores: Mapping[str, int]) -> None:
        self._cores = cores
        self._before: Observation | None = None
        self._shown: tuple[Choice | None, bool] = None, False
        self._log = EventLog()

    def messages(self, now: Observation, links: list[LinkRate]) -> Iterator[Message]:
        """Events and a choice that is new, then the frame."""
        at = now.wall_ns // 1_000_000
        runs, asked = running(now), now.choice is not None
        if (runs, asked) != self._shown:
            self._shown = runs, asked
            yield choice_message(runs, asked)
            if runs is not None and asked:
                yield event(at, "use", f"{title(runs)} ({runs.command()})")
        yield from self._log.messages(now, at, self._before)
        yield self._frame(at, now, runs, links)
        self._before = now

    def _frame(
        self, at: int, now: Observation, runs: Choice | None, links: list[LinkRate]
    ) -> Message:
        before = self._before.hosts if self._before else {}
        hosts = {name: _host(one, before.get(name, one)) for name, one in now.hosts.items()}
        for name, host in hosts.items():
            host["cores"] = self._cores.get(name, 0)
        flows = [
            _flow(one, flow, _same(flow, before.get(name)))
            for name, one in now.hosts.items()
            for flow in one.flows
        ]
        shown = title(runs) if runs else ""
        found = {"type": "frame", "at": at, "title": shown, "hosts": hosts, "flows": flows}
        return {**found, "links": [_link(one) for one in links]}


def running(seen: Observation) -> Choice | None:
    """What the hosts run; what was asked for last where they are of different opinions."""
    choices = {host.choice for host in seen.hosts.values()}
    return choices.pop() if len(choices) == 1 else seen.choice


def title(choice: Choice) -> str:
    """What a reader calls it."""
    name = choice.system.rpartition(":")[2] if CHAIN in choice.system else choice.system
    found = BY_NAME[name].title if name in BY_NAME else name
    return f"{found}, {choice.policy.rpartition(':')[2]}" if choice.policy else found


def choice_message(choice: Choice | None, asked: bool = True) -> Message:
    """The message ``choice``; `asked`: not only the hosts but also the switches run it."""
    if choice is None:
        return {"type": "choice", "choice": None}
    more = {"title": title(choice), "command": choice.command(), "asked": asked}
    cores = choice.falcon_cpus or FalconKnobs().cpus
    return {"type": "choice", "choice": {**choice.to_json(), **more, "cores": list(cores)}}


def network_message(topology: Topology, status: Status) -> Message:
    """The message ``network`` of one that is up."""
    shown = topology_of(topology, f"{status.target} {status.version}")
    return {"type": "network", "up": True, **_trouble(status), **shown}


def trouble_messages(status: Status, at_ms: int) -> list[Message]:
    """That parts of a network which is up are in trouble, or are not any more."""
    trouble = _trouble(status)
    told = trouble["text"] or "every part works again"
    return [{"type": "network", "up": True, **trouble}, event(at_ms, "network", told)]


def _trouble(status: Status) -> dict[str, Any]:
    """What is in trouble, what goes on, and the nodes that are concerned."""
    failed = [part.node for part in status.parts if part.state != "running"]
    failed += [fault.node for fault in status.faults]
    working = [machine.name for machine in status.machines if machine.name not in failed]
    return {"text": message(status.troubles, working), "failed": sorted(set(failed))}


def topology_of(topology: Topology, target: str) -> dict[str, Any]:
    """Nodes, links, and what the controls may choose."""
    nodes: list[dict[str, Any]] = [{"name": s.name, "kind": "switch"} for s in topology.switches]
    nodes += [{"name": m.name, "kind": "machine"} for m in topology.machines]
    inside = [
        {"name": c.name, "kind": "container", "machine": c.machine, "tenant": c.tenant}
        for c in topology.containers
    ]
    links = [{"a": link.a.node, "b": link.b.node} for link in topology.links]
    links += [{"a": c.machine, "b": c.name} for c in topology.containers]
    quick = {system.name for system in MAIN_JOB}
    systems = [{"name": s.name, "title": s.title, "quick": s.name in quick} for s in LIVE]
    systems.sort(key=lambda one: not one["quick"])
    return {
        "topology": {
            "name": topology.name,
            "target": target,
            "nodes": nodes + inside,
            "links": links,
        },
        "catalogue": {
            "systems": systems,
            "policies": list(POLICIES),
            "orders": list(ORDERS),
            "containers": [{k: c[k] for k in ("name", "machine", "tenant")} for c in inside],
        },
    }


def _host(now: Host, old: Host) -> dict[str, Any]:
    drops = {key: n - old.drops.get(key, 0) for key, n in now.drops.items()}
    lost = sum(drops.values())
    new = {key: now.counts.get(key, 0) - old.counts.get(key, 0) for key in _COUNTS}
    return {
        "model_ns": now.model_ns,
        "span_ns": now.span_ns,
        "pps": round(now.pps),
        "bps": round(now.bps),
        "lost_pps": round(lost * 1e9 / now.span_ns) if now.span_ns > 0 else 0,
        "lost": lost,
        **new,
        "drops": {key: n for key, n in drops.items() if n},
        "falcon_off": now.falcon_off,
        "cpus": {
            str(cpu.number): {
                "load": round(cpu.load, 4),
                "stages": {key: round(share, 4) for key, share in cpu.by_kind().items()},
                "backlog": cpu.backlog + cpu.gro_cell,
            }
            for cpu in now.cpus
        },
        "nic": [queue.depth for queue in now.queues],
        "backlog": sum(cpu.backlog + cpu.gro_cell for cpu in now.cpus),
        "sockets": sum(one.depth for one in now.sockets),
        "latency": [list(one) for one in now.latencies],
        "missed": now.missed_slices,
        "slices": [
            [one.cpu, one.work.kind, one.work.device, one.flow, one.packet, one.start, one.end]
            for one in now.slices
        ],
    }


_COUNTS = ("delivered", "reordered")


def _flow(host: Host, now: Flow, old: Flow) -> dict[str, Any]:
    cpus: dict[str, list[int]] = {}
    for place in now.places:
        found = cpus.setdefault(place.work.kind, [])
        if place.cpu not in found:
            found.append(place.cpu)
    return {
        "id": f"{host.name} {now}",
        "number": now.number,
        "name": str(now),
        "host": host.name,
        "cpus": cpus,
        "pps": round(now.pps),
        "lost": now.dropped - old.dropped,
        "reordered": now.reordered - old.reordered,
    }


def _same(flow: Flow, host: Host | None) -> Flow:
    """The flow in the observation before; itself when it is new."""
    found = (one for one in (host.flows if host else ()) if one.number == flow.number)
    return next((one for one in found if str(one) == str(flow)), flow)


def _link(rate: LinkRate) -> dict[str, Any]:
    rates = {key: round(getattr(rate, key)) for key in ("ab", "ba", "ab_pps", "ba_pps")}
    return {"a": rate.a, "b": rate.b, **rates, "up": rate.up}
