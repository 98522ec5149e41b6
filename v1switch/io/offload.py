"""Checksums that a sender has left to its hardware, which a veth does not have.

A Linux host with transmit checksum offload, which every new veth has, puts only the sum of the
pseudo-header into a TCP or UDP checksum (CHECKSUM_PARTIAL); packet sockets see it so, and say it
(TP_STATUS_CSUMNOTREADY in packet(7)'s PACKET_AUXDATA). Passed on as it is, the receiver drops it.

`engines/native/helpers/offload.py` is the same for machine code.
"""

from __future__ import annotations

import logging
import struct

from v1switch.program.hashes import csum16

ETHERNET, TAG, VXLAN, UDP_HEADER = 14, 4, 8, 8  # bytes
IPV4, IPV6, TAGS = 0x0800, 0x86DD, (0x8100, 0x88A8)
TCP, UDP = 6, 17
CHECKSUM_AT = {TCP: 16, UDP: 6}
OPTIONS = (0, 60)  # IPv6 extension headers in front: hop-by-hop and destination options
MAX_OPTIONS = 8
VXLAN_PORT = 4789
FRAGMENT = 0x1FFF  # offset bits of IPv4
HALF = struct.Struct("!H")

log = logging.getLogger("v1switch")


def finished(frame: bytes) -> bytes | None:
    """Return the frame with its TCP or UDP checksum made whole.

    Of a VXLAN frame whose outer checksum is 0 (none) it is the inner one. None when the frame is
    neither TCP nor UDP, or cut off.
    """
    start = 0
    while (found := _transport(frame, start)) is not None:
        at, end, protocol, pseudo = found
        place = at + CHECKSUM_AT[protocol]
        if place + 2 > end:
            return None
        if protocol == UDP and frame[place : place + 2] == b"\0\0":
            start = at + UDP_HEADER + VXLAN
            if HALF.unpack_from(frame, at + 2)[0] != VXLAN_PORT:
                return None
            continue
        whole = pseudo + frame[at:place] + b"\0\0" + frame[place + 2 : end]
        checksum = csum16(whole)
        if protocol == UDP and not checksum:
            checksum = 0xFFFF
        return frame[:place] + HALF.pack(checksum) + frame[place + 2 :]
    return None


def _transport(frame: bytes, start: int) -> tuple[int, int, int, bytes] | None:
    """Where the TCP or UDP segment of an Ethernet frame is: start, end, protocol, pseudo-header."""
    at = start + ETHERNET
    while len(frame) >= at and HALF.unpack_from(frame, at - 2)[0] in TAGS:
        at += TAG
    if len(frame) < at + 20:
        return None
    kind = HALF.unpack_from(frame, at - 2)[0]
    if kind == IPV4:
        return _of_ipv4(frame, at)
    return _of_ipv6(frame, at) if kind == IPV6 else None


def _of_ipv4(frame: bytes, at: int) -> tuple[int, int, int, bytes] | None:
    header, protocol = 4 * (frame[at] & 0xF), frame[at + 9]
    end = at + HALF.unpack_from(frame, at + 2)[0]
    segment = at + header
    whole = not HALF.unpack_from(frame, at + 6)[0] & FRAGMENT
    if protocol not in CHECKSUM_AT or not whole or not segment <= end <= len(frame):
        return None
    pseudo = frame[at + 12 : at + 20] + struct.pack("!HH", protocol, end - segment)
    return segment, end, protocol, pseudo


def _of_ipv6(frame: bytes, at: int) -> tuple[int, int, int, bytes] | None:
    segment, protocol = at + 40, frame[at + 6]
    end = segment + HALF.unpack_from(frame, at + 4)[0]
    for _ in range(MAX_OPTIONS):
        if protocol not in OPTIONS or segment + 2 > min(end, len(frame)):
            break
        protocol, segment = frame[segment], segment + 8 * (frame[segment + 1] + 1)
    if protocol not in CHECKSUM_AT or not segment <= end <= len(frame):
        return None
    pseudo = frame[at + 8 : at + 40] + struct.pack("!IHH", end - segment, 0, protocol)
    return segment, end, protocol, pseudo


class Notes:
    """Says once of each port that its frames come unfinished, and what ends that."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._said: set[tuple[int, bool]] = set()

    def note(self, port: int, ifname: str, *, whole: bool) -> None:
        """Note frames of a port; `whole`: whether they could be finished here."""
        if (port, whole) in self._said:
            return
        self._said.add((port, whole))
        what = "they are finished here" if whole else "some cannot be finished here"
        log.warning(
            "port %d (%s): frames come with checksums that were left to hardware; %s, "
            "`ethtool -K IF tx off` at the other end of the link ends it",
            port,
            ifname,
            what,
        )
