"""The timeline of one core: work that overlaps in the records is cut into parts. Pure.

A record says when a packet's stage began and ended. A core that was interrupted in between (an
application by a softirq), or that worked on several packets until all were done (frames that GRO
merges), had begun the one before it ended the other. What began last is what ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """The `part`-th part of the work number `work`."""

    work: int
    start: int
    end: int
    part: int


def parts(starts: Sequence[int], ends: Sequence[int]) -> list[Part]:
    """One core's work as parts that do not overlap, in order of time; each work has one at least.

    A work that lasts no time, or that another one hides, has a part of length 0.
    """
    core = _Core(ends)
    # The longer one first: what begins within it at the same time interrupts it.
    for index in sorted(range(len(starts)), key=lambda i: (starts[i], -ends[i], i)):
        core.begin(index, starts[index])
    return [*core.finish()]


class _Core:
    def __init__(self, ends: Sequence[int]) -> None:
        self._ends = ends
        self._stack: list[int] = []
        self._counts: dict[int, int] = {}
        self._found: list[Part] = []
        self._now = 0

    def begin(self, index: int, start: int) -> None:
        """The work `index` begins and interrupts whatever runs."""
        self._run(start)
        self._now = start
        if self._stack and self._stack[-1] not in self._counts:
            self._note(self._stack[-1], start)
        if self._ends[index] > start:
            self._stack.append(index)
        else:
            self._note(index, start)

    def finish(self) -> Iterator[Part]:
        """All parts, once the last work has begun."""
        self._run(None)
        return iter(self._found)

    def _run(self, until: int | None) -> None:
        """Let the works that have begun run; `until` the next one interrupts them."""
        while self._stack:
            index = self._stack[-1]
            end = self._ends[index]
            stop = end if until is None else min(end, until)
            if stop > self._now:
                self._note(index, stop)
                self._now = stop
            if until is not None and end > until:
                return
            self._stack.pop()

    def _note(self, index: int, end: int) -> None:
        part = self._counts[index] = self._counts.get(index, 0) + 1
        self._found.append(Part(index, self._now, end, part))
