"""Messages as frames on the wire: datagrams, their IP fragments, TCP's segments. Pure.

A container's interface has an MTU that is smaller by what VXLAN adds, so a datagram that does not
fit is fragmented inside, each fragment is encapsulated by itself, and they are reassembled in the
receiving container's namespace; its TCP has an MSS that is smaller by the same 50 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.systems.system import VXLAN_BYTES, System, Tunnel

ETHERNET, IP, UDP, TCP = 14, 20, 8, 32  # bytes of headers; TCP's with the timestamp option
MTU = 1500  # of Ethernet, IEEE 802.3
SMALL, FULL, SYN = 64, ETHERNET + MTU, 74  # bytes of a frame without a tunnel
TCP_HEADERS = ETHERNET + IP + TCP
MOST_DATAGRAM = 65_507  # bytes of a UDP payload: 65,535 less both headers (RFC 768, RFC 791)


class Datagram(NamedTuple):
    """A UDP datagram's frames, in the order in which they are sent.

    Attributes:
        lengths: [frames] bytes on the wire.
        payloads: [frames] bytes of the IP packet's payload, the UDP header in the first one's.
    """

    lengths: NDArray[np.int64]
    payloads: NDArray[np.int64]

    @property
    def frames(self) -> int:
        """How many frames it has; more than one are IP fragments."""
        return len(self.lengths)


def mtu(system: System, proto: str) -> int:
    """Bytes of an IP packet that the sending application's interface takes."""
    overlay = system.tunnel is not Tunnel.NONE or system.tunnels(proto)
    return MTU - VXLAN_BYTES * overlay


def most_frames(message: int) -> int:
    """How many fragments a datagram of `message` bytes has where the MTU is the smallest."""
    return -(-(UDP + message) // ((MTU - VXLAN_BYTES - IP) // 8 * 8))


def datagram(system: System, message: int) -> Datagram:
    """A datagram of `message` bytes to a receiver that is `system`."""
    most = mtu(system, "udp") - IP
    left, payloads = UDP + message, []
    if left > most:
        most -= most % 8  # offsets count units of 8 bytes (RFC 791, 3.1)
    while left > 0:
        payloads.append(min(left, most))
        left -= payloads[-1]
    sizes = np.array(payloads, np.int64)
    lengths = np.maximum(sizes + ETHERNET + IP, SMALL) + VXLAN_BYTES * system.tunnels("udp")
    return Datagram(lengths, sizes)


class Segment(NamedTuple):
    """A full TCP segment: bytes on the wire, bytes of payload."""

    length: int
    payload: int


def segment(system: System, size: int) -> Segment:
    """A full segment of a frame of `size` bytes without its tunnel.

    The MTU of standard Ethernet holds for it; a greater `size` stands for a link of a greater MTU.
    """
    if size <= FULL:
        size = min(size, ETHERNET + mtu(system, "tcp"))
    return Segment(size + VXLAN_BYTES * system.tunnels("tcp"), size - TCP_HEADERS)
