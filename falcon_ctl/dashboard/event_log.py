"""The event log, rate-limited: frequent events are counted and reported at intervals. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from falcon_ctl.dashboard.messages import Message, event
from falcon_ctl.steering.observation import Observation

INTERVAL = 5_000  # ms, as printk_ratelimit has an interval
BURST = 4  # events of one kind and host that pass in an interval
_DROP = "drop"


class EventLog:
    """Turns the events of observations into log entries, rate-limited by host and kind.

    Losses are summed by host and drop reason: the first is logged at once, the sum of later ones
    every `INTERVAL` ms. Of other kinds `BURST` events pass in an interval, and the number of those
    suppressed is logged at its end. That hosts run something else is one entry for all of them,
    from `falcon_ctl.dashboard.frames`.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}  # (host, kind) → start of its interval, ms
        self._passed: Counter[tuple[str, str]] = Counter()
        self._suppressed: Counter[tuple[str, str]] = Counter()
        self._lost: Counter[tuple[str, str]] = Counter()

    def messages(self, now: Observation, at: int, before: Observation | None) -> Iterator[Message]:
        """The entries of an observation, `before` being the one before it."""
        for key in [key for key, since in self._since.items() if at - since >= INTERVAL]:
            del self._since[key]
            del self._passed[key]
            if more := self._suppressed.pop(key, 0):
                yield event(at, key[1], f"{more} more in {INTERVAL // 1000} s", key[0])
        for one in now.events:
            if one.kind not in (_DROP, "use"):
                yield from self._other(at, one.host, one.kind, one.text)
        yield from self._losses(now, at, before)

    def _other(self, at: int, host: str, kind: str, text: str) -> Iterator[Message]:
        key = host, kind
        self._since.setdefault(key, at)
        self._passed[key] += 1
        if self._passed[key] <= BURST:
            yield event(at, kind, text, host)
        else:
            self._suppressed[key] += 1

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
