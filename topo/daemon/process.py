"""The daemon's life: read the order, enter namespaces, bring the network up, serve, clean up.

`topo.protocol.startup` describes what goes over standard input and output meanwhile.
"""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from topo.errors import StartFailed, TopoError
from topo.protocol.startup import Order, failed
from topo.rundir import RunDir
from topo.system import linux, namespaces

if TYPE_CHECKING:
    from topo.spec.model import Topology

SIGNAL_SECONDS = 1  # at most until a signal is noticed


def main() -> NoReturn:
    """Read the order, enter the namespaces, and be the daemon in there."""
    order: Order = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    run_dir = RunDir(order["run_dir"])
    os.umask(0o077)  # whatever the user's is: what the programs write is his alone
    os.setsid()
    os.chdir("/")
    try:
        init = namespaces.enter(run_dir.path)
    except namespaces.Refused as err:
        report(failed(StartFailed("namespaces", str(err))))
        os._exit(1)
    if init:
        report({"init": init})
        os._exit(0)
    namespaces.run_as_init(lambda: hold_up(order, run_dir))


def report(message: dict[str, Any]) -> None:
    """Write one report to the process that started the daemon."""
    os.write(1, json.dumps(message).encode() + b"\n")


def is_wanted() -> bool:
    """Whether the starter still reads our reports: poll(2) flags a pipe without a reader."""
    poller = select.poll()
    poller.register(1, 0)
    return not any(event & select.POLLERR for _, event in poller.poll(0))


def hold_up(order: Order, run_dir: RunDir) -> int:
    """Bring the network up and serve clients until SIGTERM or `down`; return the exit status."""
    began = time.monotonic()
    end = os.eventfd(0, os.EFD_CLOEXEC)

    def finish(*_: object) -> None:
        os.eventfd_write(end, 1)

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)  # SIG_IGN would be inherited by programs
    # Imported here: processes outside need neither Mininet nor pyroute2.
    from topo.daemon.emulation import Emulation
    from topo.daemon.listener import Listener
    from topo.daemon.service import Service
    from topo.spec.model import Topology

    files = linux.allow_files()
    topology = Topology.model_validate(order["topology"])
    emulation = Emulation(topology, order["target"], run_dir, sys.stderr)
    try:
        emulation.start(is_wanted)
        listener = Listener(run_dir)
        report({"ready": round(time.monotonic() - began, 3)})
    except (StartFailed, OSError) as err:
        emulation.log(f"failed: {err}")
        if isinstance(err, OSError) and not isinstance(err, BrokenPipeError):
            err = StartFailed("daemon", str(err))
        if isinstance(err, StartFailed) and is_wanted():
            report(failed(err))
        else:  # the starter is gone and does not clean up
            clean_up(run_dir, topology)
        return 1
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    service = Service(emulation, finish, files)
    threading.Thread(target=service.serve, args=(listener,), daemon=True).start()
    while not linux.wait_readable([end], SIGNAL_SECONDS):
        pass  # a signal that comes just before the wait does not end it
    emulation.stop()
    emulation.log("down")
    clean_up(run_dir, topology)
    return 0


def clean_up(run_dir: RunDir, topology: "Topology") -> None:
    """Remove our files, unless an `up` or `down` holds the directory: then it removes them."""
    with contextlib.suppress(TopoError), run_dir.locked():
        run_dir.clean(switches=[switch.name for switch in topology.switches])
