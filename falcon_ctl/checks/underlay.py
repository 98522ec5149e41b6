"""Checks of VXLAN packets: RFC 7348, RFC 768 and what the fabric relies on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.utils import checksum

from falcon_ctl.capture import headers
from falcon_ctl.checks.verdict import Verdict, judge

ENTROPY = range(49152, 65536)  # RFC 7348 section 5: source port from the dynamic range
_HEADERS = 50  # Ethernet 14, IPv4 20, UDP 8, VXLAN 8


def frames_are_vxlan(frames: Mapping[int, Sequence[bytes]], vnis: set[int], ttl: int) -> Verdict:
    """Each frame at a tunnel's receiving end is a valid VXLAN packet, field by field.

    `frames`: by the UDP port that their system sends to; `ttl`: what is left of the tunnel's 64
    on this link.
    """
    problems = [
        f"frame {number} on port {port}: {problem}"
        for port, sent in frames.items()
        for number, frame in enumerate(sent)
        for problem in problems_of(frame, vnis, ttl, port)
    ]
    count = sum(map(len, frames.values()))
    ports = ", ".join(map(str, sorted(frames)))
    seen = f"{count} frames: VNI in {sorted(vnis)}, checksum 0, lengths, DF, TTL {ttl}"
    return judge(
        "underlay frames are right VXLAN", problems, f"{seen}, UDP port {ports}", count > 0
    )


def problems_of(frame: bytes, vnis: set[int], ttl: int, port: int) -> list[str]:
    """What is wrong with one frame."""
    if len(frame) < _HEADERS:
        return [f"{len(frame)} bytes, shorter than the headers of VXLAN"]
    packet = Ether(frame[:_HEADERS])
    if VXLAN not in packet or packet[UDP].dport != port:
        return [f"not VXLAN on UDP port {port}: {packet.summary()}"]
    ip, udp, vxlan = packet[IP], packet[UDP], packet[VXLAN]
    wrong = {
        f"IP length {ip.len} in a frame of {len(frame)}": ip.len != len(frame) - 14,
        f"UDP length {udp.len} in an IP packet of {ip.len}": udp.len != ip.len - 4 * ip.ihl,
        f"UDP checksum {udp.chksum:#x}, not 0": udp.chksum != 0,
        f"IP checksum {ip.chksum:#x} is wrong": checksum(frame[14 : 14 + 4 * ip.ihl]) != 0,
        f"VNI {vxlan.vni} of no tenant": vxlan.vni not in vnis,
        f"VXLAN flags {int(vxlan.flags):#x}, not 0x8": int(vxlan.flags) != 0x8,
        f"source port {udp.sport} outside 49152 to 65535": udp.sport not in ENTROPY,
        f"IP flags {ip.flags}, not DF": str(ip.flags) != "DF",
        f"TTL {ip.ttl}, not {ttl}": ip.ttl != ttl,
    }
    return [text for text, is_wrong in wrong.items() if is_wrong]


def ports_follow_flows(frames: Iterable[bytes]) -> Verdict:
    """The source port is one per inner flow, and differs between flows (RFC 7348 section 5)."""
    ports: dict[tuple[int, headers.FiveTuple], set[int]] = defaultdict(set)
    for frame in frames:
        found = headers.read(frame)
        if found.outer and found.inner and found.vni and found.outer.source_port is not None:
            ports[found.vni, found.inner].add(found.outer.source_port)
    problems = [
        f"VNI {vni} flow {flow.source}:{flow.source_port}: {len(used)} ports"
        for (vni, flow), used in sorted(ports.items())
        if len(used) > 1
    ]
    distinct = {port for used in ports.values() for port in used}
    # 64 flows on 16384 ports collide with probability 0.12; half of them never do.
    if len(ports) > 1 and len(distinct) <= len(ports) // 2:
        problems.append(f"{len(ports)} flows share {len(distinct)} source ports")
    seen = f"{len(ports)} flows, {len(distinct)} source ports, one per flow"
    return judge("outer source port varies by flow, not within", problems, seen, len(ports) > 1)
