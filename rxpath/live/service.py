"""The process: a host on its interfaces, its control socket, and a clean end on SIGTERM."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path

from rxpath import signals
from rxpath.live.config import MachineConfig
from rxpath.live.control import Server
from rxpath.live.host import LiveHost, sleep_precisely
from rxpath.live.operations import Operations

SLICE_NS = 200_000_000  # at most so long until Python checks for signals and overdue clients

log = logging.getLogger("rxpath")


def serve(config: MachineConfig) -> None:
    """Run the machine until SIGTERM or SIGINT.

    Raises `DeviceError` when an interface is missing, `ControlError` when the control socket's
    path is taken; nothing stays behind then.
    """
    wake: list[Callable[[], None]] = []
    ending = signals.ending("rxpath", raises=False, relay=lambda: [call() for call in wake])
    with ending as end, LiveHost(config) as host:
        operations = Operations(host)
        with Server(Path(config.control), operations.table()) as server:
            wake.append(server.wake)
            sleep_precisely()
            host.watch(server.fileno())
            log.info("machine %s ready, control socket %s", config.machine, config.control)
            while not end.number:
                host.run(SLICE_NS)
                server.serve()
            wake.clear()
        operations.close()
        log.info("machine %s stopped by %s", config.machine, signal.Signals(end.number).name)
