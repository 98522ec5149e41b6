"""VXLAN by hand: a solution."""

from __future__ import annotations

import socket
import struct
import zlib

VXLAN_PORT = 4789
FIRST_PORT, PORTS = 49152, 16384
ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN = 0x0800, 0x86DD, 0x8100
UDP, WITH_PORTS = 17, (6, 17)
I_FLAG = 0x08


# -- task 2: the header ----------------------------------------------------------------------------


def vxlan_header(vni: int) -> bytes:
    """Return the 8 bytes of a VXLAN header for a VNI of 24 bits (RFC 7348, section 5)."""
    return struct.pack("!II", I_FLAG << 24, vni << 8)


# -- task 3: the entropy port ----------------------------------------------------------------------


def source_port(inner: bytes) -> int:
    """Return the outer UDP source port for an inner frame: 49152..65535, the same for one flow."""
    return FIRST_PORT + zlib.crc32(_flow(inner)) % PORTS


def _flow(inner: bytes) -> bytes:
    """What all frames of a flow share: addresses, protocol and ports, or the MAC addresses."""
    ether_type, packet = inner[12:14], inner[14:]
    if ether_type == b"\x08\x00" and len(packet) >= 20:
        protocol, l4 = packet[9], packet[4 * (packet[0] & 15) :]
        fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF  # more fragments, or an offset
        ports = l4[:4] if protocol in WITH_PORTS and not fragment else b""
        return packet[12:20] + bytes([protocol]) + ports
    if ether_type == b"\x86\xdd" and len(packet) >= 40:
        ports = packet[40:44] if packet[6] in WITH_PORTS else b""
        return packet[8:40] + packet[6:7] + ports
    return inner[:14]


# -- task 4: encapsulation -------------------------------------------------------------------------


def encapsulate(inner: bytes, vni: int, tunnel: dict[str, str]) -> bytes:
    """Return the outer frame that carries an inner frame."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    outer = (
        Ether(src=tunnel["src_mac"], dst=tunnel["dst_mac"])
        / IP(src=tunnel["src_ip"], dst=tunnel["dst_ip"], flags="DF", id=0, ttl=64)
        / UDP(sport=source_port(inner), dport=VXLAN_PORT, chksum=0)
        / Raw(vxlan_header(vni) + inner)
    )
    return bytes(outer)


# -- tasks 5 and 6: decapsulation ------------------------------------------------------------------


def decapsulate(frame: bytes, vtep: str) -> tuple[int, bytes] | None:
    """Return (VNI, inner frame), or None when the frame is not VXLAN for this VTEP."""
    packet = _without_ethernet(frame)
    payload = packet and _udp_payload(packet, socket.inet_aton(vtep))
    if not payload or len(payload) < 8 + 14 or not payload[0] & I_FLAG:
        return None
    return int.from_bytes(payload[4:7], "big"), payload[8:]


def _without_ethernet(frame: bytes) -> bytes | None:
    """The IPv4 packet behind an Ethernet header, which may carry a tag."""
    at = 16 if frame[12:14] == b"\x81\x00" else 12
    return frame[at + 2 :] if frame[at : at + 2] == b"\x08\x00" else None


def _udp_payload(packet: bytes, own: bytes) -> bytes | None:
    """The payload of a whole UDP datagram to an address's VXLAN port, without padding."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    header = 4 * (packet[0] & 15)
    total, fragment = struct.unpack_from("!H2xH", packet, 2)
    if header < 20 or total > len(packet) or total < header + 8:
        return None
    if fragment & 0x3FFF or packet[9] != UDP or packet[16:20] != own:
        return None
    datagram = packet[header:]
    port, length = struct.unpack_from("!HH", datagram, 2)
    if port != VXLAN_PORT or not 8 + 8 + 14 <= length <= total - header:
        return None
    return datagram[8:]


# -- task 7: the MTU -------------------------------------------------------------------------------


def inner_mtu(underlay_mtu: int, outer_ip_version: int = 4, inner_tag: bool = False) -> int:
    """Return the largest MTU of a container whose frames fit into the underlay."""
    outer_ip = 20 if outer_ip_version == 4 else 40
    return underlay_mtu - outer_ip - 8 - 8 - 14 - (4 if inner_tag else 0)


# -- given: a capture file for Wireshark -----------------------------------------------------------


def main() -> None:
    """Write mine.pcap: a ping and 8 UDP flows through a tunnel."""
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw
    from scapy.utils import wrpcap

    a, b = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
    tunnel = {
        "src_mac": "02:5a:00:00:00:01",
        "dst_mac": "02:ee:00:00:00:01",
        "src_ip": "172.16.0.1",
        "dst_ip": "172.16.0.2",
    }
    ip = IP(src="10.0.0.11", dst="10.0.0.21")
    inner = [Ether(src=a, dst=b) / ip / ICMP() / Raw(b"ping")]
    inner += [
        Ether(src=a, dst=b) / ip / UDP(sport=4000 + n, dport=5000) / Raw(b"hello") for n in range(8)
    ]
    frames = [encapsulate(bytes(each), 5001, tunnel) for each in inner]
    wrpcap("mine.pcap", [Ether(each) for each in frames])
    print(f"mine.pcap: {len(frames)} frames")


if __name__ == "__main__":
    main()
