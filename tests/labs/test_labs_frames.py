"""Frames from bytes are those that Scapy makes, and each field can be made wrong."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from labs import frames

A, B = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
ENDS = "10.0.0.11", "10.0.0.21"
ETHER = Ether(src=A, dst=B)
PACKET = IP(src=ENDS[0], dst=ENDS[1], id=7, ttl=9)


def test_a_tagged_datagram_is_scapys() -> None:
    datagram = frames.udp(4000, 5000, b"odd")
    sum_ = frames.udp_checksum(*ENDS, datagram)
    packet = frames.ipv4(
        *ENDS, frames.UDP, frames.udp(4000, 5000, b"odd", sum_=sum_), ident=7, ttl=9
    )
    wanted = ETHER / Dot1Q(vlan=101) / PACKET / UDP(sport=4000, dport=5000) / Raw(b"odd")
    assert frames.ethernet(B, A, packet, tag=101) == bytes(wanted)


def test_a_frame_in_the_tunnel_is_scapys() -> None:
    inner = frames.arp_request(A, *ENDS)
    request = ARP(hwsrc=A, psrc=ENDS[0], pdst=ENDS[1], hwdst="00:00:00:00:00:00")
    assert inner == bytes(Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / request)
    packet = frames.ipv4(
        *ENDS, frames.UDP, frames.udp(50000, frames.VXLAN_PORT, frames.vxlan_header(5001) + inner),
        ident=7, ttl=9, fragment=0x4000, options=b"\x01" * 4,
    )  # fmt: skip
    ip = PACKET.copy()
    ip.flags, ip.options = "DF", [b"\x01\x01\x01\x01"]
    outer = ip / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=5001, flags=8) / Raw(inner)
    assert frames.ethernet(B, A, packet) == bytes(ETHER / outer)
    assert len(frames.ethernet(B, A, packet)) == frames.OUTER_SIZE + 4 + len(inner)


def test_ipv6_and_tcp_are_scapys() -> None:
    segment = frames.tcp(1, 2, 3, b"x", sum_=0x1234)
    tcp = TCP(sport=1, dport=2, seq=3, ack=1, flags="PA", window=500, chksum=0x1234) / Raw(b"x")
    wanted = IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=64, nh=6) / tcp
    assert frames.ipv6("2001:db8::1", "2001:db8::2", frames.TCP, segment) == bytes(wanted)


def test_lengths_can_lie() -> None:
    packet = frames.ipv4(*ENDS, frames.UDP, frames.udp(1, 2, b"", length=99), total=30, version=6)
    assert (packet[0], packet[2:4], packet[24:26]) == (0x65, b"\x00\x1e", b"\x00\x63")
    assert frames.checksum(packet[:20]) == 0
