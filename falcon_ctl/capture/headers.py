"""What a captured frame says, read with Scapy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

TAGGED, TUNNEL = 18, 50 + 14  # where the innermost IPv4 header begins
_IPV4, _L4 = 20, {17: 8}  # a UDP header is all that Scapy needs of it; of TCP it needs 20 bytes


class FiveTuple(NamedTuple):
    """A flow; the ports are None for anything but TCP and UDP."""

    source: str
    target: str
    proto: int
    source_port: int | None
    target_port: int | None


class Headers(NamedTuple):
    """Outermost and innermost flow of a frame (the same without a tunnel); None without IPv4.

    `vni` is 0 without VXLAN, `vlan` 0 without a tag.
    """

    vlan: int
    vni: int
    outer: FiveTuple | None
    inner: FiveTuple | None


def read(frame: bytes) -> Headers:
    """Headers of a frame with its Ethernet header (no FCS)."""
    begin = TAGGED if frame[12:14] == b"\x81\x00" else TUNNEL
    protocol = frame[begin + 9] if len(frame) > begin + 9 else 0
    return _dissect(frame[: begin + _IPV4 + _L4.get(protocol, 20)])


@lru_cache(maxsize=4096)  # Scapy takes half a millisecond a frame; a flow's frames begin alike
def _dissect(start: bytes) -> Headers:
    packet = Ether(start)
    vlan = packet[Dot1Q].vlan if Dot1Q in packet else 0
    outer = _five_tuple(packet.getlayer(IP))
    if VXLAN not in packet:
        return Headers(vlan, 0, outer, outer)
    tunnel = packet[VXLAN]
    return Headers(vlan, int(tunnel.vni), outer, _five_tuple(tunnel.getlayer(IP)))


def _five_tuple(packet: Any) -> FiveTuple | None:
    if packet is None:
        return None
    ports = packet.payload if isinstance(packet.payload, UDP | TCP) else None
    if ports is None:
        return FiveTuple(packet.src, packet.dst, packet.proto, None, None)
    return FiveTuple(packet.src, packet.dst, packet.proto, ports.sport, ports.dport)
