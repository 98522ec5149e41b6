"""Parses received frames: the segment they belong to, where the inner frame is, the RSS hash.

`parse` reads a frame without its outer 802.1Q tag (the kernel removed it and reports its VLAN id)
and never reads past its length, whatever its headers say.  The result is a verdict and, when that
is `OK`, a `Parsed`.

Sources: IEEE 802.3 and 802.1Q; RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768 (UDP), RFC 9293 (TCP),
RFC 1071 (checksum), RFC 7348 (VXLAN); for the hash input, Microsoft's "RSS hashing types".
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import entry, inner
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

ETH_IPV4, ETH_IPV6, ETH_VLAN, ETH_QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
ETH_HEADER, VXLAN_HEADER_LEN, UDP_HEADER = 14, 8, 8
MAC_LEN = 6  # bytes of a MAC address
TCP, UDP = 6, 17
GROUP = 1 << 40  # the I/G bit of a MAC as an integer: broadcast and multicast
LINK_LOCAL = 0x0180C2000000  # to ...0F: for the neighbour on the link only (IEEE 802.1Q, 8.6.3)


class Parsed(Row):
    """What `parse` found in a frame; places are offsets from its first byte."""

    inner = word("where the container's frame begins")
    inner_end = word("where it ends")
    tunnel = word("1: it came in VXLAN")
    segment = word("the VNI of a tunnelled frame, else the VLAN id")
    dmac = word("the container's frame: destination MAC address as an integer")
    rss_hash = word("Toeplitz hash over the OUTER addresses and ports; 0: not IP")
    proto = word("IP protocol of the container's frame; 0: not IP")
    l4 = word("where its transport header begins")
    l4_end = word("where its IP packet ends")
    addresses = word("where its IP source address begins; the destination follows")
    address_len = word("of each of them: 4 or 16", "bytes")
    has_ports = word("1: its ports can be read (TCP or UDP, no fragment)")


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
    parsed = Parsed.new()
    verdict = parse(octets, len(octets), 0, me, key_table(), parsed)
    return Examined(VERDICT_NAMES[verdict], bool(parsed.tunnel), parsed.segment)


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
def is_link_local(address: int) -> bool:
    """Say whether a bridge keeps frames to this MAC address to itself: STP, pause, LLDP, ..."""
    return address & ~0xF == LINK_LOCAL


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
def _ipv4(frame: np.ndarray, at: int, end: int, parsed: Parsed) -> int:
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
    parsed.proto = frame[at + 9]
    parsed.addresses, parsed.address_len = at + 12, 4
    parsed.l4, parsed.l4_end = at + header, at + total
    is_fragment = be16(frame, at + 6) & 0x3FFF != 0  # more fragments, or an offset
    parsed.has_ports = 0 if is_fragment else 1
    return OK


@inner
def _ipv6(frame: np.ndarray, at: int, end: int, parsed: Parsed) -> int:
    if at + 40 > end:
        return TRUNCATED
    if frame[at] >> 4 != 6:
        return VERSION
    total = 40 + be16(frame, at + 4)
    if at + total > end:
        return TRUNCATED
    if frame[at + 7] == 0:
        return TTL
    parsed.proto = frame[at + 6]  # extension headers are left to the container
    parsed.addresses, parsed.address_len = at + 8, 16
    parsed.l4, parsed.l4_end = at + 40, at + total
    parsed.has_ports = 1
    return OK


@inner
def _transport(frame: np.ndarray, parsed: Parsed) -> int:
    """Check the lengths of TCP and UDP; `has_ports` stays only where there are any."""
    room = parsed.l4_end - parsed.l4
    if parsed.has_ports == 0 or (parsed.proto != TCP and parsed.proto != UDP):
        parsed.has_ports = 0
        return OK
    if parsed.proto == UDP:
        if room < UDP_HEADER:
            return LENGTHS
        length = be16(frame, parsed.l4 + 4)
        return OK if UDP_HEADER <= length <= room else LENGTHS
    if room < 20:
        return LENGTHS
    header = (octet(frame, parsed.l4 + 12) >> 4) * 4
    return OK if 20 <= header <= room else LENGTHS


@inner
def _clear_packet(parsed: Parsed) -> None:
    parsed.proto, parsed.has_ports = 0, 0
    parsed.l4, parsed.l4_end = 0, 0
    parsed.addresses, parsed.address_len = 0, 0


@inner
def _clear(parsed: Parsed) -> None:
    parsed.inner, parsed.inner_end = 0, 0
    parsed.tunnel, parsed.segment = 0, 0
    parsed.dmac, parsed.rss_hash = 0, 0
    _clear_packet(parsed)


@inner
def packet(frame: np.ndarray, at: int, end: int, parsed: Parsed) -> int:
    """Check the Ethernet frame in [at, end) down to its transport header.

    Returns a verdict; `OK` for what is not IP.  Writes the fields of `parsed` from `proto` on.
    """
    _clear_packet(parsed)
    if at + ETH_HEADER > end:
        return TRUNCATED
    kind = be16(frame, at + 12)
    verdict = OK
    if kind in (ETH_VLAN, ETH_QINQ):
        return TAGGED
    if kind == ETH_IPV4:
        verdict = _ipv4(frame, at + ETH_HEADER, end, parsed)
    elif kind == ETH_IPV6:
        verdict = _ipv6(frame, at + ETH_HEADER, end, parsed)
    if verdict != OK or parsed.proto == 0:
        return verdict
    return _transport(frame, parsed)


@inner
def _udp_checksum_ok(frame: np.ndarray, parsed: Parsed, length: int) -> bool:
    at = parsed.l4
    if be16(frame, at + 6) == 0:  # RFC 7348, 5: sent as zero, accepted
        return True
    pseudo = ones_sum(frame, parsed.addresses, parsed.addresses + 8) + UDP + length
    total = pseudo + ones_sum(frame, at, at + length)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


@inner
def is_vxlan(frame: np.ndarray, parsed: Parsed, me: Identity) -> bool:
    """Say whether the packet that `packet` found is UDP to the VXLAN port."""
    if parsed.proto != UDP or parsed.has_ports == 0:
        return False
    same: bool = be16(frame, parsed.l4 + 2) == me.vxlan_port
    return same


@inner
def flow_hash(frame: np.ndarray, parsed: Parsed, rss: np.ndarray) -> int:
    """Hash addresses and, of an unfragmented TCP or UDP packet, ports; 0 for what is not IP."""
    size = 2 * parsed.address_len
    value = toeplitz(rss, frame, parsed.addresses, size, 0)
    if parsed.has_ports:
        value ^= toeplitz(rss, frame, parsed.l4, 4, size)
    return value


@inner
def _tunnelled(frame: np.ndarray, end: int, me: Identity, rss: np.ndarray, parsed: Parsed) -> int:
    """Parse an untagged frame: VXLAN to our VTEP, or nothing for us."""
    if mac(frame, 0) != me.mac or be16(frame, 12) != ETH_IPV4:
        return NOT_OURS
    verdict = packet(frame, 0, end, parsed)
    if verdict != OK:
        return verdict
    if be32(frame, parsed.addresses + 4) != me.vtep:
        return NOT_OURS
    if parsed.proto == UDP and parsed.has_ports == 0:
        return FRAGMENT
    if not is_vxlan(frame, parsed, me):
        return NOT_OURS
    udp = parsed.l4
    length = be16(frame, udp + 4)
    if length < UDP_HEADER + VXLAN_HEADER_LEN + ETH_HEADER:
        return TRUNCATED
    if not _udp_checksum_ok(frame, parsed, length):
        return CHECKSUM
    if not frame[udp + UDP_HEADER] & 0x08:
        return VXLAN_HEADER
    parsed.rss_hash = flow_hash(frame, parsed, rss)
    parsed.tunnel, parsed.segment = 1, be32(frame, udp + UDP_HEADER + 4) >> 8
    parsed.inner, parsed.inner_end = udp + UDP_HEADER + VXLAN_HEADER_LEN, udp + length
    verdict = packet(frame, parsed.inner, parsed.inner_end, parsed)
    if verdict == OK and is_vxlan(frame, parsed, me):
        return NESTED
    return verdict


@entry
def parse(
    frame: np.ndarray, length: int, vlan: int, me: Identity, rss: np.ndarray, parsed: Parsed
) -> int:
    """Parse one frame from the uplink.

    Args:
        frame: uint8 [at least `length`], without the outer 802.1Q tag.
        length: bytes of it that were received.
        vlan: VLAN id of the tag that was taken off; 0 for none (and for a priority tag).
        me: the machine's own addresses, see `identity`.
        rss: `toeplitz.key_table` of the NIC's key.
        parsed: is written.

    Returns:
        A verdict; only with `OK` all of `parsed` is meaningful.
    """
    _clear(parsed)
    if length < ETH_HEADER:
        return TRUNCATED
    if vlan == 0:
        verdict = _tunnelled(frame, length, me, rss, parsed)
    else:
        parsed.segment, parsed.inner_end = vlan, length
        verdict = packet(frame, 0, length, parsed)
        if verdict == OK:
            parsed.rss_hash = flow_hash(frame, parsed, rss)
    if verdict == OK:
        parsed.dmac = mac(frame, parsed.inner)
    return verdict
