"""Waits until the ends of links send frames.

An end that is set up before the other one has no queue for frames yet. The kernel attaches it when
the other end comes up, but in a work item that has to wait for the RTNL mutex, which the whole
computer shares (net/core/link_watch.c: linkwatch_do_dev, dev_activate). What is sent before is
dropped without an error to the sender (net/sched/sch_generic.c: noop_enqueue); only the interface's
tx_dropped counts it. The work item also makes the interface a running one (IFF_RUNNING).
"""

import time
from collections.abc import Callable, Iterable

from topo.daemon.wiring import Port
from topo.errors import StartFailed
from topo.system.interfaces import Interface

POLL_SECONDS = 0.01


def wait_running(
    ports: Iterable[Port],
    look: Callable[[Port], Interface | None],
    seconds: float,
    is_wanted: Callable[[], bool],
) -> None:
    """Poll interfaces until all are running; raise StartFailed for the first that is not.

    Args:
        ports: ends of links whose other ends are set up, too.
        look: gives the state of one.
        seconds: for all of them together.
        is_wanted: polled meanwhile; raises StartFailed when it returns False.
    """
    deadline = time.monotonic() + seconds
    for port in ports:
        while (found := look(port)) is None or not found.is_running:
            if not is_wanted():
                raise StartFailed("daemon", "nobody is waiting for this network any more")
            if time.monotonic() > deadline:
                raise StartFailed(port.node, f"{port.ifname} has no carrier after {seconds:g} s")
            time.sleep(POLL_SECONDS)
