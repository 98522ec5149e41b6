"""An observation: the state of a running network, as plain values; JSON in and out. Pure.

Times are model nanoseconds unless they are called wall; rates are per second of model time.
Loads, rates and what is called "new" are of the time since the same session's last observation.
Counts are sums that never fall, also when another command zeroes a host's counters meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.steering.choice import Choice

FORMAT = 1  # of `to_json`; another one is refused
STAGES = ("napi", "split", "rps", "gro_cell", "backlog", "socket", "defrag", "poll")
OTHER_WORK = ("hardirq", "ipi", "softirq", "spin")  # work that belongs to no stage
STATES = ("idle", "hardirq", "softirq", "ksoftirqd", "task", "polling", "napi_thread")


@dataclass(frozen=True)
class Work:
    """What a CPU does: a stage (`kind` of `STAGES`) of a `device`, or one of `OTHER_WORK`."""

    kind: str
    device: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.device}".rstrip()


@dataclass(frozen=True)
class Share:
    """Part of a CPU's time, 0 to 1, that one work took."""

    work: Work
    load: float


@dataclass(frozen=True)
class Cpu:
    """One CPU of a host; only those that did or hold something are named.

    `load`: 0 to 1, the sum of `shares`; `state`: of `STATES`, now; `falcon_load`: percent, as
    FALCON measures it and compares it with its threshold; `backlog`, `gro_cell`: packets that wait.
    """

    number: int
    load: float
    state: str
    falcon_load: int
    backlog: int
    gro_cell: int
    shares: tuple[Share, ...]

    def by_kind(self) -> dict[str, float]:
        """The load of each kind of work, devices taken together."""
        found: dict[str, float] = {}
        for share in self.shares:
            found[share.work.kind] = found.get(share.work.kind, 0.0) + share.load
        return found


@dataclass(frozen=True)
class Queue:
    """An RX queue of the NIC: frames that wait, of `size` descriptors; its interrupt's `cpu`."""

    number: int
    depth: int
    size: int
    cpu: int


@dataclass(frozen=True)
class Socket:
    """A container's sockets together: messages that wait, their memory, and its limit (UDP's)."""

    container: str
    depth: int
    memory: int
    limit: int


@dataclass(frozen=True)
class Place:
    """Where a flow's last packet had one stage."""

    work: Work
    cpu: int


@dataclass(frozen=True)
class Flow:
    """A flow that a host receives; `source` and `target` are containers, or addresses of others.

    `arrived`, `delivered`, `dropped`, `reordered` frames and `moves` (a stage that changed its
    CPU) are sums since the flow was first seen; `pps` is the delivered rate since the last
    observation. `number`: by which slices name it.
    """

    number: int
    proto: str
    source: str
    source_port: int
    target: str
    target_port: int
    arrived: int
    delivered: int
    dropped: int
    reordered: int
    moves: int
    bytes: int
    pps: float
    places: tuple[Place, ...]

    def __str__(self) -> str:
        if not self.source:
            return "frames other than IP"
        ports = [f":{port}" if port else "" for port in (self.source_port, self.target_port)]
        return f"{self.proto} {self.source}{ports[0]} > {self.target}{ports[1]}"


@dataclass(frozen=True)
class Slice:
    """One piece of a CPU's work, for a packet (`packet`-th of flow `flow`; -1: for none).

    `queued`: when the packet came into the queue in front of it; `stolen`: ns of the time between
    `start` and `end` that interrupts took.
    """

    cpu: int
    work: Work
    flow: int
    packet: int
    queued: int
    start: int
    end: int
    stolen: int


@dataclass(frozen=True)
class Event:
    """Something that happened: rehash, move, handover, switch-off, switch-on, drop, use."""

    time: int
    host: str
    kind: str
    text: str


