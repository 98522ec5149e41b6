"""A connection to the daemon in the run directory: requests, replies, the peer's process number."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

from topo.client import running
from topo.errors import NotRunning, RequestError, SocketRemoved
from topo.protocol.channel import Channel, Message, ProtocolError
from topo.protocol.replies import result_of
from topo.rundir import RunDir

STOPPED = "no answer, is it stopped? (make topo continues or replaces it)"
OTHER_VERSION = "answers in another form, so it is of another version (make down ends it)"
REPLY_SECONDS = 3.0  # the daemon replies within milliseconds; one that hangs must not block us


def dial(run_dir: RunDir, seconds: float = REPLY_SECONDS) -> Channel:
    """Open a channel to the daemon that waits for at most `seconds`.

    Raises NotRunning when there is no daemon, SocketRemoved when its socket is gone, and
    RequestError when it takes no connections.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(os.fspath(run_dir.socket))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        sock.close()
        for network in running.of(run_dir):
            raise SocketRemoved(run_dir.path, network.daemon) from None
        raise NotRunning(run_dir.path) from None
    except TimeoutError:
        sock.close()
        raise RequestError("timeout", "daemon", STOPPED) from None
    except OSError as err:
        sock.close()
        raise RequestError("failed", str(run_dir.socket), err.strerror or str(err)) from err
    return Channel(sock)


class Connection:
    """Sends requests to the daemon one after the other. Use it from one thread at a time."""

    def __init__(self, run_dir: RunDir) -> None:
        """Connect; raise as `dial` does, or RunDirError when it is not a directory of ours."""
        run_dir.verify()
        self.run_dir = run_dir
        self._channel = dial(run_dir)
        self._requests = 0

    def close(self) -> None:
        """Close the connection; the network stays up."""
        self._channel.close()

    @property
    def daemon_pid(self) -> int:
        """The daemon's process number here, as SO_PEERCRED gives it (socket(7))."""
        size = struct.calcsize("3i")
        creds = self._channel.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", creds)[0])

    def request(
        self, op: str, params: Message | None = None, seconds: float = REPLY_SECONDS
    ) -> tuple[Message, list[int]]:
        """Send a request; return the result and the descriptors in its reply.

        The daemon may have ended the connection, idle longer than others, to make room for a new
        one: then the request is repeated once on a new connection. Raises RequestError when the
        daemon rejects it, fails or does not reply in `seconds`, and NotRunning when it is gone.
        """
        self._requests += 1
        message = {"id": self._requests, "op": op, "params": params or {}}
        reply = self._exchange(message, seconds)
        if reply is None:
            self._channel.close()
            self._channel = dial(self.run_dir)
            reply = self._exchange(message, seconds)
        if reply is None:
            raise NotRunning(self.run_dir.path)
        with understood():
            return result_of(reply[0]), reply[1]

    def _exchange(self, message: Message, seconds: float) -> tuple[Message, list[int]] | None:
        """Send a message and return the reply, None when the daemon ended the connection."""
        self._channel.sock.settimeout(seconds)
        try:
            with understood():
                with contextlib.suppress(ConnectionError):  # why it hung up may be there to read
                    self._channel.send(message)
                return self._channel.receive()
        except TimeoutError:
            self._channel.close()  # or a late reply would be taken for that to the next request
            raise RequestError("timeout", "daemon", STOPPED) from None
        except OSError:
            return None


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Turn a reply that is not as expected into a RequestError: the daemon runs other code."""
    try:
        yield
    except (ProtocolError, LookupError, TypeError, ValueError) as err:
        raise RequestError("failed", "daemon", OTHER_VERSION) from err
