"""Identifies the client of a call, as far as gRPC and the kernel know it.

gRPC names a TCP client by its address. For one on this machine the kernel knows the user of the
connection's other end, or its table of connections (/proc/net/tcp, proc(5)) has it. gRPC names all
clients of a Unix socket alike and hides the connection, so there are no credentials to ask for: the
socket's mode decides who may connect.
"""

from __future__ import annotations

import contextlib
import ipaddress
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from v1switch.p4runtime.socket_users import Address, user_of

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LOCAL, UID = 1, 7  # columns of these files
KNOWN_S = 1.0  # that a connection's user is remembered: reading the table takes up to 10 ms
MOST = 256  # connections that are remembered


@dataclass(frozen=True)
class Peer:
    """A client.

    Attributes:
        name: its address, with its user where the kernel knows that.
        owner: whose quota its calls count against: a user of this machine, a remote
            address, or whoever may open the Unix socket.
    """

    name: str
    owner: str


class Peers:
    """Who calls, remembered for a moment.

    A port may be another user's soon after its connection has ended, so not for longer.
    """

    def __init__(self, target: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Name clients of a server that listens at `unix:PATH` or host and port."""
        self._target = target
        self._clock = clock
        self._known: dict[str, tuple[float, Peer]] = {}

    def of(self, text: str) -> Peer:
        """Return who a call comes from, see `peer`."""
        now = self._clock()
        since, known = self._known.get(text, (0.0, None))
        if known is not None and now - since < KNOWN_S:
            return known
        if len(self._known) >= MOST:
            self._known.clear()
        found = peer(text, self._target)
        self._known[text] = (now, found)
        return found


def peer(text: str, target: str) -> Peer:
    """Return who a call comes from.

    Args:
        text: what gRPC says: `unix:…`, `ipv4:127.0.0.1:4711`, `ipv6:[::1]:4711` (escaped).
        target: the server's own address; it names a client of a Unix socket best.
    """
    kind, _, rest = unquote(text).partition(":")
    try:
        client = _endpoint(rest)
    except ValueError:
        return Peer(target, target) if kind == "unix" else Peer(text, text)
    user = _user(client, target)
    if user is None:
        return Peer(rest, str(client[0]))
    return Peer(f"{rest} (uid {user})", f"uid {user}")


def _endpoint(text: str) -> tuple[Address, int]:
    """Address and port of `1.2.3.4:5` or `[::1]:5`; raises ValueError."""
    host, _, port = text.rpartition(":")
    return ipaddress.ip_address(host.strip("[]").partition("%")[0]), int(port)


def _user(client: tuple[Address, int], target: str) -> int | None:
    """The user of the local socket with a client's address, None if there is none."""
    with contextlib.suppress(ValueError):  # Unix sockets and names of hosts
        address, port = _endpoint(target)
        for server in {address, client[0]}:  # who listens everywhere is called by any address
            if server.version == client[0].version:
                user = user_of(client, (server, port))
                if user is not None:
                    return user
    return _listed_user(*client)


def _listed_user(address: Address, port: int) -> int | None:
    """The user of a socket that the kernel lists with an address, whatever its other end is."""
    packed = {address.packed}
    if address.version == 4:  # a socket of IPv6 may have an address of IPv4
        packed.add(ipaddress.IPv6Address(f"::ffff:{address}").packed)
    wanted = {f"{_hex(each)}:{port:04X}" for each in packed}
    for table in TABLES:
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                columns = line.split()
                if columns[LOCAL] in wanted:
                    return int(columns[UID])
    return None


def _hex(address: bytes) -> str:
    """An address as the kernel prints it: words in this machine's byte order."""
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", address))
