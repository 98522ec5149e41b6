"""Frames for the tests of the live path, addressed as in `rxpath.live.host.example`."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

HERE = "02:00:00:00:01:01"
VTEP = "172.16.0.1"
REMOTE = "02:00:00:00:00:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac(container: int) -> str:
    return f"02:00:00:00:00:{container + 1:02x}"


def inner(
    container: int = 0, payload: bytes = b"hello", dst: str | None = None, **ip: Any
) -> Packet:
    """A UDP packet of a remote container to one of ours."""
    head = Ether(src=REMOTE, dst=dst or mac(container))
    address = IP(src="10.0.0.99", dst=f"10.0.0.{container + 11}", **ip)
    return head / address / UDP(sport=7000, dport=9) / payload


def tcp(
    container: int = 0,
    seq: int = 1,
    payload: bytes = b"x" * 100,
    flags: str = "A",
    stamps: tuple[int, int] | None = None,
) -> Packet:
    """A segment; `stamps`: TSval and TSecr of its timestamps option, laid out as Linux does."""
    options = [("NOP", None), ("NOP", None), ("Timestamp", stamps)] if stamps else []
    head = Ether(src=REMOTE, dst=mac(container))
    address = IP(src="10.0.0.99", dst=f"10.0.0.{container + 11}")
    return (
        head
        / address
        / TCP(sport=7000, dport=80, seq=seq, ack=5, flags=flags, options=options)
        / payload
    )


def inner6(container: int = 0) -> Packet:
    return (
        Ether(src=REMOTE, dst=mac(container)) / IPv6(dst="fd00::1", src="fd00::2") / UDP() / b"six"
    )


def arp() -> Packet:
    return Ether(src=REMOTE, dst=BROADCAST) / ARP(pdst="10.0.0.11", psrc="10.0.0.99", hwsrc=REMOTE)


def vxlan(
    frame: Packet,
    vni: int = 5001,
    sport: int = 50_000,
    dport: int = 4789,
    chksum: int = 0,
    **ip: Any,
) -> bytes:
    outer = Ether(src="02:00:00:00:01:02", dst=HERE)
    address = IP(**{"src": "172.16.0.2", "dst": VTEP, **ip})
    udp = UDP(sport=sport, dport=dport, chksum=chksum if chksum >= 0 else None)
    return bytes(outer / address / udp / VXLAN(vni=vni, flags=0x08) / frame)


def tagged(frame: Packet, vlan: int = 101) -> bytes:
    """The frame with the tenant's tag, as it stands on the wire."""
    head = Ether(src=frame.src, dst=frame.dst) / Dot1Q(vlan=vlan, type=frame.type)
    return bytes(head / frame.payload)
