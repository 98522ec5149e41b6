"""`Network`: a running network as Python sees it, from outside its namespaces.

    with Network.connect() as network:
        network.exec("red1-1", ["ping", "-c1", "10.0.0.21"], check=True)
        sock = network.socket("red2-1", socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("10.0.0.21", 9000))

Everything goes through the daemon's Unix socket in the run directory.
"""

import os
import socket
import struct
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from topo import pids
from topo.errors import NotRunning, RequestError
from topo.execution import Execution, Stream, communicate
from topo.protocol import Channel, Message, ProtocolError, close_all, result_of
from topo.rundir import RunDir
from topo.spec import Topology
from topo.state import MachineInfo, Status, SwitchInfo

if TYPE_CHECKING:
    import networkx as nx

REPLY_SECONDS = 5.0  # the daemon's own answers take milliseconds; a hung one must not hang us


class Network:
    """A connection to the daemon that holds a network up; a context manager.

    One connection serves one thread; `exec` and `start` open connections of their own. Errors:
    NotRunning when there is no daemon (any more), RequestError when it refuses or fails.
    """

    def __init__(self, channel: Channel, run_dir: RunDir) -> None:
        self._channel = channel
        self._run_dir = run_dir
        self._requests = 0

    @classmethod
    def connect(cls, run_dir: str | os.PathLike[str] | None = None) -> "Network":
        """Connect to the network of `run_dir` (default: $FALCON_RUN_DIR, else the user's own).

        Raises NotRunning when none is up there, RunDirError when it is no directory of ours.
        """
        where = RunDir(run_dir)
        where.verify()
        return cls(_dial(where), where)

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
        self._channel.close()

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self._run_dir.path

    @property
    def daemon_pid(self) -> int:
        """The daemon's process number, as the kernel gives it for the socket's other end."""
        size = struct.calcsize("3i")
        creds = self._channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", creds)[0])

    @cached_property
    def spec(self) -> Topology:
        """The topology that is up."""
        return Topology.model_validate(self._request("spec")[0]["topology"])

    @cached_property
    def graph(self) -> "nx.Graph[str]":
        """The topology as a graph, see `Topology.graph`."""
        return self.spec.graph()

    def status(self) -> Status:
        """Every part with its state; process numbers are ours, not those of the namespace."""
        status = Status.model_validate(self._request("status")[0])
        ours = pids.translation(self.daemon_pid)

        def here(item: Any) -> Any:
            return item.model_copy(update={"pid": ours.get(item.pid, 0)})

        update = {key: tuple(map(here, getattr(status, key))) for key in _WITH_PIDS}
        return status.model_copy(update={"pid": self.daemon_pid, **update})

    @property
    def switches(self) -> dict[str, SwitchInfo]:
        """The switches by name, in the spec's order."""
        return {switch.name: switch for switch in self.status().switches}

    @property
    def machines(self) -> dict[str, MachineInfo]:
        """The machines by name, in the spec's order."""
        return {machine.name: machine for machine in self.status().machines}

    def socket(
        self,
        node: str,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002  # as socket.socket has it
        proto: int = 0,
    ) -> socket.socket:
        """Make a socket inside the network namespace of a node, whichever kind it is.

        It is an ordinary socket of the caller's from then on: it stays in that namespace, and
        closing it is the caller's task. AF_PACKET takes `proto` in network byte order, as ever.
        """
        params = {"node": node, "family": int(family), "type": int(type), "proto": proto}
        _, fds = self._request("socket", params)
        if len(fds) != 1:
            close_all(fds)
            raise RequestError("failed", node, f"expected one socket, got {len(fds)}")
        return socket.socket(family, type, proto, fileno=fds[0])

    def start(
        self,
        node: str,
        argv: Sequence[str],
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Execution:
        """Start a program in a node with these descriptors (None: ours) and return at once.

        It gets our environment and directory unless others are given, and SIGHUP when the
        returned Execution is closed before it ended.
        """
        params = {
            "node": node,
            "argv": list(argv),
            "env": dict(os.environ if env is None else env),
            "cwd": cwd or os.fspath(Path.cwd()),
        }
        return Execution(_dial(self._run_dir), params, (stdin, stdout, stderr))

    def exec(
        self,
        node: str,
        argv: Sequence[str],
        *,
        input: bytes | str | None = None,  # noqa: A002  # as subprocess.run has it
        stdin: int | IO[Any] | None = None,
        capture_output: bool = True,
        text: bool = True,
        check: bool = False,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program in a node to its end, as subprocess.run does.

        Unlike there, output is captured, as text, unless told otherwise. Raises
        subprocess.CalledProcessError with `check`, subprocess.TimeoutExpired after `timeout`
        seconds (the program is then killed), RequestError when there is no such node.
        """
        done = communicate(
            lambda streams: self.start(node, argv, env=env, cwd=cwd, **streams),
            argv,
            input.encode() if isinstance(input, str) else input,
            stdin,
            capture_output,
            timeout,
        )
        if text and capture_output:
            done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if check:
            done.check_returncode()
        return done

    def down(self, timeout: float = 10.0) -> None:
        """Take the network down and return when its last process is gone."""
        from topo.shutdown import take_down

        take_down(self._run_dir, timeout)

    def request_down(self) -> None:
        """Ask the daemon to end; `down` also waits for it and cleans up."""
        self._request("down")

    def _request(self, op: str, params: Message | None = None) -> tuple[Message, list[int]]:
        self._requests += 1
        try:
            self._channel.send({"id": self._requests, "op": op, "params": params or {}})
            answer = self._channel.receive()
        except TimeoutError:
            raise RequestError("timeout", "daemon", "no answer, is it stopped?") from None
        except (OSError, ProtocolError) as err:
            raise NotRunning(self._run_dir.path) from err
        if answer is None:
            raise NotRunning(self._run_dir.path)
        reply, fds = answer
        return result_of(reply), fds


_WITH_PIDS = ("parts", "switches", "machines")


def _dial(run_dir: RunDir) -> Channel:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(REPLY_SECONDS)
    try:
        sock.connect(os.fspath(run_dir.socket))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        raise NotRunning(run_dir.path) from None
    return Channel(sock)
