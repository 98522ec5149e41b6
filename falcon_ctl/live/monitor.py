"""Samples the load that a host shows while frames flow through it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from falcon_ctl.checks.rebalance import LoadSample
from rxpath.control import Client
from rxpath.errors import ControlError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_PERIOD = 0.02


class Monitor:
    """Context manager: `samples` of the host at a control socket, on a connection of its own."""

    def __init__(self, control_socket: str) -> None:
        self.samples: list[LoadSample] = []
        self._client = Client(control_socket)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="monitor", daemon=True)

    def __enter__(self) -> Self:
        """Start to sample."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join(timeout=5)
        self._client.close()

    def _loop(self) -> None:
        while not self._stop.wait(_PERIOD):
            try:
                stats = self._client.call("stats")
            except ControlError:
                return  # the run finds out by itself that the host is gone
            off = bool(stats["falcon"]["off"])
            loads = tuple(stats["load"])
            self.samples.append(LoadSample(stats["clock_ns"], loads, stats["average_load"], off))
