"""Deadlines of many short calls, watched by one thread.

A timer for each call would be a thread for each call, which costs as much as a small Write does.
The thread looks at the earliest deadline, and ends when none is left by then: of calls that follow
each other closely, one in `seconds` begins a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadlines:
    """Has a function called where something takes too long. Any thread may use it."""

    def __init__(self) -> None:
        """Without deadlines there is no thread."""
        self._due: dict[object, tuple[float, Callable[[], object]]] = {}
        self._changed = threading.Condition()
        self._look_at: float | None = None  # when the thread looks next; None without a thread

    @contextmanager
    def within(self, seconds: float, late: Callable[[], object]) -> Iterator[None]:
        """Have `late` called, in another thread, if what happens inside takes longer."""
        key, deadline = object(), time.monotonic() + seconds
        with self._changed:
            self._due[key] = deadline, late
            if self._look_at is None:
                self._look_at = deadline
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
            elif deadline < self._look_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(key, None)

    def _run(self) -> None:
        while late := self._await_late():
            for call in late:
                call()

    def _await_late(self) -> list[Callable[[], object]]:
        """Wait for deadlines that have passed and take them; empty when none is left."""
        with self._changed:
            while self._due:
                now, earliest = time.monotonic(), min(at for at, _ in self._due.values())
                if earliest <= now:
                    passed = [key for key, (at, _) in self._due.items() if at <= now]
                    return [self._due.pop(key)[1] for key in passed]
                self._look_at = earliest
                self._changed.wait(earliest - now)
            self._look_at = None
        return []
