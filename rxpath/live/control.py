"""The control socket: a JSON object per line, over a Unix stream socket of mode 0600.

Request ``{"id": n, "op": "name", "params": {...}}``; reply ``{"id": n, "ok": true, "result": ...}``
or ``{"id": n, "ok": false, "error": {"kind": "bad_request"|"failed", "where", "message"}}``.
The server runs in its caller's thread: `Server.fileno` becomes readable when `Server.serve` has
work, which returns after a few milliseconds and has the rest done by a later call.  A long
operation returns a `Later`, and its reply follows.  `rxpath.live.peer` has the limits of a client.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rxpath.errors import ConfigError, ControlError, RxPathError
from rxpath.live.peer import MAX_PEERS, PATIENCE, Peer, decode

SHARE_S = 0.005  # of wall time that one call of `Server.serve` spends on requests
LONGEST_SHOWN = 200  # characters of a wrong value in a reply
QUEUE = 128  # clients that wait for being accepted

log = logging.getLogger("rxpath")


class Caller(Protocol):
    """The client on whose behalf an operation runs."""

    def at_close(self, callback: Callable[[], object]) -> None:
        """Have `callback` called once its connection is closed."""


Operation = Callable[[Mapping[str, Any], Caller], Any]


@dataclass(frozen=True)
class Later:
    """What an operation returns whose work is done elsewhere.

    When `work` is done, `finish` is called with its result between two batches of frames, and
    makes the operation's result.
    """

    work: Future[Any]
    finish: Callable[[Any], Any] = lambda result: result


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
        listener.listen(QUEUE)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = "another process serves it" if path.is_socket() else error.strerror
        raise ControlError("failed", str(path), reason or str(error)) from error
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a stopped process's queue may be full
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True
        return True


class Server:
    """Serves named operations; a context manager that removes its socket file.

    Whatever clients send, and however many there are, `serve` raises nothing and holds its caller
    up for `SHARE_S` and one operation at most.

    Args:
        path: of the socket.
        operations: by name; each takes the request's ``params`` and its caller, and returns a JSON
            value or a `Later`. A `ConfigError` or `ControlError` of it becomes the reply's error.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        path: Path,
        operations: Mapping[str, Operation],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.operations = operations
        self._clock = clock
        self._listener = claim(path)
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._selector = selectors.EpollSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_r, selectors.EVENT_READ, self._drain)
        self._peers: set[Peer] = set()
        self._waiting: deque[Peer] = deque()  # those with a request, in the order of their turns
        self._later: list[tuple[Peer, object, Later]] = []

    def __enter__(self) -> Server:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and remove the socket file."""
        for peer in list(self._peers):
            self._drop(peer)
        self._selector.close()
        self._listener.close()
        for fd in (self._wake_r, self._wake_w, self._spare):
            os.close(fd)
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
        """Accept, read, answer and write, without blocking; call it now and then even if idle."""
        for key, _ in self._selector.select(timeout=0):
            key.data()
        self._answer_in_turn()
        self._finish_later()
        now = self._clock()
        for peer in [peer for peer in self._peers if peer.is_overdue(now)]:
            self._refuse(peer, ControlError("failed", "line", f"not complete in {PATIENCE:g} s"))

    def _accept(self) -> None:
        """Take waiting clients, at most as many as may be connected; turn away those beyond."""
        for _ in range(MAX_PEERS):
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._turn_away(error)
                return
            peer = Peer(sock, self._clock())
            self._peers.add(peer)
            self._selector.register(sock, selectors.EVENT_READ, partial(self._io, peer))
            if len(self._peers) > MAX_PEERS:
                message = f"{MAX_PEERS} clients are connected, which is the most"
                self._refuse(peer, ControlError("failed", "connection", message))

    def _turn_away(self, error: OSError) -> None:
        """Without a free descriptor, close a client's connection, lest it wait for ever."""
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            log.warning("control socket: %s", error)
            return
        os.close(self._spare)
        with contextlib.suppress(OSError):
            self._listener.accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_r, 4096)

    def _drop(self, peer: Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)
            self._selector.unregister(peer.sock)
            peer.close()
        self._later = [entry for entry in self._later if entry[0] is not peer]

    def _refuse(self, peer: Peer, error: ControlError) -> None:
        """Say why, as far as the client listens, and close."""
        peer.reply(_failure(None, error))
        peer.send()
        self._drop(peer)

    def _io(self, peer: Peer) -> None:
        """Send waiting data, read what arrived."""
        if not (peer.send() and peer.receive()):
            self._drop(peer)
            return
        self._poll(peer)

    def _poll(self, peer: Peer) -> None:
        """Have a client answered in its turn, or poll it for what it is to do next."""
        if not peer.is_open:
            return
        events = selectors.EVENT_WRITE if peer.has_reply else selectors.EVENT_READ
        if peer.has_request and not peer.has_reply:
            events = selectors.EVENT_WRITE  # its next bytes have time; there is no empty set
            if peer not in self._waiting:
                self._waiting.append(peer)
        self._selector.modify(peer.sock, events, self._selector.get_key(peer.sock).data)

    def _answer_in_turn(self) -> None:
        """A request of each client that has one, round by round, as long as the time allows."""
        end = self._clock() + SHARE_S
        while self._waiting:
            peer = self._waiting.popleft()
            if peer.is_open:
                self._answer(peer)
                self._poll(peer)
            if self._waiting and self._clock() > end:
                self.wake()
                return

    def _answer(self, peer: Peer) -> None:
        ident: object = None
        try:
            line = peer.take_request()
        except ControlError as error:
            self._refuse(peer, error)
            return
        try:
            request = decode(line)
            ident = _ident(request)
            result = self._operation(request)(_params(request), peer)
        except Exception as error:  # noqa: BLE001  # no request may end the host
            self._reply(peer, _failure(ident, error))
            return
        if isinstance(result, Later):
            self._later.append((peer, ident, result))
            result.work.add_done_callback(lambda _: self.wake())
        else:
            self._reply(peer, _outcome(ident, lambda: result))

    def _operation(self, request: Mapping[str, Any]) -> Operation:
        op = request.get("op")
        operation = self.operations.get(op) if isinstance(op, str) else None
        if operation is None:
            known = ", ".join(sorted(self.operations))
            raise ControlError("bad_request", "op", f"got {_shown(op)}, expected one of {known}")
        return operation

    def _finish_later(self) -> None:
        ready = [entry for entry in self._later if entry[2].work.done()]
        self._later = [entry for entry in self._later if not entry[2].work.done()]
        for peer, ident, later in ready:
            self._reply(peer, _outcome(ident, partial(_finished, later)))
            self._poll(peer)

    def _reply(self, peer: Peer, message: Mapping[str, Any]) -> None:
        if not peer.is_open:
            return
        peer.reply(message)
        if not peer.send():
            self._drop(peer)


