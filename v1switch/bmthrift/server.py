"""The Thrift server: listens, and answers each connection in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from dataclasses import dataclass, field

from v1switch.bmthrift import limits
from v1switch.bmthrift.acceptor import Acceptor
from v1switch.bmthrift.connection import Connection, Ended
from v1switch.bmthrift.processor import Processor
from v1switch.errors import SwitchError, on_one_line

log = logging.getLogger("v1switch")
BACKLOG = 64  # connections that wait to be accepted


class CannotListen(SwitchError):
    """The server cannot listen on its address.

    Attributes:
        host, port: the address.
        reason: the system's reason.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        where = f"cannot listen on {host}:{port} for Thrift"
        super().__init__(f"{where}: {reason}, expected a free --thrift-port on this machine")
        self.host, self.port = host, port
        self.reason = reason


@dataclass(eq=False)
class Client:
    """One connection.

    Attributes:
        socket: connected.
        peer: its address, for the log.
        since: monotonic seconds at which it came.
        called: whether it has begun a call.
    """

    socket: socket.socket
    peer: str
    since: float
    called: bool = False


@dataclass
class Server:
    """A Thrift server; `start` and `stop` it once.

    Attributes:
        processor: answers calls.
        address: where it listens.
    """

    processor: Processor
    host: str
    port: int
    _clients: set[Client] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _large: threading.Lock = field(default_factory=threading.Lock)
    _full: bool = False

    def start(self) -> None:
        """Listen; raises CannotListen."""
        try:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            address = (self.host, self.port)
            listening = socket.create_server(address, family=family, backlog=BACKLOG)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotListen(self.host, self.port, reason) from error
        self.port = listening.getsockname()[1]
        self._acceptor = Acceptor(listening, "Thrift", self._accepted)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening and end all connections."""
        self._acceptor.stop()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            _hang_up(client)

    # -- accepting --------------------------------------------------------------------------------

    def _accepted(self, connected: socket.socket, peer: tuple[str, int]) -> None:
        client = Client(connected, f"{peer[0]}:{peer[1]}", time.monotonic())
        if self._admit(client):
            name = f"thrift {client.peer}"
            threading.Thread(target=self._serve, args=(client,), name=name, daemon=True).start()
        else:
            connected.close()

    def _admit(self, client: Client) -> bool:
        """Take a client in; when there are too many, in the place of one that never called."""
        with self._lock:
            if len(self._clients) >= limits.MAX_CONNECTIONS:
                silent = [each for each in self._clients if not each.called]
                oldest = min(silent, key=lambda each: each.since, default=None)
                if oldest is None or client.since - oldest.since < limits.FIRST_CALL_S:
                    self._say_full(client)
                    return False
                self._clients.remove(oldest)
                _hang_up(oldest)
            self._full = False
            self._clients.add(client)
            return True

    def _say_full(self, client: Client) -> None:
        if not self._full:
            what = f"there are {limits.MAX_CONNECTIONS} connections, the limit"
            log.warning("Thrift: %s is refused: %s", client.peer, what)
        self._full = True

    # -- one client -------------------------------------------------------------------------------

    def _serve(self, client: Client) -> None:
        """Answer a client's calls until it goes."""
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = Connection(client.socket, self._large)
        try:
            while not self._acceptor.stopping():
                connection.wait()
                client.called = True
                self.processor.serve(connection)
        except Ended:
            pass
        except Exception as error:  # noqa: BLE001  # whatever the library makes of bad bytes
            reason = on_one_line(f"{type(error).__name__}: {error}")
            log.info("Thrift: the connection of %s is closed: %s", client.peer, reason)
        finally:
            connection.release()
            with self._lock:
                self._clients.discard(client)
            client.socket.close()


def _hang_up(client: Client) -> None:
    """End a connection; its thread notices."""
    with contextlib.suppress(OSError):
        client.socket.shutdown(socket.SHUT_RDWR)
