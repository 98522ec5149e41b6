"""The lock between the packet loop and the threads that change state.

The packet loop holds it for one burst of frames, a writer for one change or one transaction. With
a plain mutex a busy loop would take it again before a woken writer gets its turn; the turnstile in
front makes the loop queue behind waiting writers. Without contention a burst
costs two lock operations, some 100 ns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from v1switch.state.words import zeros


class DataplaneLock:
    """A lock that prefers writers to the packet loop. Only writers may nest, within one thread.

    Attributes:
        waiting: one word, not 0 while a writer waits; machine code reads it between bursts.
        wake: called by a writer that has to wait, as the burst may be waiting for frames.
    """

    def __init__(self) -> None:
        """Make an unlocked lock."""
        self.waiting = zeros(1)
        self.wake: Callable[[], None] = lambda: None
        self._turnstile = threading.RLock()
        self._held = threading.RLock()

    def enter(self) -> None:
        """Lock for a burst; waits behind every waiting writer."""
        with self._turnstile:
            pass
        self._held.acquire()

    def leave(self) -> None:
        """Unlock after a burst."""
        self._held.release()

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the lock for a change."""
        with self._turnstile:
            self.waiting[0] = 1
            if not self._held.acquire(blocking=False):
                self.wake()
                self._held.acquire()
            try:
                self.waiting[0] = 0
                yield
            finally:
                self._held.release()
