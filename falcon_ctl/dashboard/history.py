"""The snapshot for a page that opens: of all earlier messages, what still matters. Pure."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from falcon_ctl.dashboard.messages import VERSION, Message

FRAMES = 900  # three minutes at five a second
DETAILED = 10  # so many of the last frames keep their slices
EVENTS = 500
FLOWS = 100  # that have ended


class History:
    """The state that messages add up to; bounded, however long it goes on."""

    def __init__(self) -> None:
        self._network: Message | None = None
        self._choice: Message | None = None
        self._frames: deque[Message] = deque(maxlen=FRAMES)
        self._events: deque[Message] = deque(maxlen=EVENTS)
        self._flows: dict[str, Message] = {}

    @property
    def network(self) -> Message | None:
        """The last message about the network, with the topology that was sent last."""
        return self._network

    @property
    def start(self) -> list[Message]:
        """The messages that a recording starts with, so that it can be shown alone."""
        found = [self._network, self._choice, *self._flows.values()]
        return [message for message in found if message is not None]

    def apply(self, message: Message) -> None:
        """Take note of one message. Unknown types are ignored: a later minor version's."""
        kind = message["type"]
        if kind == "network":
            self._network = {**(self._network or {}), **message}
        elif kind == "choice":
            self._choice = message
        elif kind == "frame":
            self._frames.append(message)
            if len(self._frames) > DETAILED:
                old = len(self._frames) - DETAILED - 1
                self._frames[old] = _without_slices(self._frames[old])
        elif kind == "event":
            self._events.append(message)
        elif kind == "flow":
            self._add_flow(message)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as one message."""
        return {
            "type": "snapshot",
            "version": VERSION,
            "network": self._network,
            "choice": self._choice,
            "frames": list(self._frames),
            "events": list(self._events),
            "flows": list(self._flows.values()),
        }

    def _add_flow(self, message: Message) -> None:
        self._flows[message["flow"]["id"]] = message
        ended = [key for key, one in self._flows.items() if one["flow"]["state"] != "running"]
        for key in islice(ended, max(0, len(ended) - FLOWS)):
            del self._flows[key]


def _without_slices(frame: Message) -> Message:
    hosts = {
        name: {key: value for key, value in host.items() if key != "slices"}
        for name, host in frame["hosts"].items()
    }
    return {**frame, "hosts": hosts}
