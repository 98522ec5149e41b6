"""The connections of clients: how many there may be, and which one goes when there are more."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

from topo.protocol.channel import Channel

MAX_CLIENTS = 512  # a thread each; an `exec` in each container of 64 machines fits
FILES_PER_CLIENT = 16  # of the daemon's limit: a socket, three streams, a pidfd, and the nodes'
SEND_SECONDS = 3.0  # a client that does not read its reply for so long is disconnected
EVICT_SECONDS = 1.0  # until the thread of a connection that was ended has closed it


class Clients:
    """Connections and when each was last used; methods may be called from any thread.

    When there is no room, the connection that has been idle longest is ended: connections that
    somebody opened and left are no reason to refuse the next client.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used: dict[Channel, float] = {}  # monotonic seconds; infinity while it is served
        self._changed = threading.Condition()

    def admit(self, sock: socket.socket) -> Channel | None:
        """Return a channel on `sock`; None when every connection is being served."""
        timeout = struct.pack("ll", int(SEND_SECONDS), 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        channel = Channel(sock)
        with self._changed:
            if len(self._used) >= self.limit and not self._evict():
                return None
            self._used[channel] = time.monotonic()
        return channel

    def make_room(self) -> None:
        """End the connection that has been idle longest, if there is one."""
        with self._changed:
            self._evict()

    def _evict(self) -> bool:
        """End the connection that has been idle longest; False when there is none."""
        idle = min(self._used, key=self._used.__getitem__, default=None)
        if idle is None or self._used[idle] == float("inf"):
            return False
        with contextlib.suppress(OSError):
            idle.sock.shutdown(socket.SHUT_RDWR)  # its thread sees the end of the stream
        return self._changed.wait_for(lambda: idle not in self._used, EVICT_SECONDS)

    @contextlib.contextmanager
    def serving(self, channel: Channel) -> Iterator[None]:
        """A request of this connection is being served: it is not idle."""
        self._note(channel, float("inf"))
        try:
            yield
        finally:
            self._note(channel, time.monotonic())

    def _note(self, channel: Channel, used: float) -> None:
        with self._changed:
            self._used[channel] = used

    def release(self, channel: Channel) -> None:
        """Close a connection."""
        channel.close()
        with self._changed:
            self._used.pop(channel, None)
            self._changed.notify_all()
