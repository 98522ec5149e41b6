"""A connection to the daemon in the run directory: requests, replies, the peer's process number."""

import os
import socket
import struct

from topo.errors import NotRunning, RequestError
from topo.protocol.channel import Channel, Message, ProtocolError
from topo.protocol.replies import result_of
from topo.rundir import RunDir

REPLY_SECONDS = 5.0  # the daemon replies within milliseconds; one that hangs must not block us


def dial(run_dir: RunDir) -> Channel:
    """Open a channel to the daemon; raise NotRunning when there is none."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(REPLY_SECONDS)
    try:
        sock.connect(os.fspath(run_dir.socket))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        raise NotRunning(run_dir.path) from None
    return Channel(sock)


class Connection:
    """Sends requests to the daemon one after the other. Use it from one thread at a time."""

    def __init__(self, run_dir: RunDir) -> None:
        """Connect; raise NotRunning, or RunDirError when it is not a directory of ours."""
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

    def request(self, op: str, params: Message | None = None) -> tuple[Message, list[int]]:
        """Send a request; return the result and the descriptors in its reply.

        Raises RequestError when the daemon rejects it, fails or does not reply in time, and
        NotRunning when the daemon is gone.
        """
        self._requests += 1
        try:
            self._channel.send({"id": self._requests, "op": op, "params": params or {}})
            answer = self._channel.receive()
        except TimeoutError:
            raise RequestError("timeout", "daemon", "no answer, is it stopped?") from None
        except (OSError, ProtocolError) as err:
            raise NotRunning(self.run_dir.path) from err
        if answer is None:
            raise NotRunning(self.run_dir.path)
        reply, fds = answer
        return result_of(reply), fds
