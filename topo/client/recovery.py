"""Take over the network that is up in a run directory, and repair what is broken in it."""

import time
from collections.abc import Callable
from typing import NoReturn

from topo.client import running, shutdown
from topo.client.network import Network
from topo.client.running import Running
from topo.errors import Busy, NotRunning, OtherNetworkUp, RequestError
from topo.protocol.status import Target
from topo.rundir import RunDir
from topo.spec.model import Topology

REACH_SECONDS = 3.0  # the daemon binds a socket that was removed anew within a second
SETTLE_SECONDS = 10.0  # on a busy machine a program that was continued answers late
POLL_SECONDS = 0.05


class Lost(Exception):
    """The network could not be reached or repaired and has been ended; the text says why."""


def recover(topology: Topology, target: Target, run_dir: RunDir) -> tuple[bool, list[str]]:
    """Repair the network that is up in `run_dir`, which we have locked.

    Returns whether one is up, and a line for each repair. Raises OtherNetworkUp when it is not
    the one that is wanted, Busy when another `up` is bringing it up, and `Lost` when it was so
    broken that it had to be ended.
    """
    if any(network.is_starting for network in running.of(run_dir)):
        raise Busy(run_dir.path)
    notes = _resume(run_dir)
    network = _reach(run_dir, notes)
    if network is None:
        return False, notes
    with network:
        try:
            _compare(network, topology, target)
            notes += network.repair()
            if notes and (troubles := _lasting(network)):
                _give_up(run_dir, troubles[0])
        except RequestError as err:
            _give_up(run_dir, f"{err.where}: {err.message}")
        except NotRunning as err:  # it ended while we looked
            if running.of(run_dir):
                _give_up(run_dir, str(err))
            return False, notes
    return True, notes


def _resume(run_dir: RunDir) -> list[str]:
    """Continue a stopped daemon."""
    return [
        f"daemon {network.daemon} was stopped: continued"
        for network in running.of(run_dir)
        if network.resume()
    ]


def _reach(run_dir: RunDir, notes: list[str]) -> Network | None:
    """Connect to the daemon; None when there is none. A removed socket is waited for."""
    network = _connect(run_dir)
    found = running.of(run_dir)
    if network is not None or not found:
        return network
    network = _poll(lambda: _connect(run_dir), REACH_SECONDS)
    if network is None:
        _give_up(run_dir, f"daemon {found[0].daemon} could not be reached")
    notes.append(f"{run_dir.socket} was removed: bound again")
    return network


def _connect(run_dir: RunDir) -> Network | None:
    try:
        return Network.connect(run_dir.path)
    except NotRunning:
        return None
    except RequestError as err:
        _give_up(run_dir, f"{err.where}: {err.message}")


def _poll(attempt: Callable[[], Network | None], seconds: float) -> Network | None:
    """Call `attempt` until it returns a network, for at most so many seconds."""
    deadline = time.monotonic() + seconds
    while (network := attempt()) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return network


def _lasting(network: Network) -> tuple[str, ...]:
    """What is still wrong with a repaired network when it has had some seconds to settle."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := network.status(probe=True).troubles) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found


def _give_up(run_dir: RunDir, reason: str) -> NoReturn:
    """End the network of `run_dir` and raise `Lost`; OtherNetworkUp if it cannot be found."""
    ended: list[Running] = running.of(run_dir)
    if not ended:
        raise OtherNetworkUp(f"{run_dir.socket}: {reason}")
    for network in ended:
        shutdown.end(network)
    raise Lost(reason)


def _compare(network: Network, topology: Topology, target: Target) -> None:
    """Raise OtherNetworkUp unless the network is the wanted one."""
    spec, status = network.spec, network.status()
    if running.marker(RunDir(status.run_dir)) != running.marker(RunDir(network.run_dir)):
        raise OtherNetworkUp(f"the network of {status.run_dir} answers in {network.run_dir}")
    if spec != topology:
        what = "of another spec" if spec.name == topology.name else f"({spec.name})"
        raise OtherNetworkUp(f"another network {what} is up in {network.run_dir}")
    if status.target != target:
        raise OtherNetworkUp(f"{spec.name} is up with {status.target}, not {target}")
