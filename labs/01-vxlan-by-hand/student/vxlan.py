"""VXLAN by hand: frames in, frames out. Fill in the functions; handout.md leads through them.

Frames are `bytes`: Ethernet from the destination address on, without preamble and FCS, as
Wireshark shows them. Run this file to write `mine.pcap`, which Wireshark opens.
"""

from __future__ import annotations

VXLAN_PORT = 4789


# -- task 2: the header ----------------------------------------------------------------------------


def vxlan_header(vni: int) -> bytes:
    """Return the 8 bytes of a VXLAN header for a VNI of 24 bits (RFC 7348, section 5)."""
    raise NotImplementedError("task 2: return 8 bytes, the flags first")


# -- task 3: the entropy port ----------------------------------------------------------------------


def source_port(inner: bytes) -> int:
    """Return the outer UDP source port for an inner frame: 49152..65535, the same for one flow."""
    raise NotImplementedError("task 3: return a hash of the inner flow, scaled to 49152..65535")


# -- task 4: encapsulation -------------------------------------------------------------------------


def encapsulate(inner: bytes, vni: int, tunnel: dict[str, str]) -> bytes:
    """Return the outer frame that carries an inner frame.

    Args:
        inner: an Ethernet frame of any length and content.
        vni: the virtual network.
        tunnel: `src_mac`, `dst_mac`, `src_ip`, `dst_ip` of the outer headers.
    """
    raise NotImplementedError("task 4: Ethernet, IPv4, UDP, VXLAN, then the inner frame unchanged")


# -- tasks 5 and 6: decapsulation ------------------------------------------------------------------


def decapsulate(frame: bytes, vtep: str) -> tuple[int, bytes] | None:
    """Return (VNI, inner frame), or None when the frame is not VXLAN for this VTEP.

    Args:
        frame: what came from the wire. Anybody may have sent it.
        vtep: this VTEP's own IPv4 address.
    """
    raise NotImplementedError(
        "task 5: return (vni, inner), or None for a frame that is to be dropped"
    )


# -- task 7: the MTU -------------------------------------------------------------------------------


def inner_mtu(underlay_mtu: int, outer_ip_version: int = 4, inner_tag: bool = False) -> int:
    """Return the largest MTU of a container whose frames fit into the underlay.

    Args:
        underlay_mtu: largest IP packet of the underlay, in bytes.
        outer_ip_version: 4 or 6, the version of the outer IP header.
        inner_tag: whether the inner frames carry an IEEE 802.1Q tag.
    """
    raise NotImplementedError("task 7: what is left of the underlay's MTU")


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
