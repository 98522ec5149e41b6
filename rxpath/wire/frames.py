"""Parses received frames: the segment they belong to, where the inner frame is, the RSS hash.

`parse` reads a frame without its outer 802.1Q tag (the kernel removed it and reports its VLAN id)
and never reads past its length, whatever its headers say.  The result is a verdict and, when that
is `OK`, the columns of `fields`.

Sources: IEEE 802.3 and 802.1Q; RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768 (UDP), RFC 9293 (TCP),
RFC 1071 (checksum), RFC 7348 (VXLAN); for the hash input, Microsoft's "RSS hashing types".
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import inner
from rxpath.compile.jit import kernel as entry
from rxpath.compile.tables import Row, word
from rxpath.wire.toeplitz import key_table, toeplitz

# -- verdicts ----------------------------------------------------------------------------------
OK = 0
TRUNCATED = 1  # ends inside a header, or before the end that its own header promises
LENGTHS = 2  # a length that cannot be: below its own header, beyond the packet around it
VERSION = 3  # EtherType and IP version disagree
CHECKSUM = 4  # IPv4 header, or a non-zero checksum of the outer UDP
TTL = 5  # TTL (hop limit) 0 has no business on a wire
FRAGMENT = 6  # RFC 7348, 4.3: a VTEP does not reassemble
VXLAN_HEADER = 7  # the I flag is not set
NESTED = 8  # VXLAN in VXLAN
TAGGED = 9  # a tenant's frame with a tag of its own (RFC 7348, 6.1)
TOO_LONG = 10  # longer than a slot of the frame pool
NOT_OURS = 11  # another machine's MAC, VTEP or protocol
VERDICT_NAMES = (
    *("ok", "truncated", "lengths", "version", "checksum", "ttl", "fragment", "vxlan_header"),
    *("nested", "tagged", "too_long", "not_ours"),
)

# -- columns of `fields` -------------------------------------------------------------------------
INNER, INNER_END = 0, 1  # the container's frame: [INNER, INNER_END) of the received one
TUNNEL = 2  # 1: came in VXLAN
SEGMENT = 3  # the VNI of a tunnelled frame, else the VLAN id
DMAC = 4  # the container's frame: destination MAC as an integer
RSS_HASH = 5  # Toeplitz hash over the OUTER addresses and ports; 0: not IP
PROTO = 6  # IP protocol of the container's frame, 0: not IP
L4, L4_END = 7, 8  # its transport header and the end of its IP packet
ADDRESSES, ADDRESS_LEN = 9, 10  # its IP source address; destination follows (4 or 16 each)
FLAT = 11  # 1: its ports are readable (TCP or UDP, no fragment)
FIELDS = 12

ETH_IPV4, ETH_IPV6, ETH_VLAN, ETH_QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
ETH_HEADER, VXLAN_HEADER_LEN, UDP_HEADER = 14, 8, 8
TCP, UDP = 6, 17
GROUP = 1 << 40  # the I/G bit of a MAC as an integer: broadcast and multicast


class Addresses(NamedTuple):
    """A machine's addresses on the underlay, as text, and the UDP port on which it takes VXLAN."""

    mac: str
    vtep: str
    vxlan_port: int


class Examined(NamedTuple):
    """What a machine makes of a frame: one of `VERDICT_NAMES`, and for "ok" its segment.

    `segment`: the VNI of a frame that came in VXLAN (`is_tunnel`), else its VLAN id.
    """

    verdict: str
    is_tunnel: bool
    segment: int


def examine(frame: bytes, machine: Addresses) -> Examined:
    """`parse` an untagged frame from Python."""
    octets = np.frombuffer(frame, np.uint8).copy()
    mac_address = int(machine.mac.replace(":", ""), 16)
    me = identity(mac_address, int(IPv4Address(machine.vtep)), machine.vxlan_port)
    fields = np.zeros(FIELDS, np.int64)
    verdict = parse(octets, len(octets), 0, me, key_table(), fields)
    return Examined(VERDICT_NAMES[verdict], bool(fields[TUNNEL]), int(fields[SEGMENT]))


class Identity(Row):
    """A machine's addresses on the underlay, with which `parse` compares a frame's."""

    mac = word("of the uplink, as an integer")
    vtep = word("IPv4 address, as an integer")
    vxlan_port = word("UDP port on which it takes VXLAN")