@dataclass(frozen=True)
class Host:
    """One receiving host.

    `model_ns`: its clock; `span_ns`: of the loads and rates. `choice`: what it runs, as read back
    from it. `falcon_off`: FALCON switched itself off; `average_load`: percent, of FALCON's CPUs.
    `counts`: sums by name (received, delivered, bytes, reordered, interrupts, ipis, handovers, …);
    `drops`: sums by reason. `pps`, `bps`: delivered frames, and bits on the wire, a second.
    `latencies`: (upper bound in ns, frames delivered since the last observation).
    `knobs`: the main ones (profile, policy, FALCON's parts, threshold, load interval, CPUs, order,
    queues).
    `missed_slices`: new slices that are not in `slices`, which a session asks for or not.
    """

    name: str
    model_ns: int
    span_ns: int
    choice: Choice
    falcon_off: bool
    average_load: int
    pps: float
    bps: float
    counts: Mapping[str, int]
    drops: Mapping[str, int]
    cpus: tuple[Cpu, ...]
    queues: tuple[Queue, ...]
    sockets: tuple[Socket, ...]
    flows: tuple[Flow, ...]
    latencies: tuple[tuple[int, int], ...] = ()
    slices: tuple[Slice, ...] = ()
    missed_slices: int = 0
    knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """All hosts at one moment. `choice`: what was asked for last, None when nobody asked.

    `failed`: hosts that do not answer and are not among `hosts`, and switches that do not run as
    they should, with the reason.
    """

    wall_ns: int
    choice: Choice | None
    hosts: Mapping[str, Host]
    events: tuple[Event, ...] = field(default=())
    failed: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` takes them back."""
        return {
            "format": FORMAT,
            "wall_ns": self.wall_ns,
            "choice": self.choice and self.choice.to_json(),
            "hosts": {name: _host_to_json(host) for name, host in self.hosts.items()},
            "events": [vars(event) for event in self.events],
            "failed": dict(self.failed),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Observation:
        """The inverse of `to_json`.

        Raises:
            UsageError: it is none, or of another version.
        """
        if raw.get("format") != FORMAT:
            what = f"format {raw.get('format')!r}"
            raise UsageError("observation", what, f"format {FORMAT} of this version")
        try:
            return cls(
                wall_ns=raw["wall_ns"],
                choice=None if raw["choice"] is None else Choice.from_json(raw["choice"]),
                hosts={name: _host_from_json(host) for name, host in raw["hosts"].items()},
                events=tuple(Event(**event) for event in raw["events"]),
                failed=dict(raw.get("failed", {})),  # older ones have none
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UsageError("observation", f"{error!r}", "what to_json wrote") from error


def _host_to_json(host: Host) -> dict[str, Any]:
    works: dict[str, Callable[[Any], Any]] = {
        "cpus": _cpu_to_json,
        "flows": _flow_to_json,
        "slices": _slice_to_json,
    }
    found = dict(vars(host), choice=host.choice.to_json())
    for name, convert in works.items():
        found[name] = [convert(one) for one in found[name]]
    for name in ("queues", "sockets"):
        found[name] = [vars(one) for one in found[name]]
    found["latencies"] = [list(one) for one in host.latencies]
    return found


def _cpu_to_json(cpu: Cpu) -> dict[str, Any]:
    return dict(vars(cpu), shares=[[*_names(one.work), one.load] for one in cpu.shares])


def _flow_to_json(flow: Flow) -> dict[str, Any]:
    return dict(vars(flow), places=[[*_names(one.work), one.cpu] for one in flow.places])


def _slice_to_json(one: Slice) -> list[Any]:
    return [one.cpu, *_names(one.work), *(getattr(one, name) for name in _NUMBERS)]


_NUMBERS = ("flow", "packet", "queued", "start", "end", "stolen")  # of a slice, behind its work


def _names(work: Work) -> tuple[str, str]:
    return work.kind, work.device


def _host_from_json(raw: Mapping[str, Any]) -> Host:
    cpus = [
        Cpu(**{**one, "shares": tuple(Share(Work(*s[:2]), s[2]) for s in one["shares"])})
        for one in raw["cpus"]
    ]
    flows = [
        Flow(**{**one, "places": tuple(Place(Work(*p[:2]), p[2]) for p in one["places"])})
        for one in raw["flows"]
    ]
    read: dict[str, Any] = {
        "choice": Choice.from_json(raw["choice"]),
        "cpus": tuple(cpus),
        "flows": tuple(flows),
        "queues": tuple(Queue(**one) for one in raw["queues"]),
        "sockets": tuple(Socket(**one) for one in raw["sockets"]),
        "latencies": tuple((bound, count) for bound, count in raw["latencies"]),
        "slices": tuple(Slice(one[0], Work(*one[1:3]), *one[3:]) for one in raw["slices"]),
    }
    return Host(**{**raw, **read})
