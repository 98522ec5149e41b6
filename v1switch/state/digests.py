"""Digest lists: buffering, de-duplication and acknowledgement of digests.

P4Runtime specification 1.4, "DigestEntry". A pure state machine: time, in nanoseconds, comes in as
an argument. One `DigestLists` serves one digest.
"""

from __future__ import annotations

from dataclasses import dataclass

Values = tuple[int, ...]
"""One message of a digest: one integer for each leaf of its type."""


@dataclass(frozen=True)
class DigestConfig:
    """How a digest is reported; times in ns, as in the message."""

    max_timeout_ns: int = 0
    max_list_size: int = 0
    ack_timeout_ns: int = 0


@dataclass(frozen=True)
class DigestList:
    """A finished list: its id, for the acknowledgement, and its distinct messages."""

    list_id: int
    messages: tuple[Values, ...]


class DigestLists:
    """The buffer of one digest, and the messages that were sent and not yet acknowledged."""

    def __init__(self, config: DigestConfig) -> None:
        self.config = config
        self._buffer: dict[Values, None] = {}  # in order of arrival
        self._since = 0  # time of the oldest message in the buffer
        self._next_id = 1
        self._unacknowledged: dict[int, tuple[int, tuple[Values, ...]]] = {}
        self._cache: set[Values] = set()

    def learn(self, message: Values, now: int) -> DigestList | None:
        """Add a message; returns the list if this completes one."""
        if message in self._cache or message in self._buffer:
            return None
        if not self._buffer:
            self._since = now
        self._buffer[message] = None
        full = self.config.max_list_size and len(self._buffer) >= self.config.max_list_size
        return self._finish(now) if full or not self.config.max_timeout_ns else None

    def advance(self, now: int) -> DigestList | None:
        """Expire unacknowledged messages; returns the buffered list if its timeout has expired."""
        while self._unacknowledged:  # oldest first
            list_id, (sent, _) = next(iter(self._unacknowledged.items()))
            if now - sent < self.config.ack_timeout_ns:
                break
            self.acknowledge(list_id)
        if self._buffer and now - self._since >= self.config.max_timeout_ns:
            return self._finish(now)
        return None

    def acknowledge(self, list_id: int) -> None:
        """Remove a list, so that its messages may be sent again. Unknown ids are ignored."""
        _, messages = self._unacknowledged.pop(list_id, (0, ()))
        self._cache.difference_update(messages)

    def acknowledge_some(self, list_id: int, places: tuple[int, ...]) -> None:
        """Let some messages of a list, by their places in it, be sent again."""
        _, messages = self._unacknowledged.get(list_id, (0, ()))
        self._cache.difference_update(messages[i] for i in places if 0 <= i < len(messages))

    def forget(self) -> None:
        """Forget all unacknowledged messages, because the client they were sent to has changed."""
        self._unacknowledged.clear()
        self._cache.clear()

    def next_deadline(self) -> int | None:
        """The time at which `advance` has to be called next, or None."""
        deadlines = []
        if self._unacknowledged:
            sent, _ = next(iter(self._unacknowledged.values()))
            deadlines.append(sent + self.config.ack_timeout_ns)
        if self._buffer:
            deadlines.append(self._since + self.config.max_timeout_ns)
        return min(deadlines, default=None)

    def _finish(self, now: int) -> DigestList:
        finished = DigestList(self._next_id, tuple(self._buffer))
        self._buffer.clear()
        self._next_id += 1
        if self.config.ack_timeout_ns:
            self._unacknowledged[finished.list_id] = (now, finished.messages)
            self._cache.update(finished.messages)
        return finished
