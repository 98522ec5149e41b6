"""The user of a TCP connection's socket on this machine, by one question to the kernel.

sock_diag(7): the kernel finds a socket by its two addresses in its hash, where reading
/proc/net/tcp walks over all of it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SOCK_DIAG = 4  # linux/netlink.h: NETLINK_SOCK_DIAG
BY_FAMILY = 20  # linux/sock_diag.h: SOCK_DIAG_BY_FAMILY
REQUEST = 1  # NLM_F_REQUEST
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
ASKED = struct.Struct("=BBBBI")  # inet_diag_req_v2: family, protocol, extensions, -, states
ANY_STATE = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8
UID = 64  # offset in inet_diag_msg
ANSWER = 4096  # bytes


def user_of(local: tuple[Address, int], remote: tuple[Address, int]) -> int | None:
    """The user of the socket between two addresses; None: none here, or the kernel does not say.

    Args:
        local: the socket's own address and port.
        remote: those of its other end.
    """
    with (
        contextlib.suppress(OSError, struct.error),
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel,
    ):
        kernel.settimeout(1.0)
        kernel.sendto(_question(local, remote), (0, 0))
        answer = kernel.recv(ANSWER)
        if HEADER.unpack_from(answer)[1] == BY_FAMILY:
            (user,) = struct.unpack_from("=I", answer, HEADER.size + UID)
            return int(user)
    return None


def _question(local: tuple[Address, int], remote: tuple[Address, int]) -> bytes:
    family = socket.AF_INET if local[0].version == 4 else socket.AF_INET6
    ports = struct.pack(">HH", local[1], remote[1])
    addresses = b"".join(each.packed.ljust(16, b"\0") for each in (local[0], remote[0]))
    asked = ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, ANY_STATE)
    body = asked + ports + addresses + b"\0" * 4 + NO_COOKIE
    return HEADER.pack(HEADER.size + len(body), BY_FAMILY, REQUEST, 0, 0) + body
