"""The headers of a captured frame, dissected with Scapy."""

from __future__ import annotations

import socket
import struct
from functools import lru_cache
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import bind_bottom_up

UNTAGGED, TAGGED, TUNNEL = 14, 18, 50 + 14  # where the innermost IPv4 header begins
_DOT1Q, _IPV4_NO_OPTIONS = b"\x81\x00", 0x45
_IPV4_TYPE = b"\x08\x00"
_VXLAN_PORTS: set[bytes] = set()
_IPV4, _L4 = 20, {6: 20, 17: 8}  # lengths of the headers that Scapy needs whole
_FLOW = struct.Struct("!4s4sHH")


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


class Ends(NamedTuple):
    """Innermost addresses and TCP or UDP ports of a frame: the flow, without its tenant."""

    source: str
    target: str
    source_port: int
    target_port: int

    def __str__(self) -> str:
        return f"{self.source}:{self.source_port}"


def recognise_vxlan(port: int) -> None:
    """Read what is sent to this UDP port as VXLAN from now on."""
    _VXLAN_PORTS.add(port.to_bytes(2, "big"))
    bind_bottom_up(UDP, VXLAN, dport=port)


for _port in (4789, 8472, 6784):  # IANA's, Linux's first one (Flannel), Weave Net's
    recognise_vxlan(_port)


def ends(frame: bytes) -> Ends | None:
    """The innermost flow, read at fixed offsets; None for what is not TCP or UDP on IPv4.

    Scapy (`read`) takes a hundred times as long, too long for sorting every frame by flow.
    """
    begin = innermost(frame)
    if len(frame) < begin + 24 or frame[begin] != _IPV4_NO_OPTIONS or frame[begin + 9] not in _L4:
        return None
    source, target, *ports = _FLOW.unpack_from(frame, begin + 12)
    return Ends(socket.inet_ntoa(source), socket.inet_ntoa(target), *ports)


def is_ipv4(frame: bytes) -> bool:
    """Whether the outermost packet is IPv4, behind one tag or none."""
    return frame[16:18] == _IPV4_TYPE if frame[12:14] == _DOT1Q else frame[12:14] == _IPV4_TYPE


def is_vxlan(frame: bytes) -> bool:
    """Whether a frame came in a tunnel."""
    return frame[12:14] != _DOT1Q and frame[36:38] in _VXLAN_PORTS


def innermost(frame: bytes) -> int:
    """Where the innermost IPv4 header of a frame begins, if it has one."""
    if frame[12:14] == _DOT1Q:
        return TAGGED
    return TUNNEL if frame[36:38] in _VXLAN_PORTS else UNTAGGED


def read(frame: bytes) -> Headers:
    """Headers of a frame (no FCS), as far as it is complete."""
    if len(frame) < UNTAGGED:
        return Headers(0, 0, None, None)  # shorter than an Ethernet header: Scapy refuses it
    begin = TAGGED if frame[12:14] == _DOT1Q else TUNNEL
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
