"""The control socket: a JSON object per line, over a Unix stream socket of mode 0600.

Request ``{"id": n, "op": "name", "params": {...}}``; reply ``{"id": n, "ok": true, "result": ...}``
or ``{"id": n, "ok": false, "error": {"kind": "bad_request"|"failed", "where", "message"}}``.
The server runs in its caller's thread: `Server.fileno` becomes readable when `Server.serve` has
work.  A long operation returns a Future, and its reply follows later.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rxpath.errors import ConfigError, ControlError, RxPathError

Operation = Callable[[Mapping[str, Any]], Any]

MAX_LINE = 1 << 20
MAX_UNSENT = 8 << 20  # a peer that does not read is disconnected


@dataclass
class _Peer:
    sock: socket.socket
    inbox: bytearray = field(default_factory=bytearray)
    outbox: bytearray = field(default_factory=bytearray)


def claim(path: Path) -> socket.socket:
    """Listen at `path`; a dead process's socket file is replaced, a live one's is not.

    Raises `ControlError` (failed) when a process answers there or the path cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _answers(path):
            path.unlink()
        before = os.umask(0o177)  # at no time may other users connect
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(16)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = "another process serves it" if path.is_socket() else error.strerror
        raise ControlError("failed", str(path), reason or str(error)) from error
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


class Server:
    """Serves named operations; a context manager that removes its socket file.

    Args:
        path: of the socket.
        operations: by name; each takes the request's ``params`` and returns a JSON value or a
            Future of one. A `ConfigError` or `ControlError` of it becomes the reply's error.
    """

    def __init__(self, path: Path, operations: Mapping[str, Operation]) -> None:
        self.path = path
        self.operations = operations
        self._listener = claim(path)
        self._selector = selectors.EpollSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_r, selectors.EVENT_READ, self._drain)
        self._peers: dict[socket.socket, _Peer] = {}
        self._later: list[tuple[_Peer, object, Future[Any]]] = []

    def __enter__(self) -> Server:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and remove the socket file."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._selector.close()
        self._listener.close()
        os.close(self._wake_r)
        os.close(self._wake_w)
        self.path.unlink(missing_ok=True)

    def fileno(self) -> int:
        """A descriptor to poll for reading."""
        return self._selector.fileno()

    @property
    def wakeup(self) -> int:
        """A descriptor whose writing makes `fileno` readable, for `signal.set_wakeup_fd`."""
        return self._wake_w

    def wake(self) -> None:
        """Make `fileno` readable, from any thread."""
        with contextlib.suppress(BlockingIOError):  # full: it is readable already
            os.write(self._wake_w, b"\0")

    def serve(self) -> None:
        """Accept, read, answer and write, without blocking."""
        for key, _ in self._selector.select(timeout=0):
            key.data()
        ready = [entry for entry in self._later if entry[2].done()]
        self._later = [entry for entry in self._later if not entry[2].done()]
        for peer, ident, future in ready:
            self._reply(peer, _outcome(ident, future.result))

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            peer = self._peers[sock] = _Peer(sock)
            self._selector.register(sock, selectors.EVENT_READ, lambda: self._io(peer))

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_r, 4096)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.sock, None):
            self._selector.unregister(peer.sock)
            peer.sock.close()
        self._later = [entry for entry in self._later if entry[0] is not peer]

    def _io(self, peer: _Peer) -> None:
        """Send waiting data, read what arrived, answer every complete line."""
        try:
            self._flush(peer)
            data = peer.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        peer.inbox += data
        while (end := peer.inbox.find(b"\n")) >= 0:
            line = bytes(peer.inbox[:end])
            del peer.inbox[: end + 1]
            self._answer(peer, line)
        if len(peer.inbox) > MAX_LINE:
            error = ControlError("bad_request", "line", f"longer than {MAX_LINE} bytes")
            self._reply(peer, _failure(None, error))
            self._drop(peer)

    def _answer(self, peer: _Peer, line: bytes) -> None:
        ident: object = None
        try:
            request = _decode(line)
            ident = request.get("id")
            op, params = request.get("op"), request.get("params", {})
            operation = self.operations.get(op) if isinstance(op, str) else None
            if operation is None:
                known = ", ".join(sorted(self.operations))
                raise ControlError("bad_request", "op", f"got {op!r}, expected one of {known}")
            if not isinstance(params, dict):
                raise ControlError("bad_request", "params", "expected an object")
            result = operation(params)
        except RxPathError as error:
            self._reply(peer, _failure(ident, error))
            return
        if isinstance(result, Future):
            self._later.append((peer, ident, result))
            result.add_done_callback(lambda _: self.wake())
        else:
            self._reply(peer, _outcome(ident, lambda: result))

    def _reply(self, peer: _Peer, message: Mapping[str, Any]) -> None:
        if peer.sock not in self._peers:
            return
        peer.outbox += json.dumps(message).encode() + b"\n"
        try:
            self._flush(peer)
        except OSError:
            self._drop(peer)
            return
        if len(peer.outbox) > MAX_UNSENT:
            self._drop(peer)

    def _flush(self, peer: _Peer) -> None:
        """Send what the peer takes now, and poll for the rest."""
        with contextlib.suppress(BlockingIOError):
            while peer.outbox:
                del peer.outbox[: peer.sock.send(peer.outbox)]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.outbox else 0)
        self._selector.modify(peer.sock, events, self._selector.get_key(peer.sock).data)


def _decode(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:  # both of JSON and of UTF-8
        raise ControlError("bad_request", "line", f"{error}; expected a JSON object") from error
    if not isinstance(request, dict):
        raise ControlError("bad_request", "line", "expected a JSON object")
    return request


def _outcome(ident: object, produce: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"id": ident, "ok": True, "result": produce()}
    except RxPathError as error:
        return _failure(ident, error)


def _failure(ident: object, error: RxPathError) -> dict[str, Any]:
    if isinstance(error, ControlError):
        plain = {"kind": error.kind, "where": error.where, "message": error.message}
    elif isinstance(error, ConfigError):
        message = f"got {error.value!r}, expected {error.allowed}"
        plain = {"kind": "bad_request", "where": error.key, "message": message}
    else:
        plain = {"kind": "failed", "where": type(error).__name__, "message": str(error)}
    return {"id": ident, "ok": False, "error": plain}


class Client:
    """A connection to a host's control socket; a context manager.

    Raises `ControlError`: kind ``gone`` when no process listens at `path` or the peer closed,
    otherwise the peer's refusal.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = 30.0) -> None:
        self.path = str(path)
        self._next = 1
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(timeout)
        try:
            self._sock.connect(self.path)
        except OSError as error:
            self._sock.close()
            raise ControlError("gone", self.path, error.strerror or str(error)) from error
        self._file = self._sock.makefile("rb")

    def __enter__(self) -> Client:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._sock.close()

    def call(self, op: str, **params: Any) -> Any:
        """Request one operation and wait for its result."""
        ident, self._next = self._next, self._next + 1
        request = json.dumps({"id": ident, "op": op, "params": params}) + "\n"
        try:
            self._sock.sendall(request.encode())
            line = self._file.readline()
        except OSError as error:
            raise ControlError("gone", self.path, str(error)) from error
        if not line.endswith(b"\n"):
            raise ControlError("gone", self.path, "the peer closed the connection")
        reply = json.loads(line)
        if reply["ok"]:
            return reply["result"]
        refusal = reply["error"]
        raise ControlError(refusal["kind"], refusal["where"], refusal["message"])
