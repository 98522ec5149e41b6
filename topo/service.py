"""What the daemon does for its clients: one thread a connection, one method an operation."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from select import select
from subprocess import Popen
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from topo import report
from topo.emulation import Emulation
from topo.errors import RequestError
from topo.linux import within_netns
from topo.nodes import Namespaced
from topo.protocol import Channel, Message, ProtocolError, close_all, failure, success

HANGUP_SECONDS = 2.0  # between SIGHUP and SIGKILL for a program whose client has gone
P = TypeVar("P", bound=BaseModel)


class Params(BaseModel):
    """Parameters of an operation: nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NoParams(Params):
    """Of `status`, `spec` and `down`."""


class SocketParams(Params):
    """Of `socket`, as socket(2) takes them."""

    node: str
    family: int
    type: int
    proto: int = 0


class ExecParams(Params):
    """Of `exec`; the descriptors for standard input, output and error come beside it."""

    node: str
    argv: list[str] = Field(min_length=1)
    env: dict[str, str] | None = None
    cwd: str = "/"


class SignalParams(Params):
    """Of `signal`, on a connection whose `exec` is under way."""

    signal: int = Field(ge=1, le=64)


class Service:
    """Answers requests about one network until someone asks for its end."""

    def __init__(self, emulation: Emulation, end: Callable[[], None]) -> None:
        self._emulation, self._end = emulation, end
        self._operations: dict[str, Callable[[Channel, Message, list[int]], None]] = {
            "status": self._status,
            "spec": self._spec,
            "socket": self._socket,
            "exec": self._exec,
            "down": self._down,
        }

    def serve(self, listener: socket.socket) -> None:
        """Accept connections for ever, each answered in a thread of its own."""
        while True:
            sock, _ = listener.accept()
            channel = Channel(sock)
            threading.Thread(target=self._converse, args=(channel,), daemon=True).start()

    def _converse(self, channel: Channel) -> None:
        try:
            while received := channel.receive():
                self._answer(channel, *received)
        except (OSError, ProtocolError) as err:
            self._emulation.say(f"connection ended: {err}")
        finally:
            channel.close()

    def _answer(self, channel: Channel, request: Message, fds: list[int]) -> None:
        try:
            operation = self._operations.get(str(request.get("op")))
            if operation is None:
                known = ", ".join(self._operations)
                raise RequestError("bad_request", "op", f"expected one of {known}")
            if self._emulation.is_ending:
                raise RequestError("failed", "daemon", "the network is going down")
            operation(channel, request, fds)
        except RequestError as err:
            channel.send(failure(request.get("id"), err))
        finally:
            close_all(fds)

    def _node(self, name: str) -> Namespaced:
        try:
            return self._emulation.nodes[name]
        except KeyError:
            known = ", ".join(self._emulation.nodes)
            raise RequestError(
                "bad_request", "node", f"there is no {name}, expected one of {known}"
            ) from None

    def _status(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        _params(NoParams, request)
        result = report.status(self._emulation).model_dump(mode="json")
        channel.send(success(request.get("id"), result))

    def _spec(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        _params(NoParams, request)
        topology = self._emulation.topology.model_dump(mode="json")
        channel.send(success(request.get("id"), {"topology": topology}))

    def _down(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        _params(NoParams, request)
        channel.send(success(request.get("id"), {}))
        self._end()

    def _socket(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        params = _params(SocketParams, request)
        node = self._node(params.node)

        def make() -> socket.socket:
            return socket.socket(params.family, params.type, params.proto)

        try:
            sock = within_netns(node.netns, make)
        except OSError as err:
            raise RequestError("failed", params.node, f"socket: {err.strerror}") from err
        with sock:
            channel.send(success(request.get("id"), {}), [sock.fileno()])

    def _exec(self, channel: Channel, request: Message, fds: list[int]) -> None:
        params = _params(ExecParams, request)
        node = self._node(params.node)
        if len(fds) != 3:
            what = f"expected 3 descriptors beside the request, got {len(fds)}"
            raise RequestError("bad_request", "exec", what)
        if not Path(params.cwd).is_dir():
            raise RequestError("bad_request", "cwd", f"{params.cwd} is no directory in the network")
        try:
            # env(1) gives the shell's exit statuses: 127 not found, 126 not executable.
            argv = ["env", "--", *params.argv]
            process = node.run(argv, fds[0], fds[1], fds[2], params.env, params.cwd)
        except (OSError, ValueError) as err:  # ValueError: a zero byte in an argument
            raise RequestError("failed", params.argv[0], str(err)) from err
        close_all(fds)
        fds.clear()
        _accompany(channel, process)
        channel.send(success(request.get("id"), {"returncode": process.returncode}))


def _params(model: type[P], request: Message) -> P:
    try:
        return model.model_validate(request.get("params", {}))
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(key) for key in first["loc"]) or "params"
        raise RequestError("bad_request", where, first["msg"]) from None


def _accompany(channel: Channel, process: "Popen[bytes]") -> None:
    """Pass on signals to a program until it ends; end it when its client hangs up."""
    pidfd = os.pidfd_open(process.pid)
    client = channel.fileno()
    try:
        while pidfd not in select([pidfd, client], [], [])[0]:
            if not _relay(channel, process):
                _signal(process, signal.SIGHUP)
                if not select([pidfd], [], [], HANGUP_SECONDS)[0]:
                    _signal(process, signal.SIGKILL)
                break
        process.wait()
    finally:
        os.close(pidfd)


def _relay(channel: Channel, process: "Popen[bytes]") -> bool:
    """Handle what a client says while its program runs; False when it has hung up."""
    try:
        received = channel.receive()
    except (OSError, ProtocolError):
        return False
    if received is None:
        return False
    request, fds = received
    close_all(fds)
    try:
        if request.get("op") != "signal":
            raise RequestError("bad_request", "op", "expected signal: a program runs")
        _signal(process, _params(SignalParams, request).signal)
        channel.send(success(request.get("id"), {}))
    except RequestError as err:
        channel.send(failure(request.get("id"), err))
    return True


def _signal(process: "Popen[bytes]", number: int) -> None:
    """Signal a program and its group; the group is made a moment after the process."""
    with contextlib.suppress(ProcessLookupError):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            os.kill(process.pid, number)
