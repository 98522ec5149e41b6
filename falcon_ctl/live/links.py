"""Link state between nodes, from the kernel in the switches' network namespaces.

The daemon hands out NETLINK_ROUTE sockets of those namespaces. Their messages (rtnetlink(7)) only
say that something changed; what counts are the flags of the interfaces (netdevice(7)), so no
change is missed when a message is lost. A veth has no carrier while its peer is down or gone, so
the switches' ends show the other ends as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import selectors
import socket
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from topo.client.network import Network
from topo.spec.model import Link

_RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5  # include/linux/socket.h, include/uapi/linux/netlink.h
_SIOCGIFFLAGS, _SIOCGIFINDEX = 0x8913, 0x8933  # include/uapi/linux/sockios.h
_RUNS = 0x1 | 0x40  # IFF_UP | IFF_RUNNING, include/uapi/linux/if.h
_MESSAGE = 65_536


class Links:
    """The links of a network; a context manager that closes the sockets.

    `selector` finds out what is ready; `look` then reads the state of that switch's links.
    """

    def __init__(self, network: Network, selector: selectors.BaseSelector) -> None:
        self._run_dir, self._selector = network.run_dir, selector
        self._topology = network.spec
        self._sockets: dict[str, socket.socket] = {}
        self._opened: dict[str, int] = {}  # interface → its index when its switch's session began
        self._up: dict[tuple[str, int], bool] = {}
        try:
            for switch in self._topology.switches:
                self.watch(switch.name)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Links:  # noqa: PYI034  # Self needs Python 3.11
        """The constructor opened everything."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the sockets."""
        self.close()

    def close(self) -> None:
        """Close the sockets, which would keep the namespaces alive."""
        for switch in list(self._sockets):
            self._forget(switch)

    def watch(self, switch: str) -> None:
        """Watch a switch's links, from now on in the namespace that it has now.

        The switch reads the interfaces that are there now; one that is made anew later is another
        interface, although of the same name, and counts as down.
        """
        self._forget(switch)
        sock = _listener(self._run_dir, switch)
        self._sockets[switch] = sock
        self._selector.register(sock, selectors.EVENT_READ, partial(self.look, switch))
        for ifname in self._topology.interfaces(switch).values():
            self._opened[ifname] = _index(ifname, sock)
        self.look(switch)

    def _forget(self, switch: str) -> None:
        sock = self._sockets.pop(switch, None)
        if sock is not None:
            self._selector.unregister(sock)
            sock.close()

    def look(self, switch: str) -> None:
        """Read the state of a switch's links again."""
        sock = self._sockets[switch]
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MESSAGE):
                sock.recv(_MESSAGE)
        for number, ifname in self._topology.interfaces(switch).items():
            same = _index(ifname, sock) == self._opened[ifname]
            self._up[switch, number] = same and _runs(ifname, sock)

    @property
    def down(self) -> frozenset[Link]:
        """Links of which an end is down, without a carrier, or gone."""
        return frozenset(link for link in self._topology.links if not all(self._ends_up(link)))

    def _ends_up(self, link: Link) -> Iterator[bool]:
        return (self._up[end.node, end.port] for end in link.ends if end.port is not None)


def _listener(run_dir: Path, switch: str) -> socket.socket:
    with Network.connect(run_dir) as network:  # the daemon closes connections that are idle
        kind = socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
        sock = network.socket(switch, *kind)
    sock.setblocking(False)
    sock.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
    sock.bind((0, _RTMGRP_LINK))
    return sock


def _runs(ifname: str, sock: socket.socket) -> bool:
    answer = _ask(_SIOCGIFFLAGS, ifname, sock)
    return int(struct.unpack_from("=H", answer, 16)[0]) & _RUNS == _RUNS


def _index(ifname: str, sock: socket.socket) -> int:
    """Number of an interface, 0 while there is none of that name."""
    return int(struct.unpack_from("=i", _ask(_SIOCGIFINDEX, ifname, sock), 16)[0])


def _ask(what: int, ifname: str, sock: socket.socket) -> bytes:
    """A struct ifreq (netdevice(7)), of zeros when there is no such interface."""
    request = struct.pack("16s24x", ifname.encode())
    try:
        return fcntl.ioctl(sock, what, request)
    except OSError:
        return bytes(len(request))
