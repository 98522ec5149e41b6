"""Frames from bytes, for checks: what a lab compares a student's frames with.

Made without Scapy, which students use, so that a mistake is not made twice; and a checker starts
without its import. Every field can be made wrong.
"""

from __future__ import annotations

import ipaddress
import struct

ARP_TYPE, IPV4_TYPE, IPV6_TYPE, VLAN_TYPE = 0x0806, 0x0800, 0x86DD, 0x8100
ICMP, TCP, UDP = 1, 6, 17
VXLAN_PORT = 4789
ETHERNET_SIZE, IPV4_SIZE, UDP_SIZE, VXLAN_SIZE = 14, 20, 8, 8
OUTER_SIZE = ETHERNET_SIZE + IPV4_SIZE + UDP_SIZE + VXLAN_SIZE
I_FLAG = 0x08


def mac(text: str) -> bytes:
    """A MAC address as 6 bytes."""
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    """An IPv4 or IPv6 address as 4 or 16 bytes."""
    return ipaddress.ip_address(text).packed


def address(data: bytes) -> str:
    """4 bytes as an IPv4 address."""
    return str(ipaddress.IPv4Address(data))


def checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(
    dst: str, src: str, payload: bytes, ether_type: int = IPV4_TYPE, tag: int = 0
) -> bytes:
    """An Ethernet frame without FCS; `tag`: its VLAN, 0 for none."""
    header = mac(dst) + mac(src)
    if tag:
        header += struct.pack("!HH", VLAN_TYPE, tag)
    return header + struct.pack("!H", ether_type) + payload


def ipv4(
    src: str,
    dst: str,
    protocol: int,
    payload: bytes,
    *,
    ident: int = 0,
    fragment: int = 0,
    ttl: int = 64,
    options: bytes = b"",
    total: int | None = None,
    version: int = 4,
    tos: int = 0,
) -> bytes:
    """An IPv4 packet with a right checksum.

    `fragment`: flags and offset, 16 bits; `options`: a multiple of 4 bytes; `total`: its length.
    """
    size = IPV4_SIZE + len(options)
    length = size + len(payload) if total is None else total
    head = struct.pack(
        "!BBHHHBBH", version << 4 | size // 4, tos, length, ident, fragment, ttl, protocol, 0
    )
    head += ip(src) + ip(dst) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src: str, dst: str, protocol: int, payload: bytes) -> bytes:
    """An IPv6 packet without extension headers."""
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + ip(src) + ip(dst) + payload


def udp(src: int, dst: int, payload: bytes, *, sum_: int = 0, length: int | None = None) -> bytes:
    """A UDP datagram, without a checksum unless one is given."""
    size = UDP_SIZE + len(payload) if length is None else length
    return struct.pack("!HHHH", src, dst, size, sum_) + payload


def udp_checksum(src: str, dst: str, datagram: bytes) -> int:
    """The checksum of a UDP datagram over IPv4, whose own field is 0 (RFC 768)."""
    pseudo = ip(src) + ip(dst) + struct.pack("!BBH", 0, UDP, len(datagram))
    return checksum(pseudo + datagram + bytes(len(datagram) % 2)) or 0xFFFF


def tcp(src: int, dst: int, seq: int, payload: bytes, *, sum_: int = 0) -> bytes:
    """A TCP segment with ACK and PSH set."""
    return struct.pack("!HHIIHHHH", src, dst, seq, 1, 0x5018, 500, sum_, 0) + payload


def arp_request(sender_mac: str, sender_ip: str, target_ip: str) -> bytes:
    """A broadcast frame that asks who has an address, 42 bytes."""
    body = bytes.fromhex("0001080006040001") + mac(sender_mac) + ip(sender_ip)
    return ethernet("ff:ff:ff:ff:ff:ff", sender_mac, body + bytes(6) + ip(target_ip), ARP_TYPE)


def vxlan_header(vni: int, flags: int = I_FLAG) -> bytes:
    """A VXLAN header (RFC 7348, section 5)."""
    return struct.pack("!II", flags << 24, vni << 8)
