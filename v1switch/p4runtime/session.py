"""One client's stream, as the device sees it: a queue of outgoing messages.

The packet loop and other threads append messages; the stream's own thread takes them out and
passes them to gRPC. Packet-in, digests and idle notifications are best effort: they are dropped,
and counted, when the client does not keep up. Arbitration is never dropped.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.errors import Refused

BACKLOG = 4096  # messages

Maker = Callable[[], "p4rt.StreamMessageResponse | None"]


class Session:
    """The outgoing side of a StreamChannel."""

    def __init__(self, backlog: int = BACKLOG) -> None:
        """Make an empty queue of at most `backlog` best-effort messages."""
        self._outgoing: queue.SimpleQueue[Maker | None] = queue.SimpleQueue()
        self._backlog = backlog
        self.failure: Refused | None = None
        self.dropped = 0

    def send(self, message: p4rt.StreamMessageResponse) -> None:
        """Send a message that must not be dropped."""
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
        """Yield the messages to be sent until the session ends."""
        while (maker := self._outgoing.get()) is not None:
            message = maker()
            if message is not None:
                yield message
