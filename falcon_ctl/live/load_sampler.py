"""Samples a host's load while frames flow through it."""

from __future__ import annotations

from falcon_ctl.background import Background
from falcon_ctl.checks.rebalance import LoadSample
from falcon_ctl.live.hosts import ANSWER_SECONDS
from rxpath.errors import ControlError
from rxpath.live.control import Client

_PERIOD = 0.02  # s


class LoadSampler(Background):
    """Context manager: `samples` of the host at a control socket, on a separate connection."""

    def __init__(self, control_socket: str) -> None:
        super().__init__("load sampler")
        self.samples: list[LoadSample] = []
        self._client = Client(control_socket, ANSWER_SECONDS)

    def _finish(self) -> None:
        self._client.close()

    def _loop(self) -> None:
        while not self._stop.wait(_PERIOD):
            try:
                stats = self._client.call("stats")
            except ControlError:
                return  # the run notices by itself that the host is gone
            off = bool(stats["falcon"]["off"])
            loads = tuple(stats["load"])
            self.samples.append(LoadSample(stats["clock_ns"], loads, stats["average_load"], off))
