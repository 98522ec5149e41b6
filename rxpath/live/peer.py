"""One client of a control socket: its bytes in both directions, and what it may cost.

A client is read only while it has no request waiting and no reply to take, so that it occupies at
most one request and one reply of memory, whatever it sends.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from rxpath.errors import ControlError

MAX_PEERS = 64  # clients at a time
MAX_LINE = 1 << 18  # bytes of a request
MAX_DEPTH = 16  # of objects and lists in a request
PATIENCE = 10.0  # s for a client to complete a request, and to take a reply
_READ = 1 << 16


class Peer:
    """A connected client. It also is the `Caller` that an operation gets."""

    def __init__(self, sock: socket.socket, now: float) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.is_open = True
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._greeted = False  # it has sent a whole request
        self._owing_since: float | None = now
        self._at_close: list[Callable[[], object]] = []

    def at_close(self, callback: Callable[[], object]) -> None:
        """Have `callback` called once the connection is closed."""
        self._at_close.append(callback)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if self.is_open:
            self.is_open = False
            self.sock.close()
            for callback in self._at_close:
                callback()

    @property
    def has_request(self) -> bool:
        """Whether a whole line waits, or more than a line may have."""
        return b"\n" in self._inbox or len(self._inbox) > MAX_LINE

    @property
    def has_reply(self) -> bool:
        """Whether the client has not taken all of its replies yet."""
        return bool(self._outbox)

    def receive(self) -> bool:
        """Read what arrived; False when the client has gone."""
        if self.has_request or self.has_reply:
            return True
        try:
            data = self.sock.recv(_READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._inbox += data
        return bool(data)

    def take_request(self) -> bytes:
        """Remove and return the next line.

        Raises `ControlError` when it is too long; where the next one begins is not known then.
        """
        end = self._inbox.find(b"\n")
        if end < 0 or end > MAX_LINE:
            raise ControlError("bad_request", "line", f"expected at most {MAX_LINE} bytes")
        line = bytes(self._inbox[:end])
        del self._inbox[: end + 1]
        self._greeted = True
        return line

    def reply(self, message: Mapping[str, Any]) -> None:
        """Add a message for the client; `send` sends it."""
        self._outbox += json.dumps(message).encode() + b"\n"

    def send(self) -> bool:
        """Send what the client takes now; False when it has gone."""
        try:
            with contextlib.suppress(BlockingIOError):
                while self._outbox:
                    del self._outbox[: self.sock.send(self._outbox)]
        except OSError:
            return False
        return True

    def is_overdue(self, now: float) -> bool:
        """Whether it owes the rest of a request, or the reading of a reply, for too long."""
        begun = bool(self._inbox) or not self._greeted
        if not self.has_reply and (self.has_request or not begun):
            self._owing_since = None
            return False
        if self._owing_since is None:
            self._owing_since = now
        return now - self._owing_since > PATIENCE


def decode(line: bytes) -> dict[str, Any]:
    """The request in a line. Raises `ControlError` for what is no object of moderate depth."""
    deep = ControlError("bad_request", "line", f"expected at most {MAX_DEPTH} levels of nesting")
    try:
        request = json.loads(line)
    except ValueError as error:  # both of JSON and of UTF-8
        raise ControlError("bad_request", "line", f"{error}; expected a JSON object") from error
    except RecursionError as error:
        raise deep from error
    if not isinstance(request, dict):
        raise ControlError("bad_request", "line", "expected a JSON object")
    level: list[Any] = [request]
    for _ in range(MAX_DEPTH):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [value for values in inside for value in values if isinstance(value, dict | list)]
        if not level:
            return request
    raise deep
