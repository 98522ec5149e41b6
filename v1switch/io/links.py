"""Which ports' links are up, by what the kernel says whenever some link changes.

The messages of the NETLINK_ROUTE socket (rtnetlink(7)) only wake the thread; what counts are the
interfaces' flags (netdevice(7)), so that no change is missed when a message is lost or late.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from v1switch.io.ports import Port

RTMGRP_LINK = 1  # include/uapi/linux/rtnetlink.h
SOL_NETLINK, NETLINK_NO_ENOBUFS = 270, 5  # include/linux/socket.h, include/uapi/linux/netlink.h
SIOCGIFFLAGS = 0x8913  # include/uapi/linux/sockios.h
IFF_UP, IFF_RUNNING = 0x1, 0x40  # include/uapi/linux/if.h; running: it has a carrier
MESSAGE = 65_536
log = logging.getLogger("v1switch")


class LinkWatch:
    """Reports ports whose link went down or came up, from a thread of its own.

    A context manager: the thread runs inside it. The packet loop must not do this: under load it
    would come late.
    """

    def __init__(self, ports: Sequence[Port], report: Callable[[int, bool], None]) -> None:
        """Watch the interfaces of these ports; all count as up at first.

        Args:
            ports: of the switch.
            report: called with a port's number and whether its link is up now.
        """
        self._interfaces = {port.number: port.ifname for port in ports}
        self._up = dict.fromkeys(self._interfaces, True)
        self._report = report
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        self._socket.bind((0, RTMGRP_LINK))
        self._end = os.eventfd(0, os.EFD_NONBLOCK)
        self._changed = os.eventfd(0, os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="links", daemon=True)

    def __enter__(self) -> LinkWatch:  # noqa: PYI034  # typing.Self is of Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.eventfd_write(self._end, 1)
        self._thread.join()
        self._socket.close()
        os.close(self._end)
        os.close(self._changed)

    def watch(self, number: int, ifname: str) -> None:
        """Watch another port, which counts as up at first."""
        self._up[number] = True
        self._interfaces = {**self._interfaces, number: ifname}
        os.eventfd_write(self._changed, 1)

    def unwatch(self, number: int) -> None:
        """Watch a port no longer."""
        left = self._interfaces.items()
        self._interfaces = {port: ifname for port, ifname in left if port != number}

    def _run(self) -> None:
        self._check()
        ends = [self._socket.fileno(), self._end, self._changed]
        while self._end not in select.select(ends, [], [])[0]:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._changed)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._socket.recv(MESSAGE)
            self._check()

    def _check(self) -> None:
        for number, ifname in self._interfaces.items():
            up = _runs(ifname, self._socket)
            if up != self._up[number]:
                self._up[number] = up
                log.info("port %d is %s", number, "up" if up else "down")
                self._report(number, up)


def _runs(ifname: str, sock: socket.socket) -> bool:
    """Whether an interface is up and has a carrier; one that is gone has none."""
    request = struct.pack("16s24x", ifname.encode())
    try:
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
    except OSError:
        return False
    flags = int(struct.unpack_from("=H", answer, 16)[0])
    return flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING
