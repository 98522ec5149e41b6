"""`Network`: a running network, used from outside its namespaces.

    with Network.connect() as network:
        network.exec("red1-1", ["ping", "-c1", "10.0.0.21"], check=True)
        sock = network.socket("red2-1", socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("10.0.0.21", 9000))

Everything goes through the daemon's Unix socket in the run directory.
"""

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from topo.client import pids
from topo.client.connection import REPLY_SECONDS, Connection, dial, understood
from topo.client.execution import INHERITED, Execution, Streams, communicate
from topo.client.shutdown import take_down
from topo.errors import RequestError
from topo.protocol.channel import close_all
from topo.protocol.status import MachineInfo, Status, SwitchInfo
from topo.rundir import RunDir
from topo.spec.model import Topology

if TYPE_CHECKING:
    import networkx as nx

STATUS_SECONDS = 6.0  # when no program of a large network answers
REPAIR_SECONDS = 120.0  # a program may compile when it starts again,
PROGRAM_SECONDS = 5.0  # and so much more for each, as many may have to


class Network:
    """A network that is up; a context manager.

    Use one `Network` from one thread at a time; `exec` and `start` open connections of their own.
    Every method raises NotRunning when the daemon has ended, and RequestError when it rejects a
    request or fails.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(cls, run_dir: str | os.PathLike[str] | None = None) -> "Network":
        """Connect to the network of `run_dir` (default: $FALCON_RUN_DIR, else the user's own).

        Raises NotRunning when no network is up there, RunDirError when it is not a directory of
        ours.
        """
        return cls(Connection(RunDir(run_dir)))

    def __enter__(self) -> "Network":  # noqa: PYI034  # typing.Self is of Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the network stays up."""
        self._connection.close()

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self._connection.run_dir.path

    @property
    def daemon_pid(self) -> int:
        """The daemon's process number in our PID namespace."""
        return self._connection.daemon_pid

    @cached_property
    def spec(self) -> Topology:
        """The topology that is up."""
        reply, _ = self._connection.request("spec")
        with understood():
            return Topology.model_validate(reply["topology"])

    @cached_property
    def graph(self) -> "nx.Graph[str]":
        """The topology as a graph, see `Topology.graph`."""
        return self.spec.graph()

    def status(self, probe: bool = False) -> Status:
        """The state of every program, with process numbers of our PID namespace.

        With `probe` each program is asked for an answer within a second; an experiment that runs
        may notice that.
        """
        params = {"probe": probe}
        seconds = STATUS_SECONDS if probe else REPLY_SECONDS
        reply, _ = self._connection.request("status", params, seconds)
        with understood():
            status = Status.model_validate(reply)
        ours = pids.translation(self.daemon_pid)

        def translate(item: Any) -> Any:
            return item.model_copy(update={"pid": ours.get(item.pid, 0)})

        update = {key: tuple(map(translate, getattr(status, key))) for key in _WITH_PIDS}
        return status.model_copy(update={"pid": self.daemon_pid, **update})

    def repair(self) -> list[str]:
        """Repair what is broken; return a line for each repair.

        Raises RequestError, with the part in `where`, when that is not possible.
        """
        programs = len(self.spec.switches) + len(self.spec.machines)
        seconds = REPAIR_SECONDS + PROGRAM_SECONDS * programs
        reply, _ = self._connection.request("repair", seconds=seconds)
        with understood():
            return [str(note) for note in reply["notes"]]

    @property
    def switches(self) -> dict[str, SwitchInfo]:
        """The switches by name, in the order of the spec."""
        return {switch.name: switch for switch in self.status().switches}

    @property
    def machines(self) -> dict[str, MachineInfo]:
        """The machines by name, in the order of the spec."""
        return {machine.name: machine for machine in self.status().machines}

    def socket(
        self,
        node: str,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002  # as socket.socket has it
        proto: int = 0,
    ) -> socket.socket:
        """Open a socket inside the network namespace of a node (switch, machine or container).

        The socket stays in that namespace; it belongs to the caller, who closes it. AF_PACKET
        takes `proto` in network byte order, as in packet(7).
        """
        params = {"node": node, "family": int(family), "type": int(type), "proto": proto}
        _, fds = self._connection.request("socket", params)
        if len(fds) != 1:
            close_all(fds)
            raise RequestError("failed", node, f"expected one socket, got {len(fds)}")
        return socket.socket(family, type, proto, fileno=fds[0])

    def start(
        self,
        node: str,
        argv: Sequence[str],
        *,
        streams: Streams = INHERITED,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        privileged: bool = False,
    ) -> Execution:
        """Start a program in a node and return at once.

        It inherits our standard streams, environment and directory unless others are given. When
        the returned Execution is closed before the program ended, the program receives SIGHUP.
        A `privileged` program has only the network of a container, and otherwise what the daemon
        has.
        Raises RequestError when there is no such node or directory.
        """
        params = {
            "node": node,
            "argv": list(argv),
            "env": dict(os.environ if env is None else env),
            "cwd": cwd or os.fspath(Path.cwd()),
            "privileged": privileged,
        }
        return Execution(dial(self._connection.run_dir), params, streams)

    def exec(
        self,
        node: str,
        argv: Sequence[str],
        *,
        input: bytes | str | None = None,  # noqa: A002  # as subprocess.run has it
        check: bool = False,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program in a node to its end and capture its output.

        The output is text, or bytes when `input` is bytes; without `input` the program reads our
        standard input. Raises subprocess.CalledProcessError with `check`,
        subprocess.TimeoutExpired after `timeout` seconds (the program is then killed),
        RequestError when there is no such node.
        """
        done = communicate(
            lambda streams: self.start(node, argv, streams=streams),
            argv,
            input.encode() if isinstance(input, str) else input,
            timeout,
        )
        if not isinstance(input, bytes):
            done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if check:
            done.check_returncode()
        return done

    def down(self, timeout: float = 10.0) -> None:
        """Take the network down; return when its last process has ended."""
        take_down(self._connection.run_dir, timeout)


_WITH_PIDS = ("parts", "switches", "machines")