def identity(uplink_mac: int, vtep: int, vxlan_port: int) -> Identity:
    """Make a machine's identity; addresses as integers."""
    me = Identity.new()
    me.mac, me.vtep, me.vxlan_port = uplink_mac, vtep, vxlan_port
    return me


@inner
def octet(frame: np.ndarray, at: int) -> int:
    """Read one byte, as a number that does not overflow when it is shifted."""
    return np.int64(frame[at])  # type: ignore[return-value]  # an int where it is compiled


@inner
def be16(frame: np.ndarray, at: int) -> int:
    """Read two bytes, network order."""
    return octet(frame, at) << 8 | octet(frame, at + 1)


@inner
def be32(frame: np.ndarray, at: int) -> int:
    """Read four bytes, network order."""
    return be16(frame, at) << 16 | be16(frame, at + 2)


@inner
def mac(frame: np.ndarray, at: int) -> int:
    """Read a MAC address as an integer."""
    return be16(frame, at) << 32 | be32(frame, at + 2)


@inner
def ones_sum(frame: np.ndarray, start: int, end: int) -> int:
    """Sum [start, end) in 16-bit words (RFC 1071), folded; an odd last byte counts as high."""
    total = 0
    at = start
    while at + 1 < end:
        total += be16(frame, at)
        at += 2
    if at < end:
        total += octet(frame, at) << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@inner
def _ipv4(frame: np.ndarray, at: int, end: int, fields: np.ndarray) -> int:
    if at + 20 > end:
        return TRUNCATED
    if frame[at] >> 4 != 4:
        return VERSION
    header = (octet(frame, at) & 15) * 4
    total = be16(frame, at + 2)
    if header < 20 or total < header:
        return LENGTHS
    if at + total > end:
        return TRUNCATED
    if ones_sum(frame, at, at + header) != 0xFFFF:
        return CHECKSUM
    if frame[at + 8] == 0:
        return TTL
    fields[PROTO] = frame[at + 9]
    fields[ADDRESSES], fields[ADDRESS_LEN] = at + 12, 4
    fields[L4], fields[L4_END] = at + header, at + total
    fields[FLAT] = be16(frame, at + 6) & 0x3FFF == 0  # neither more fragments nor an offset
    return OK


@inner
def _ipv6(frame: np.ndarray, at: int, end: int, fields: np.ndarray) -> int:
    if at + 40 > end:
        return TRUNCATED
    if frame[at] >> 4 != 6:
        return VERSION
    total = 40 + be16(frame, at + 4)
    if at + total > end:
        return TRUNCATED
    if frame[at + 7] == 0:
        return TTL
    fields[PROTO] = frame[at + 6]  # extension headers are left to the container
    fields[ADDRESSES], fields[ADDRESS_LEN] = at + 8, 16
    fields[L4], fields[L4_END] = at + 40, at + total
    fields[FLAT] = 1
    return OK


@inner
def _transport(frame: np.ndarray, fields: np.ndarray) -> int:
    """Check the lengths of TCP and UDP; FLAT stays only where the ports can be read."""
    room = fields[L4_END] - fields[L4]
    if fields[FLAT] == 0 or (fields[PROTO] != TCP and fields[PROTO] != UDP):
        fields[FLAT] = 0
        return OK
    if fields[PROTO] == UDP:
        if room < UDP_HEADER:
            return LENGTHS
        length = be16(frame, fields[L4] + 4)
        return OK if UDP_HEADER <= length <= room else LENGTHS
    if room < 20:
        return LENGTHS
    header = (octet(frame, fields[L4] + 12) >> 4) * 4
    return OK if 20 <= header <= room else LENGTHS


@inner
def packet(frame: np.ndarray, at: int, end: int, fields: np.ndarray) -> int:
    """Check the Ethernet frame in [at, end) down to its transport header.

    Returns a verdict; `OK` for what is not IP.  Writes PROTO, L4, L4_END, ADDRESSES, ADDRESS_LEN
    and FLAT of `fields`.
    """
    fields[PROTO:FIELDS] = 0
    if at + ETH_HEADER > end:
        return TRUNCATED
    kind = be16(frame, at + 12)
    verdict = OK
    if kind in (ETH_VLAN, ETH_QINQ):
        return TAGGED
    if kind == ETH_IPV4:
        verdict = _ipv4(frame, at + ETH_HEADER, end, fields)
    elif kind == ETH_IPV6:
        verdict = _ipv6(frame, at + ETH_HEADER, end, fields)
    if verdict != OK or fields[PROTO] == 0:
        return verdict
    return _transport(frame, fields)


