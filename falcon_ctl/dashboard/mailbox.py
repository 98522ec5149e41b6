"""The bounded message queue of one viewer, in which the newest message wins. Pure.

A viewer that reads too slowly, or not at all, is not waited for: when its queue is full, all of it
is dropped, and what it gets next is a snapshot of the state at that moment, which contains what was
dropped. So it costs bounded memory and nobody else's time, and it never shows a wrong state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

LIMIT = 32  # messages: some seconds


class Mailbox:
    """The queue of a viewer, who starts with a snapshot.

    Args:
        snapshot: makes the message that stands for all earlier ones.
        limit: messages that may wait.
    """

    def __init__(self, snapshot: Callable[[], str], limit: int = LIMIT) -> None:
        self._snapshot = snapshot
        self._limit = limit
        self._waiting: deque[str] = deque()
        self._behind = True
        self.dropped = 0  # messages that a snapshot replaced

    def put(self, message: str) -> None:
        """Add the newest message."""
        if self._behind:
            return  # the snapshot will contain it
        if len(self._waiting) == self._limit:
            self.start_over()
            return
        self._waiting.append(message)

    def start_over(self) -> None:
        """Replace all that waits by a snapshot."""
        self.dropped += len(self._waiting)
        self._waiting.clear()
        self._behind = True

    def take(self) -> str | None:
        """The next message, None when there is none."""
        if self._behind:
            self._behind = False
            return self._snapshot()
        return self._waiting.popleft() if self._waiting else None
