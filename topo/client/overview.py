"""One line about each network of this user, whether it answers or not."""

from typing import NamedTuple

from topo.client.network import Network
from topo.client.running import Running
from topo.errors import NotRunning, TopoError
from topo.rundir import RunDir


class Overview(NamedTuple):
    """A network: where, what, since when (s), its daemon's process number, and its state."""

    run_dir: str
    topology: str
    age_s: float
    pid: int
    state: str


def describe(network: Running) -> Overview:
    """Describe a network; asks its daemon for its state if that can be asked."""
    path = str(network.run_dir)
    return Overview(
        path, network.topology, round(network.age_s, 1), network.daemon, _state(network)
    )


def _state(network: Running) -> str:
    if network.is_stopped:
        return "stopped"
    if network.is_starting:
        return "starting"
    run_dir = RunDir(network.run_dir)
    if not run_dir.path.is_dir():
        return "its run directory was removed (make topo repairs it)"
    try:
        with Network.connect(run_dir.path) as connected:
            status = connected.status()
    except NotRunning:
        return "no socket in its run directory (make topo repairs it)"
    except TopoError as err:
        return str(err)
    return "; ".join(status.troubles) or "up"
