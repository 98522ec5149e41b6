"""Records what one machine receives while a block runs, with what the switches hold at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from falcon_ctl.errors import PartFailed
from falcon_ctl.live.explainer import Entries
from falcon_ctl.live.hosts import Host
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.program import P4INFO
from rxpath.errors import ControlError
from topo.client.network import Network
from topo.protocol.status import SwitchInfo

MOST_FRAMES = 200_000  # that are recorded: 180 MB of the host's memory
_READS_ONLY = 1  # an election id below that of any controller, which is the time in ns


@contextmanager
def recorded(network: Network, machine: str, limit: int = MOST_FRAMES) -> Iterator[list[LiveRun]]:
    """Record the first `limit` frames; the list holds the run, without a label, after the block.

    Raises:
        PartFailed: the machine does not record: another recording of it runs, say.
        SwitchError: a switch does not answer.
    """
    runs: list[LiveRun] = []
    host = Host(network.machines[machine])
    try:
        with host.recording(limit) as traces:
            yield runs
        runs.append(LiveRun("", traces[0], read_entries(network.switches)))
    except ControlError as error:
        raise PartFailed(f"rxpath {machine}", f"{error.where}: {error.message}") from error
    finally:
        host.close()


def read_entries(infos: Mapping[str, SwitchInfo]) -> Entries:
    """Read the switches' entries without mastership. Raises SwitchError."""
    schema = Schema.load(P4INFO)
    with ExitStack() as stack:
        switches = {}
        for name, info in infos.items():
            client = Client(name, info.grpc_address, info.device_id, _READS_ONLY)
            stack.callback(client.close)
            switches[name] = Switch(client, schema)
        return Entries.read(switches)