def _finished(later: Later) -> Any:
    return later.finish(later.work.result())


def _ident(request: Mapping[str, Any]) -> object:
    """What a reply repeats, so that its client knows the request."""
    ident = request.get("id")
    if ident is not None and (not isinstance(ident, int | str) or len(str(ident)) > LONGEST_SHOWN):
        raise ControlError("bad_request", "id", "expected a number or a short text")
    return ident


def _params(request: Mapping[str, Any]) -> Mapping[str, Any]:
    params = request.get("params", {})
    if not isinstance(params, dict):
        raise ControlError("bad_request", "params", "expected an object")
    return params


def _outcome(ident: object, produce: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"id": ident, "ok": True, "result": produce()}
    except Exception as error:  # noqa: BLE001  # no request may end the host
        return _failure(ident, error)


def _failure(ident: object, error: Exception) -> dict[str, Any]:
    if isinstance(error, ControlError):
        plain = {"kind": error.kind, "where": error.where, "message": error.message}
    elif isinstance(error, ConfigError):
        message = f"got {_shown(error.value)}, expected {error.allowed}"
        plain = {"kind": "bad_request", "where": error.key, "message": message}
    else:
        if not isinstance(error, RxPathError):
            log.error("a control request failed", exc_info=error)
        plain = {"kind": "failed", "where": type(error).__name__, "message": str(error)}
    return {"id": ident, "ok": False, "error": plain}


def _shown(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


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

    def abort(self) -> None:
        """Make a call that waits in another thread fail now, and all later ones."""
        with contextlib.suppress(OSError):  # it is closed already
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._sock.close()

    def call(self, op: str, **params: Any) -> Any:
        """Request one operation and wait for its result."""
        self.request(op, **params)
        return self.result()

    def request(self, op: str, **params: Any) -> None:
        """Request one operation, without waiting for its result.

        The peer carries it out also when this connection is closed before, unless it has a reply
        to an earlier request to send then.
        """
        ident, self._next = self._next, self._next + 1
        request = json.dumps({"id": ident, "op": op, "params": params}) + "\n"
        try:
            self._sock.sendall(request.encode())
        except OSError as error:
            raise ControlError("gone", self.path, str(error)) from error

    def result(self) -> Any:
        """Wait for the result of a request; after a timeout the connection is of no more use."""
        try:
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
