"""Frames of containers, and frames in the tunnel as the other VTEP sends them; from bytes."""

from __future__ import annotations

from typing import Any

from labs.frames import (
    IPV4_TYPE,
    IPV6_TYPE,
    TCP,
    UDP,
    VXLAN_PORT,
    arp_request,
    ethernet,
    ipv4,
    ipv6,
    tcp,
    udp,
    vxlan_header,
)

ICMPV6 = 58
Given = dict[str, Any]


def inner_udp(
    given: Given,
    data: bytes = b"data",
    *,
    src_port: int | None = None,
    dst_port: int | None = None,
    src: str = "",
    dst: str = "",
    **of_ip: Any,
) -> bytes:
    """A container's UDP frame; `of_ip` are fields of `frames.ipv4`."""
    ports = src_port or given["src_port"], dst_port or given["dst_port"]
    return inner_ip(given, UDP, udp(*ports, data), src=src, dst=dst, **of_ip)


def inner_ip(
    given: Given, protocol: int, payload: bytes, *, src: str = "", dst: str = "", **of_ip: Any
) -> bytes:
    """A container's IPv4 frame."""
    hosts = given["hosts"]
    packet = ipv4(src or hosts["a_ip"], dst or hosts["b_ip"], protocol, payload, **of_ip)
    return ethernet(hosts["b_mac"], hosts["a_mac"], packet)


def inner_tcp(given: Given, seq: int, payload: bytes) -> bytes:
    """A container's TCP segment."""
    segment = tcp(given["src_port"], given["dst_port"], seq, payload, sum_=seq)
    return inner_ip(given, TCP, segment, ident=seq)


def inner_arp(given: Given) -> bytes:
    """A container's ARP request, 42 bytes."""
    hosts = given["hosts"]
    return arp_request(hosts["a_mac"], hosts["a_ip"], hosts["b_ip"])


def inner_ipv6(
    given: Given, last: int = 2, *, src_port: int | None = None, echo: bytes = b""
) -> bytes:
    """A container's UDP datagram over IPv6, or its ping; `last`: of the destination address."""
    hosts = given["hosts"]
    ports = src_port or given["src_port"], given["dst_port"]
    payload = b"\x80\x00" + echo if echo else udp(*ports, b"six", sum_=0x1234)
    protocol = ICMPV6 if echo else UDP
    packet = ipv6("2001:db8::1", f"2001:db8::{last:x}", protocol, payload)
    return ethernet(hosts["b_mac"], hosts["a_mac"], packet, IPV6_TYPE)


def outer(
    given: Given,
    inner: bytes,
    *,
    header: bytes = b"",
    tag: int = 0,
    source: int = 50000,
    port: int = VXLAN_PORT,
    sum_: int = 0,
    length: int | None = None,
    dst: str = "",
    protocol: int = UDP,
    ether_type: int = IPV4_TYPE,
    **of_ip: Any,
) -> bytes:
    """A frame in the tunnel, as the other VTEP sends it to this one."""
    tunnel = given["tunnel"]
    payload = (header or vxlan_header(given["vni"])) + inner
    datagram = udp(source, port, payload, sum_=sum_, length=length)
    packet = ipv4(tunnel["src_ip"], dst or tunnel["dst_ip"], protocol, datagram, **of_ip)
    return ethernet(tunnel["dst_mac"], tunnel["src_mac"], packet, ether_type, tag)
