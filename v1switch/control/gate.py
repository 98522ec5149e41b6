"""The lock between the packet loop and the threads that change state.

The packet loop holds the gate for one burst of frames, a writer for one change or one
transaction. With a plain lock a busy loop would take it again before a woken writer gets its turn;
the turnstile in front makes the loop queue behind waiting writers. Without contention a burst
costs two lock operations, some 100 ns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from v1switch.state.words import zeros


class Gate:
    """Mutual exclusion that favours writers. Writers may nest in one thread, bursts may not.

    Attributes:
        waiting: one word, not 0 while a writer waits; machine code reads it between bursts.
        wake: called by a writer that has to wait, as the burst may be waiting for frames.
    """

    def __init__(self) -> None:
        """Make a gate that nobody holds."""
        self.waiting = zeros(1)
        self.wake: Callable[[], None] = lambda: None
        self._turnstile = threading.RLock()
        self._room = threading.RLock()

    def enter(self) -> None:
        """Take the gate for a burst; waits behind every waiting writer."""
        with self._turnstile:
            pass
        self._room.acquire()

    def leave(self) -> None:
        """Release the gate after a burst."""
        self._room.release()

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the gate for a change."""
        with self._turnstile:
            self.waiting[0] = 1
            if not self._room.acquire(blocking=False):
                self.wake()
                self._room.acquire()
            try:
                self.waiting[0] = 0
                yield
            finally:
                self._room.release()
