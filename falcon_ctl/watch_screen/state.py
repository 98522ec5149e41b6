"""The state of the screen between observations, which bring the time along. Pure."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.failures import REPAIR
from falcon_ctl.steering.observation import Event, Host, Observation
from falcon_ctl.watch_screen.averaging import averaged

WINDOW_S = 1.0  # over which loads and rates are averaged
HALF_LIFE_S = 2.0  # in which what was seen counts half: after 13 s a core that was full is left out
FAINT = 0.01  # of a core, or of the busiest flow: what is below is left out
MORE = 2.0  # times as many bits/s as those of the machine that is shown
BEHIND_S = 1.0  # until a machine that receives so much more is shown instead,
IDLE_S = 10.0  # and until the user's own is left that receives nothing
MERGED_S = 1.0  # events alike that follow one another so closely are one
EVENTS = 200
MANY = 3  # changes of CPU in one observation that are logged one by one
CHANGES = {"rehash": "flows' stages rehashed", "move": "flows' stages moved"}
_COUNTED = re.compile(r"(\d+) (.*)")


class Levels:
    """How much each of some things did lately, so that what ends stays in sight for a while."""

    def __init__(self) -> None:
        self.by_key: dict[Hashable, float] = {}

    def note(self, now: Mapping[Any, float], seconds: float) -> None:
        """Let earlier values fade for `seconds`; what does more now counts as it is."""
        fading = 0.5 ** (seconds / HALF_LIFE_S)
        faded = {key: level * fading for key, level in self.by_key.items()}
        self.by_key = {key: level for key, level in faded.items() if level >= FAINT}
        for key, level in now.items():
            if level >= FAINT:
                self.by_key[key] = max(level, self.by_key.get(key, 0.0))

    def most(self, count: int) -> set[Hashable]:
        """The `count` keys with the highest levels."""
        ranked = sorted(self.by_key, key=lambda key: -self.by_key[key])
        return set(ranked[:count])


@dataclass
class Happened:
    """A line of the event log: one event, or `count` things alike that followed one another."""

    wall_ns: int
    event: Event
    count: int = 0
    what: str = ""

    @property
    def text(self) -> str:
        """The event's text, with the whole count."""
        return f"{self.count:,} {self.what}" if self.what else self.event.text


@dataclass
class MachineState:
    """What is kept of one machine."""

    cpus: Levels = field(default_factory=Levels)
    flows: Levels = field(default_factory=Levels)
    queues: Levels = field(default_factory=Levels)
    sockets: Levels = field(default_factory=Levels)
    kinds: set[str] = field(default_factory=set)

    def note(self, host: Host, seconds: float) -> None:
        """Take in the machine's state, `seconds` after the last one."""
        used = {cpu.number: cpu.load or _waiting(cpu.backlog) for cpu in host.cpus}
        self.cpus.note(used, seconds)
        fastest = max((flow.pps for flow in host.flows), default=0.0) or 1.0
        self.flows.note({flow.number: flow.pps / fastest for flow in host.flows}, seconds)
        self.queues.note({queue.number: _waiting(queue.depth) for queue in host.queues}, seconds)
        self.sockets.note({one.container: _waiting(one.depth) for one in host.sockets}, seconds)
        for cpu in host.cpus:
            self.kinds.update(share.work.kind for share in cpu.shares)


def _waiting(packets: int) -> float:
    """A level for a queue: those with more packets go first."""
    return 0.0 if packets <= 0 else packets / (packets + 64)


