"""The daemon: takes an order on standard input, holds the network up, reports on standard output.

``python -m topo.daemon`` is started by `topo.launch` only. The order is a JSON object with
``topology``, ``target`` and ``run_dir``. The reports, one JSON object a line, are ``{"init": pid}``
and then ``{"ready": seconds}`` or ``{"failed": {"part", "reason", "log"}}``; end of file before
that means that the daemon died.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from typing import Any, NoReturn

from topo import namespaces
from topo.errors import StartFailed, TopoError
from topo.rundir import RunDir

BACKLOG = 128


def main() -> NoReturn:
    """Read the order, enter the namespaces, and be the daemon in there."""
    order = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    run_dir = RunDir(order["run_dir"])
    os.setsid()
    os.chdir("/")
    try:
        init = namespaces.enter(run_dir.path)
    except namespaces.Refused as err:
        report({"failed": {"part": "namespaces", "reason": str(err), "log": ""}})
        os._exit(1)
    if init:
        report({"init": init})
        os._exit(0)
    namespaces.run_as_init(lambda: hold_up(order, run_dir))


def report(message: dict[str, Any]) -> None:
    """Tell the starter one thing."""
    os.write(1, json.dumps(message).encode() + b"\n")


def is_wanted() -> bool:
    """Whether the starter still listens: a pipe without a reader shows an error, poll(2)."""
    poller = select.poll()
    poller.register(1, 0)
    return not any(event & select.POLLERR for _, event in poller.poll(0))


def hold_up(order: dict[str, Any], run_dir: RunDir) -> int:
    """Bring the network up, serve until SIGTERM or `down`; return the exit status."""
    began = time.monotonic()
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    signal.signal(signal.SIGINT, lambda *_: end.set())  # ignored, programs would ignore it too
    from topo.emulation import Emulation  # Mininet and pyroute2: not needed before this process
    from topo.service import Service
    from topo.spec import Topology

    topology = Topology.model_validate(order["topology"])
    emulation = Emulation(topology, order["target"], run_dir, sys.stderr)
    try:
        emulation.start(is_wanted)
        listener = listen(run_dir)
        report({"ready": round(time.monotonic() - began, 3)})
    except (StartFailed, BrokenPipeError) as err:
        emulation.say(f"failed: {err}")
        if isinstance(err, StartFailed) and is_wanted():
            report({"failed": {"part": err.part, "reason": err.reason, "log": err.log}})
        else:  # whoever wanted it is gone and does not clean up
            tidy(run_dir)
        return 1
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    service = Service(emulation, end.set)
    threading.Thread(target=service.serve, args=(listener,), daemon=True).start()
    end.wait()
    emulation.stop()
    emulation.say("down")
    tidy(run_dir)
    return 0


def tidy(run_dir: RunDir) -> None:
    """Remove our files, unless an `up` or `down` is at work there: then it does."""
    with contextlib.suppress(TopoError), run_dir.locked():
        run_dir.clean()


def listen(run_dir: RunDir) -> socket.socket:
    """Open the daemon's socket for this user only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(run_dir.socket))
    run_dir.socket.chmod(0o600)
    listener.listen(BACKLOG)
    return listener


if __name__ == "__main__":
    main()
