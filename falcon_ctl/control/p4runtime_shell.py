"""Runs p4runtime-shell on a switch of the network that is up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from falcon_ctl import lock
from falcon_ctl.errors import UsageError
from falcon_ctl.live import watch
from falcon_ctl.live.controller import election_id


def become(switch: str, run_dir: Path | None) -> NoReturn:
    """Replace this process by the shell; while a run uses the network it may only read.

    Raises:
        UsageError: there is no such switch, or no network.
    """
    with watch.connect(run_dir) as network:
        switches = network.switches
        busy = lock.holder(network.run_dir)
    if switch not in switches:
        raise UsageError("shell", f"no switch {switch!r}", f"one of {', '.join(switches)}")
    info = switches[switch]
    election = 1 if busy else election_id()
    argv = [sys.executable, "-m", "p4runtime_sh", "--grpc-addr", info.grpc_address]
    argv += ["--device-id", str(info.device_id), "--election-id", f"0,{election}"]
    os.execv(sys.executable, argv)
