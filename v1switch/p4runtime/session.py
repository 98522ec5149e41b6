"""One client's stream, as the device sees it: a queue of outgoing messages.

The packet loop and other threads append messages; the stream's own thread takes them out and
passes them to gRPC. Packet-in, digests and idle notifications are best effort: they are dropped,
and counted, when the client does not keep up. Arbitration is never dropped: a client that leaves
too much of it unread loses its stream.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime import limits
from v1switch.p4runtime.errors import Code, Refused

BACKLOG = 4096  # messages

Maker = Callable[[], "p4rt.StreamMessageResponse | None"]


class Session:
    """The outgoing side of a StreamChannel.

    Attributes:
        address: the client's, for messages to others.
        admitted: whether an arbitration has succeeded.
        closed: whether the device has removed it, for good.
        failure: what the stream ends with, if not with OK.
        dropped: notifications that the client did not take in time.
    """

    def __init__(self, address: str, cancel: Callable[[], object], backlog: int = BACKLOG) -> None:
        """Make an empty queue of at most `backlog` best-effort messages.

        Args:
            address: the client's.
            cancel: ends the stream at once, with all that is queued.
            backlog: best-effort messages at most, and half of all messages.
        """
        self.address = address
        self.admitted = False
        self.closed = False
        self._cancel = cancel
        self._outgoing: queue.SimpleQueue[Maker | None] = queue.SimpleQueue()
        self._backlog = backlog
        self.failure: Refused | None = None
        self.dropped = 0

    def send(self, message: p4rt.StreamMessageResponse) -> None:
        """Send a message that must not be dropped."""
        if self._outgoing.qsize() >= 2 * self._backlog:
            self._cancel()
        else:
            self._outgoing.put(lambda: message)

    def offer(self, maker: Maker) -> None:
        """Send what `maker` returns, or drop it when the queue is full.

        The message is built by the stream's thread, not by the caller's: the packet loop must not
        wait for protobuf.
        """
        if self._outgoing.qsize() >= self._backlog:
            self.dropped += 1
        else:
            self._outgoing.put(maker)

    def end(self, failure: Refused | None = None) -> None:
        """End the stream after the queued messages, with `failure` as its status if given."""
        if failure is not None and self.failure is None:
            self.failure = failure
        self._outgoing.put(None)

    def messages(self) -> Iterator[p4rt.StreamMessageResponse]:
        """Yield the messages to be sent until the session ends, at the latest when it is silent."""
        deadline = time.monotonic() + limits.ARBITRATION_S
        while (maker := self._next(deadline)) is not None:
            message = maker()
            if message is not None:
                yield message

    def _next(self, deadline: float) -> Maker | None:
        """Wait for a message; None ends the session, which needs an arbitration by `deadline`."""
        while not self.admitted:
            left = deadline - time.monotonic()
            if left <= 0:
                self.failure = Refused(
                    Code.DEADLINE_EXCEEDED,
                    f"no arbitration within {limits.ARBITRATION_S:g} s: it opens a stream",
                )
                return None
            try:
                return self._outgoing.get(timeout=left)
            except queue.Empty:
                continue
        return self._outgoing.get()