@dataclass
class ScreenState:
    """All that is shown.

    `seen`: the last observation, with loads and rates of the last `WINDOW_S`; `machine`: the one
    whose cores are shown; `outage`: why nothing is seen now.
    """

    seen: Observation | None = None
    machine: str = ""
    picked: bool = False
    outage: str = ""
    machines: dict[str, MachineState] = field(default_factory=lambda: defaultdict(MachineState))
    events: deque[Happened] = field(default_factory=lambda: deque(maxlen=EVENTS))
    _behind_ns: int = 0  # since when another machine receives more
    _recent: dict[str, deque[tuple[int, Host]]] = field(default_factory=lambda: defaultdict(deque))

    def add(self, now: Observation) -> None:
        """Take in an observation."""
        before, self.seen = self.seen, self._over_time(now)
        seconds = max(0.0, (now.wall_ns - before.wall_ns) / 1e9) if before else 0.0
        if self.outage:
            self._tell(now.wall_ns, Event(0, "", "network", "is up again"))
            self.outage = ""
        for name, host in self.seen.hosts.items():
            self.machines[name].note(host, seconds)
        self._follow(self.seen)
        for event in _gathered(now.events):
            self._tell(now.wall_ns, event)
        if before is not None:
            self._tell_changes(before, now)
        self._tell_failures({} if before is None else before.failed, now)

    def _over_time(self, now: Observation) -> Observation:
        """The observation with averages; a host that runs something new begins anew."""
        hosts = {}
        for name, host in now.hosts.items():
            recent = self._recent[name]
            if recent and recent[-1][1].choice != host.choice:
                recent.clear()
            recent.append((now.wall_ns, host))
            while now.wall_ns - recent[0][0] >= WINDOW_S * 1e9:
                recent.popleft()
            hosts[name] = averaged([one for _, one in recent])
        return replace(now, hosts=hosts)

    def lose(self, why: str, wall_ns: int) -> None:
        """The network cannot be observed; the last observation stays."""
        if why != self.outage:
            self._tell(wall_ns, Event(0, "", "network", why))
        self.outage = why

    def note(self, wall_ns: int, kind: str, text: str) -> None:
        """Log an event of the screen itself."""
        self._tell(wall_ns, Event(0, "", kind, text))

    def pick(self, step: int) -> None:
        """Show the next machine (`step` 1) or the one before (-1) from now on."""
        names = list(self.seen.hosts) if self.seen else []
        if names:
            at = names.index(self.machine) if self.machine in names else 0
            self.machine, self.picked = names[(at + step) % len(names)], True

    @property
    def host(self) -> Host | None:
        """The machine that is shown, as it was seen last."""
        return self.seen.hosts.get(self.machine) if self.seen else None

    def _follow(self, now: Observation) -> None:
        """Show the machine that receives most, until the user picks one that goes on receiving.

        Another one has to receive more for a while: TCP's acknowledgements come first.
        """
        shown = now.hosts.get(self.machine)
        busiest = max(now.hosts.values(), key=lambda host: host.bps, default=None)
        if shown is None:
            self.machine, self.picked = busiest.name if busiest else "", False
            return
        assert busiest is not None
        ahead = busiest.bps > MORE * shown.bps and not (self.picked and shown.bps)
        if not ahead:
            self._behind_ns = now.wall_ns
        patience = IDLE_S if self.picked else BEHIND_S
        if now.wall_ns - self._behind_ns >= patience * 1e9:
            self.machine, self.picked = busiest.name, False
            self._behind_ns = now.wall_ns

    def _tell_changes(self, before: Observation, now: Observation) -> None:
        """The machines that run something else than before, those alike in one line."""
        changed: dict[str, list[str]] = defaultdict(list)
        for name, host in now.hosts.items():
            if name in before.hosts and host.choice != before.hosts[name].choice:
                changed[_change(before.hosts[name].choice, host.choice)].append(name)
        for text, names in changed.items():
            at = now.hosts[names[0]].model_ns
            self._tell(now.wall_ns, Event(at, " ".join(names), "use", text))

    def _tell_failures(self, before: Mapping[str, str], now: Observation) -> None:
        """The machines that have failed, or work again."""
        for name, why in now.failed.items():
            if before.get(name) != why:
                self._tell(now.wall_ns, Event(0, name, "failed", f"{why} ({REPAIR})"))
        for name in before:
            if name not in now.failed:
                self._tell(now.wall_ns, Event(0, name, "failed", "works again"))

    def _tell(self, wall_ns: int, event: Event) -> None:
        """Log an event, or add it to one alike of just now."""
        found = _COUNTED.fullmatch(event.text)
        if not found:
            self.events.append(Happened(wall_ns, event))
            return
        count, what = int(found[1]), found[2]
        for one in reversed(self.events):
            if wall_ns - one.wall_ns > MERGED_S * 1e9:
                break
            if (one.event.host, one.event.kind, one.what) == (event.host, event.kind, what):
                one.wall_ns, one.count = wall_ns, one.count + count
                return
        self.events.append(Happened(wall_ns, event, count, what))


def _change(before: Choice, now: Choice) -> str:
    """`overlay → falcon`: with the dilation where it has changed."""
    if before.dilation == now.dilation:
        before, now = replace(before, dilation=None), replace(now, dilation=None)
    return f"{before} → {now}"


def _gathered(events: Iterable[Event]) -> Iterator[Event]:
    """The events, but one for all changes of CPU of one observation where there are many.

    What machines run is logged by `ScreenState` itself, in one line for those alike.
    """
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in (one for one in events if one.kind != "use"):
        found[event.host, event.kind].append(event)
    for (host, kind), alike in found.items():
        if kind in CHANGES and len(alike) > MANY:
            yield Event(alike[-1].time, host, kind, f"{len(alike)} {CHANGES[kind]}")
        else:
            yield from alike
