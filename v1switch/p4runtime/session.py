"""One client's stream, as the device sees it: something that messages can be sent to.

The packet loop and the other threads put messages in; the stream's own thread takes them out and
gives them to gRPC. Packet-in, digests and idle notifications are best effort: they are dropped,
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
        """Open, with nothing to send."""
        self._outgoing: queue.SimpleQueue[Maker | None] = queue.SimpleQueue()
        self._backlog = backlog
        self.failure: Refused | None = None
        self.dropped = 0

    def send(self, message: p4rt.StreamMessageResponse) -> None:
        """Send a message that must arrive."""
        self._outgoing.put(lambda: message)

    def offer(self, maker: Maker) -> None:
        """Send what `maker` returns, or drop it when too much is waiting.

        The message is built by the stream's thread, not by the caller's: the packet loop must not
        wait for protobuf.
        """
        if self._outgoing.qsize() >= self._backlog:
            self.dropped += 1
        else:
            self._outgoing.put(maker)

    def end(self, failure: Refused | None = None) -> None:
        """End the stream, after what is already queued; with `failure` as its status if given."""
        if failure is not None and self.failure is None:
            self.failure = failure
        self._outgoing.put(None)

    def messages(self) -> Iterator[p4rt.StreamMessageResponse]:
        """Yield what is to be sent until the end."""
        while (maker := self._outgoing.get()) is not None:
            message = maker()
            if message is not None:
                yield message
