"""The process: a host on its interfaces, its control socket, and a clean end on SIGTERM."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import FrameType

from rxpath.live.config import MachineConfig
from rxpath.live.control import Server
from rxpath.live.host import LiveHost, sleep_precisely
from rxpath.live.operations import Operations

SLICE_NS = 200_000_000  # at most so long until Python checks for signals and overdue clients

log = logging.getLogger("rxpath")


class _Stop:
    """Set by the first SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.signal = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = number


def serve(config: MachineConfig) -> None:
    """Run the machine until SIGTERM or SIGINT.

    Raises `DeviceError` when an interface is missing, `ControlError` when the control socket's
    path is taken; nothing stays behind then.
    """
    stop = _Stop()
    with LiveHost(config) as host:
        operations = Operations(host)
        with Server(Path(config.control), operations.table()) as server:
            signal.set_wakeup_fd(server.wakeup, warn_on_full_buffer=False)
            sleep_precisely()
            host.watch(server.fileno())
            log.info("machine %s ready, control socket %s", config.machine, config.control)
            while not stop.signal:
                host.run(SLICE_NS)
                server.serve()
            signal.set_wakeup_fd(-1)
        operations.close()
        log.info("machine %s stopped by %s", config.machine, signal.Signals(stop.signal).name)
