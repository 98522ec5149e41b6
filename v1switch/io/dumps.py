"""The first bytes of every frame in the log, as BMv2's --dump-packet-data has them."""

from __future__ import annotations

import logging
from collections.abc import Callable

Tap = Callable[[int, bytes, bool], None]
log = logging.getLogger("v1switch")


class Dump:
    """Logs frames as they come and go; a tap of the packet loop."""

    def __init__(self, size: int) -> None:
        """Log at most `size` bytes of a frame."""
        self._size = size

    def __call__(self, port: int, frame: bytes, incoming: bool) -> None:
        """Log one frame."""
        what = "Received" if incoming else "Sending"
        data = frame[: self._size].hex()
        log.info("%s packet of length %d on port %d: %s", what, len(frame), port, data)


def both(first: Tap, second: Tap) -> Tap:
    """A tap that hands each frame to two."""

    def tap(port: int, frame: bytes, incoming: bool) -> None:
        first(port, frame, incoming)
        second(port, frame, incoming)

    return tap
