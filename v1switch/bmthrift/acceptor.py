"""Accepts connections in a thread of its own, until it is stopped."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("v1switch")
Accepted = Callable[[socket.socket, Any], None]
"""Takes a connection and its peer's address."""


class Acceptor:
    """A listening socket and its thread; `start` and `stop` it once."""

    def __init__(self, listening: socket.socket, name: str, accepted: Accepted) -> None:
        """Accept from a socket; `name` is the thread's, and that of what clients connect to."""
        self._stopping = False
        self._socket = listening
        self._name = name
        self._accepted = accepted
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join()
        self._socket.close()

    def stopping(self) -> bool:
        """Whether it is to stop, or has stopped."""
        return self._stopping

    def _accept(self) -> None:
        while not self.stopping():
            try:
                connected, peer = self._socket.accept()
            except OSError as error:
                if self.stopping():
                    return
                log.warning("%s: a client was not accepted: %s", self._name, error)
                time.sleep(0.1)  # out of descriptors: one may be free soon
                continue
            self._accepted(connected, peer)
