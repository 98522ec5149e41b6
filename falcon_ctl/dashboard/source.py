"""The interface between dashboard and network: a running one, or a synthetic one in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from falcon_ctl.dashboard.messages import Message


class Source(Protocol):
    """A network that is up; every method raises an error of ours when it is not any more.

    `observe` is called by one thread, and the others by other threads at the same time.
    """

    def describe(self) -> Message:
        """The message ``network``."""

    def observe(self) -> list[Message]:
        """What happened since the last call: a frame, and events and a choice before it."""

    def use(self, wanted: Mapping[str, Any]) -> Message:
        """Make the network run a choice, given as JSON; returns the message ``choice``.

        Raises:
            UsageError, ConfigError: it is wrong; nothing was changed.
        """

    def prepare(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """A flow's request, given as JSON, with everything that was left open.

        Raises:
            UsageError, ConfigError: it is wrong.
        """

    def send(
        self,
        request: Mapping[str, Any],
        tell: Callable[[Mapping[str, Any]], None],
        stop: threading.Event,
    ) -> Mapping[str, Any]:
        """Send what `prepare` returned, to its end or until `stop` is set.

        Returns the report, in which ``stopped`` says that it ended early.

        `tell` gets {sent, received, lost, reordered} now and then.
        """

    def close(self) -> None:
        """Close what was opened; the network goes on."""


Opener = Callable[[], Source]
"""Connects to the network. Raises NoNetwork when none is up."""
