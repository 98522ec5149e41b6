"""An event log that can be read: what happens all the time is told now and then. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from falcon_ctl.dashboard.messages import Message, event
from falcon_ctl.steering.observation import Observation

EVERY = 5_000  # ms between two events about one thing
MOST = 4  # events of a kind and host in that time
_DROP = "drop"


class Calm:
    """Makes log entries of an observation's events.

    Losses are summed up by host and reason: told at once, then every `EVERY` ms. Of other kinds the
    first `MOST` are told, and how many more there were. That hosts run something else is told of
    all of them at once, by `falcon_ctl.dashboard.frames`.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}  # (host, what) → when it was told first
        self._told: Counter[tuple[str, str]] = Counter()
        self._more: Counter[tuple[str, str]] = Counter()
        self._lost: Counter[tuple[str, str]] = Counter()

    def messages(self, now: Observation, at: int, before: Observation | None) -> Iterator[Message]:
        """The entries of an observation, `before` being the one before it."""
        for key in [key for key, since in self._since.items() if at - since >= EVERY]:
            del self._since[key]
            del self._told[key]
            if more := self._more.pop(key, 0):
                yield event(at, key[1], f"{more} more in {EVERY // 1000} s", key[0])
        for one in now.events:
            if one.kind not in (_DROP, "use"):
                yield from self._other(at, one.host, one.kind, one.text)
        yield from self._losses(now, at, before)

    def _other(self, at: int, host: str, kind: str, text: str) -> Iterator[Message]:
        key = host, kind
        self._since.setdefault(key, at)
        self._told[key] += 1
        if self._told[key] <= MOST:
            yield event(at, kind, text, host)
        else:
            self._more[key] += 1

    def _losses(self, now: Observation, at: int, before: Observation | None) -> Iterator[Message]:
        for name, host in now.hosts.items():
            old = before.hosts.get(name, host).drops if before else host.drops
            for reason, count in host.drops.items():
                self._lost[name, reason] += count - old.get(reason, 0)
        for name, reason in [key for key, lost in self._lost.items() if lost > 0]:
            if (name, f"lost {reason}") not in self._since:
                self._since[name, f"lost {reason}"] = at
                lost = self._lost.pop((name, reason))
                yield event(at, _DROP, f"{lost} frames lost: {reason}", name)