@inner
def _udp_checksum_ok(frame: np.ndarray, fields: np.ndarray, length: int) -> bool:
    at = fields[L4]
    if be16(frame, at + 6) == 0:  # RFC 7348, 5: sent as zero, accepted
        return True
    pseudo = ones_sum(frame, fields[ADDRESSES], fields[ADDRESSES] + 8) + UDP + length
    total = pseudo + ones_sum(frame, at, at + length)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


@inner
def is_vxlan(frame: np.ndarray, fields: np.ndarray, me: Identity) -> bool:
    """Say whether the packet that `packet` found is UDP to the VXLAN port."""
    if fields[PROTO] != UDP or fields[FLAT] == 0:
        return False
    same: bool = be16(frame, fields[L4] + 2) == me.vxlan_port
    return same


@inner
def flow_hash(frame: np.ndarray, fields: np.ndarray, rss: np.ndarray) -> int:
    """Hash addresses and, of an unfragmented TCP or UDP packet, ports; 0 for what is not IP."""
    size = 2 * fields[ADDRESS_LEN]
    value = toeplitz(rss, frame, fields[ADDRESSES], size, 0)
    if fields[FLAT]:
        value ^= toeplitz(rss, frame, fields[L4], 4, size)
    return value


@inner
def _tunnelled(
    frame: np.ndarray, end: int, me: Identity, rss: np.ndarray, fields: np.ndarray
) -> int:
    """Parse an untagged frame: VXLAN to our VTEP, or nothing for us."""
    if mac(frame, 0) != me.mac or be16(frame, 12) != ETH_IPV4:
        return NOT_OURS
    verdict = packet(frame, 0, end, fields)
    if verdict != OK:
        return verdict
    if be32(frame, fields[ADDRESSES] + 4) != me.vtep:
        return NOT_OURS
    if fields[PROTO] == UDP and fields[FLAT] == 0:
        return FRAGMENT
    if not is_vxlan(frame, fields, me):
        return NOT_OURS
    udp = fields[L4]
    length = be16(frame, udp + 4)
    if length < UDP_HEADER + VXLAN_HEADER_LEN + ETH_HEADER:
        return TRUNCATED
    if not _udp_checksum_ok(frame, fields, length):
        return CHECKSUM
    if not frame[udp + UDP_HEADER] & 0x08:
        return VXLAN_HEADER
    fields[RSS_HASH] = flow_hash(frame, fields, rss)
    fields[TUNNEL], fields[SEGMENT] = 1, be32(frame, udp + UDP_HEADER + 4) >> 8
    fields[INNER], fields[INNER_END] = udp + UDP_HEADER + VXLAN_HEADER_LEN, udp + length
    verdict = packet(frame, fields[INNER], fields[INNER_END], fields)
    if verdict == OK and is_vxlan(frame, fields, me):
        return NESTED
    return verdict


@entry
def parse(
    frame: np.ndarray, length: int, vlan: int, me: Identity, rss: np.ndarray, fields: np.ndarray
) -> int:
    """Parse one frame from the uplink.

    Args:
        frame: uint8 [at least `length`], without the outer 802.1Q tag.
        length: bytes of it that were received.
        vlan: VLAN id of the tag that was taken off; 0 for none (and for a priority tag).
        me: the machine's own addresses, see `identity`.
        rss: `toeplitz.key_table` of the NIC's key.
        fields: int64 [FIELDS], written.

    Returns:
        A verdict; only with `OK` all of `fields` are meaningful.
    """
    fields[:] = 0
    if length < ETH_HEADER:
        return TRUNCATED
    if vlan == 0:
        verdict = _tunnelled(frame, length, me, rss, fields)
    else:
        fields[SEGMENT], fields[INNER_END] = vlan, length
        verdict = packet(frame, 0, length, fields)
        if verdict == OK:
            fields[RSS_HASH] = flow_hash(frame, fields, rss)
    if verdict == OK:
        fields[DMAC] = mac(frame, fields[INNER])
    return verdict
