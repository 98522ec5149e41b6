"""The lock between the packet loop and the threads that change state.

The packet loop holds the gate for one burst of frames, a writer for one change or one
transaction. A plain lock would let a busy loop take it again before a woken writer got its turn;
the turnstile in front makes the loop queue behind writers that wait. An uncontended burst pays
two lock operations, some 100 ns, not per frame but per burst.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from v1switch.state.words import zeros


class Gate:
    """Mutual exclusion that favours writers. Writers may nest in one thread, bursts may not.

    Attributes:
        waiting: one word, not 0 while a writer wants in: machine code looks at it between bursts.
    """

    def __init__(self) -> None:
        """Open: nobody inside."""
        self.waiting = zeros(1)
        self._turnstile = threading.RLock()
        self._room = threading.RLock()

    def enter(self) -> None:
        """Let the packet loop in; it waits behind every waiting writer."""
        with self._turnstile:
            pass
        self._room.acquire()

    def leave(self) -> None:
        """End the packet loop's burst."""
        self._room.release()

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the packet loop off for the time of a change."""
        with self._turnstile:
            self.waiting[0] = 1
            with self._room:
                self.waiting[0] = 0
                yield
