"""Which links between nodes are down, as the kernel says in the switches' network namespaces.

The daemon hands out NETLINK_ROUTE sockets of those namespaces. Their messages (rtnetlink(7)) only
say that something changed; what counts are the flags of the interfaces (netdevice(7)), so no
change is missed when a message is lost. A veth has no carrier while its peer is down or gone, so
the switches' ends show the other ends as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
from collections.abc import Iterator

from topo.client.network import Network
from topo.spec.model import Link

_RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5  # include/linux/socket.h, include/uapi/linux/netlink.h
_SIOCGIFFLAGS = 0x8913  # include/uapi/linux/sockios.h
_RUNS = 0x1 | 0x40  # IFF_UP | IFF_RUNNING, include/uapi/linux/if.h
_MESSAGE = 65_536


class Links:
    """The links of a network; a context manager that closes the sockets.

    `sockets` {socket: switch} are readable when a link of the switch may have changed; `look` then
    finds out.
    """

    def __init__(self, network: Network) -> None:
        self._topology = network.spec
        self.sockets: dict[socket.socket, str] = {}
        self._up: dict[tuple[str, int], bool] = {}
        try:
            for switch in self._topology.switches:
                self.sockets[_listener(network, switch.name)] = switch.name
        except BaseException:
            self.close()
            raise
        for sock in self.sockets:
            self.look(sock)

    def __enter__(self) -> Links:  # noqa: PYI034  # Self needs Python 3.11
        """The constructor opened everything."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the sockets."""
        self.close()

    def close(self) -> None:
        """Close the sockets, which would keep the namespaces alive."""
        for sock in self.sockets:
            sock.close()

    def look(self, sock: socket.socket) -> None:
        """Read the state of a switch's links again."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MESSAGE):
                sock.recv(_MESSAGE)
        switch = self.sockets[sock]
        for number, ifname in self._topology.interfaces(switch).items():
            self._up[switch, number] = _runs(ifname, sock)

    @property
    def down(self) -> frozenset[Link]:
        """Links of which an end is down, without a carrier, or gone."""
        return frozenset(link for link in self._topology.links if not all(self._ends_up(link)))

    def _ends_up(self, link: Link) -> Iterator[bool]:
        return (self._up[end.node, end.port] for end in link.ends if end.port is not None)


def _listener(network: Network, switch: str) -> socket.socket:
    sock = network.socket(switch, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    sock.setblocking(False)
    sock.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
    sock.bind((0, _RTMGRP_LINK))
    return sock


def _runs(ifname: str, sock: socket.socket) -> bool:
    request = struct.pack("16s24x", ifname.encode())
    try:
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
    except OSError:  # the interface is gone
        return False
    flags = int(struct.unpack_from("=H", answer, 16)[0])
    return flags & _RUNS == _RUNS
