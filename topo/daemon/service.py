"""Answers the requests of clients: one thread per connection, one method per operation."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

from topo.daemon.clients import FILES_PER_CLIENT, MAX_CLIENTS, Clients
from topo.daemon.emulation import Emulation
from topo.daemon.listener import Full, Listener
from topo.daemon.nodes import Namespaced, Running
from topo.daemon.repair import repair
from topo.daemon.status import status
from topo.errors import RequestError, StartFailed
from topo.protocol.channel import Channel, Message, ProtocolError, close_all
from topo.protocol.replies import failure, success
from topo.protocol.requests import (
    ExecParams,
    NoParams,
    SignalParams,
    SocketParams,
    StatusParams,
    params_of,
)
from topo.system.linux import wait_readable, within_netns

ACCEPT_SECONDS = 1.0  # between two looks whether the socket is still in its place
FULL_SECONDS = 0.05  # until the next look, when all descriptors are in use
HANGUP_SECONDS = 2.0  # between SIGHUP and SIGKILL for a program whose client hung up


class Service:
    """Answers requests about one network; calls `end` when a client asks for `down`."""

    def __init__(self, emulation: Emulation, end: Callable[[], object], files: int) -> None:
        """Serve `emulation`; `files` is how many descriptors this process may open."""
        self._emulation, self._end = emulation, end
        self._clients = Clients(min(MAX_CLIENTS, files // FILES_PER_CLIENT))
        self._operations: dict[str, Callable[[Channel, Message, list[int]], None]] = {
            "status": self._status,
            "repair": self._repair,
            "spec": self._spec,
            "socket": self._socket,
            "exec": self._exec,
            "down": self._down,
        }

    def serve(self, listener: Listener) -> None:
        """Accept connections forever and answer each in a thread of its own."""
        while True:
            try:
                sock = listener.accept(ACCEPT_SECONDS)
            except Full:
                self._clients.make_room()
                time.sleep(FULL_SECONDS)
                continue
            if sock is not None:
                self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        try:
            channel = self._clients.admit(sock)
        except OSError:
            sock.close()
            return
        if channel is None:
            refuse(sock, self._clients.limit)
            return
        thread = threading.Thread(target=self._serve_client, args=(channel,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads for this user
            self._clients.release(channel)

    def _serve_client(self, channel: Channel) -> None:
        try:
            while received := channel.receive():
                with self._clients.serving(channel):
                    self._answer(channel, *received)
        except (OSError, ProtocolError) as err:
            self._emulation.log(f"connection ended: {err}")
        finally:
            self._clients.release(channel)

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
        except (BlockingIOError, ConnectionError):  # the client does not read, or is gone
            raise
        except (OSError, RuntimeError) as err:  # no descriptor or thread left, a path too long …
            error = RequestError("failed", str(request.get("op")), str(err))
            channel.send(failure(request.get("id"), error))
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
        params = params_of(StatusParams, request)
        result = status(self._emulation, params.probe).model_dump(mode="json")
        channel.send(success(request.get("id"), result))

    def _repair(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        params_of(NoParams, request)
        try:
            notes = repair(self._emulation)
        except StartFailed as err:
            raise RequestError("failed", err.part, err.reason) from err
        channel.send(success(request.get("id"), {"notes": notes}))

    def _spec(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        params_of(NoParams, request)
        topology = self._emulation.topology.model_dump(mode="json")
        channel.send(success(request.get("id"), {"topology": topology}))

    def _down(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        params_of(NoParams, request)
        channel.send(success(request.get("id"), {}))
        self._end()

    def _socket(self, channel: Channel, request: Message, _fds: list[int]) -> None:
        params = params_of(SocketParams, request)
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
        params = params_of(ExecParams, request)
        node = self._node(params.node)
        if len(fds) != 3:
            what = f"expected 3 descriptors beside the request, got {len(fds)}"
            raise RequestError("bad_request", "exec", what)
        try:
            # env(1) exits as a shell does: 127 not found, 126 not executable.
            argv = ["env", "--", *params.argv]
            streams = (fds[0], fds[1], fds[2])
            running = node.run(argv, streams, params.env, params.cwd, params.privileged)
        except (OSError, ValueError) as err:  # ValueError: a null byte in an argument
            raise RequestError("failed", params.argv[0], str(err)) from err
        close_all(fds)
        fds.clear()
        try:
            _supervise(channel, running)
        except OSError as err:  # no descriptor left to watch it with
            _signal(running.leader, signal.SIGKILL)
            running.process.wait()
            raise RequestError("failed", params.argv[0], f"killed: {err.strerror}") from err
        returncode = running.process.returncode
        channel.send(success(request.get("id"), {"returncode": returncode}))


def refuse(sock: socket.socket, limit: int) -> None:
    """Tell a client that there is no room for it, without waiting for it, and hang up."""
    message = f"{limit} clients are being served, which is the most at a time: try again"
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        Channel(sock).send(failure(None, RequestError("failed", "daemon", message)))


def _supervise(channel: Channel, running: Running) -> None:
    """Forward signals to a program until it ends; end it when its client hangs up."""
    pidfd = os.pidfd_open(running.process.pid)
    client = channel.fileno()
    try:
        while pidfd not in wait_readable([pidfd, client]):
            if not _forward(channel, running.leader):
                _signal(running.leader, signal.SIGHUP)
                if not wait_readable([pidfd], HANGUP_SECONDS):
                    _signal(running.leader, signal.SIGKILL)
                break
        running.process.wait()
    finally:
        os.close(pidfd)


def _forward(channel: Channel, leader: int) -> bool:
    """Handle a request that arrives while the program runs; False when the client hung up."""
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
            raise RequestError("bad_request", "op", "expected signal: a program is running")
        _signal(leader, params_of(SignalParams, request).signal)
        channel.send(success(request.get("id"), {}))
    except RequestError as err:
        channel.send(failure(request.get("id"), err))
    return True


def _signal(leader: int, number: int) -> None:
    """Signal a program's process group, or the program while it has no group of its own yet."""
    with contextlib.suppress(ProcessLookupError):
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            os.kill(leader, number)
