"""A nanomsg publisher on a Unix socket: clients of BMv2 subscribe there to its notifications.

The wire format is that of nanomsg's `ipc` transport: both sides greet with the number of their
protocol, then each message is a byte 1, its length in 8 bytes and its body. What a subscriber asks
for it filters itself.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import threading
from pathlib import Path

from v1switch.bmthrift.acceptor import Acceptor
from v1switch.errors import SwitchError

PUB, SUB = 32, 33  # nanomsg/pubsub.h
SCHEME = "ipc://"
BACKLOG = 16
MAX_SUBSCRIBERS = 64
GREETING_S = 2.0  # that a subscriber is given for its greeting
NORMAL = 1  # the kind of a message


def greeting(protocol: int) -> bytes:
    """The 8 bytes that a side begins with."""
    return b"\0SP\0" + struct.pack(">HH", protocol, 0)


def framed(body: bytes) -> bytes:
    """A message as it is sent."""
    return struct.pack(">BQ", NORMAL, len(body)) + body


class Publisher:
    """Publishes to all who subscribe at an address; `start` and `stop` it once."""

    def __init__(self, address: str) -> None:
        """Publish at `ipc://PATH`."""
        self.address = address
        self._path = Path(address.removeprefix(SCHEME))
        self._subscribers: list[socket.socket] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen; raises SwitchError."""
        if not self.address.startswith(SCHEME):
            raise SwitchError(f"--notifications-addr {self.address}: expected {SCHEME}PATH")
        listening = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            _remove_stale(self._path)
            listening.bind(str(self._path))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            reason = f"{error.strerror or error}, expected a path for a new socket"
            raise SwitchError(f"--notifications-addr {self.address}: {reason}") from error
        finally:
            os.umask(before)
        self._acceptor = Acceptor(listening, "notifications", self._accepted)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, and close what is open."""
        self._acceptor.stop()
        self._path.unlink(missing_ok=True)
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.close()
            self._subscribers.clear()

    def publish(self, body: bytes) -> None:
        """Send a message to all; who has not taken earlier ones misses it."""
        message = framed(body)
        with self._lock:
            self._subscribers = [each for each in self._subscribers if _sent(each, message)]

    def _accepted(self, subscriber: socket.socket, _peer: object) -> None:
        """Take a subscriber in when it has greeted."""
        try:
            subscriber.settimeout(GREETING_S)
            subscriber.sendall(greeting(PUB))
            greeted = subscriber.recv(len(greeting(SUB)), socket.MSG_WAITALL)
        except OSError:
            greeted = b""
        with self._lock:
            if greeted == greeting(SUB) and len(self._subscribers) < MAX_SUBSCRIBERS:
                self._subscribers.append(subscriber)
            else:
                subscriber.close()


def _remove_stale(path: Path) -> None:
    """Remove the socket of a switch that has gone, when it is this user's."""
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid():
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) != 0:
                    path.unlink()


def _sent(subscriber: socket.socket, message: bytes) -> bool:
    """Send without waiting; False, and closed, when the subscriber has gone or is half-served."""
    try:
        sent = subscriber.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except BlockingIOError:
        return True
    except OSError:
        sent = -1
    if sent != len(message):
        subscriber.close()
        return False
    return True
