"""Checksums that a sender has left to its hardware, as `v1switch.io.offload` finishes them."""

from __future__ import annotations

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import put16, u8, u16
from v1switch.engines.native.helpers.octets import ones_complement, sum16

ETHERNET, TAG, VXLAN, UDP_HEADER = 14, 4, 8, 8
IPV4, IPV6, TAGGED, PROVIDER_TAGGED = 0x0800, 0x86DD, 0x8100, 0x88A8
TCP, UDP = 6, 17
TCP_CHECKSUM, UDP_CHECKSUM = 16, 6
HOP_BY_HOP, DESTINATION = 0, 60
MAX_OPTIONS = 8
VXLAN_PORT = 4789
FRAGMENT = 0x1FFF


@kernel
def finish(start: int, size: int) -> int:
    """Make the TCP or UDP checksum of a frame whole, in place; 0 when that cannot be done."""
    at, stop = start, start + size
    while True:
        at += ETHERNET
        while at <= stop and (u16(at - 2) == TAGGED or u16(at - 2) == PROVIDER_TAGGED):
            at += TAG
        if at + 20 > stop:
            return 0
        kind = u16(at - 2)
        if kind == IPV4:
            protocol, segment, end = u8(at + 9), at + 4 * (u8(at) & 0xF), at + u16(at + 2)
            if u16(at + 6) & FRAGMENT:
                return 0
            pseudo = sum16(at + 12, 8)
        elif kind == IPV6:
            protocol, segment = u8(at + 6), at + 40
            end = segment + u16(at + 4)
            for _ in range(MAX_OPTIONS):
                if (protocol != HOP_BY_HOP and protocol != DESTINATION) or (
                    segment + 2 > min(end, stop)
                ):
                    break
                protocol, segment = u8(segment), segment + 8 * (u8(segment + 1) + 1)
            if at + 40 > stop:
                return 0
            pseudo = sum16(at + 8, 32)
        else:
            return 0
        if (protocol != TCP and protocol != UDP) or not segment <= end <= stop:
            return 0
        place = segment + (TCP_CHECKSUM if protocol == TCP else UDP_CHECKSUM)
        if place + 2 > end:
            return 0
        if protocol == UDP and u16(place) == 0:
            if u16(segment + 2) != VXLAN_PORT:
                return 0
            at = segment + UDP_HEADER + VXLAN
            continue
        put16(place, 0)
        total = pseudo + protocol + (end - segment) + sum16(segment, end - segment)
        checksum = ones_complement(total)
        put16(place, 0xFFFF if protocol == UDP and checksum == 0 else checksum)
        return 1
