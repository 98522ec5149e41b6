"""Which ports' links are up: asked of the kernel whenever it says that some link has changed.

The messages of the NETLINK_ROUTE socket (rtnetlink(7)) only wake; what counts are the interfaces'
flags (netdevice(7)), so a message that is lost or late loses nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
from collections.abc import Sequence

from v1switch.ports import Port

RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h
SOL_NETLINK, NETLINK_NO_ENOBUFS = 270, 5  # include/linux/socket.h, include/uapi/linux/netlink.h
SIOCGIFFLAGS = 0x8913  # include/uapi/linux/sockios.h
IFF_UP, IFF_RUNNING = 0x1, 0x40  # include/uapi/linux/if.h; running: it has a carrier
MESSAGE = 65_536


class LinkWatch:
    """The links of a switch's ports. `fileno` is readable when one may have changed."""

    def __init__(self, ports: Sequence[Port]) -> None:
        """Watch the interfaces of these ports; all count as up at first."""
        self._interfaces = {port.number: port.ifname for port in ports}
        self._up = dict.fromkeys(self._interfaces, True)
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        self._socket.bind((0, RTMGRP_LINK))

    def fileno(self) -> int:
        """File descriptor, for epoll."""
        return self._socket.fileno()

    def changes(self) -> list[tuple[int, bool]]:
        """Return (port, is up) of every port that changed since the last call."""
        self._drain()
        found = {number: _runs(name, self._socket) for number, name in self._interfaces.items()}
        changed = [(number, up) for number, up in found.items() if up != self._up[number]]
        self._up = found
        return changed

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(MESSAGE)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _runs(ifname: str, sock: socket.socket) -> bool:
    """Whether an interface is up and has a carrier; one that is gone has none."""
    request = struct.pack("16s24x", ifname.encode())
    try:
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
    except OSError:
        return False
    flags = int(struct.unpack_from("=H", answer, 16)[0])
    return flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING
