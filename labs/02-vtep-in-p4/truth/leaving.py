"""What leaves the switch: by which port, in which tunnel, the same on every chip or not."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from labs.checking import Student, beside, expect, fail
from labs.frames import OUTER_SIZE, UDP, VXLAN_PORT, address, ip, mac
from labs.vtep import Frame, Given

switch = beside(__file__, "switch")
left = switch.left


def ports_of(frames: list[Frame]) -> str:
    """The ports that frames left by, for a message."""
    return ", ".join(f"port {port}" for port, _ in frames) or "nothing leaves"


def only(out: list[Frame], port: int, what: str) -> bytes:
    """The one frame that left, by a port."""
    if [p for p, _ in out] != [port]:
        fail(f"{what} does not leave by the one port that it should", ports_of(out), f"port {port}")
    return out[0][1]


def tunnelled(given: Given, data: bytes, place: int, what: str) -> tuple[int, bytes]:
    """The source port and the payload of a frame in the tunnel, whose addresses are right."""
    link, vtep = given["links"][place], given["remote_vteps"][place]
    expect(
        len(data) >= OUTER_SIZE and data[12:14] == b"\x08\x00",
        f"{what} leaves without the outer headers (setValid and emit, in the order of the wire)",
        seen=f"{len(data)} bytes, EtherType 0x{data[12:14].hex()}",
        expected="outer Ethernet, IPv4, UDP, VXLAN in front of the frame",
    )
    packet = data[14:]
    expect(
        packet[0] == 0x45 and packet[9] == UDP,
        f"{what}: the outer IP header is not one of 20 bytes that carries UDP",
        seen=f"version and IHL 0x{packet[0]:02x}, protocol {packet[9]}",
        expected="0x45, 17",
    )
    ends = f"{address(packet[12:16])} to {address(packet[16:20])}"
    expect(
        packet[12:20] == ip(given["own_vtep"]) + ip(vtep),
        f"{what}: the outer IP addresses are not those of the two VTEPs",
        seen=ends,
        expected=f"{given['own_vtep']} to {vtep}",
    )
    expect(
        data[:12] == mac(link["next_mac"]) + mac(link["own_mac"]),
        f"{what}: the outer MAC addresses are not those of the link",
        seen=data[:12].hex(":"),
        expected="those of table link",
    )
    source, port = struct.unpack_from("!HH", packet, 20)
    expect(port == VXLAN_PORT, f"{what}: the UDP destination port is not VXLAN's", port, VXLAN_PORT)
    return source, packet[28:]


OUTER_FIELDS = (
    (0, 14, "outer_ethernet"),
    (14, 15, "outer_ipv4.version and ihl"),
    (15, 16, "outer_ipv4.tos"),
    (16, 18, "outer_ipv4.total_len"),
    (18, 20, "outer_ipv4.identification"),
    (20, 22, "outer_ipv4's flags or frag_offset"),
    (22, 23, "outer_ipv4.ttl"),
    (23, 24, "outer_ipv4.protocol"),
    (26, 34, "an address of outer_ipv4"),
    (34, 36, "outer_udp.src_port"),
    (36, 38, "outer_udp.dst_port"),
    (38, 40, "outer_udp.length"),
    (40, 42, "outer_udp.checksum"),
    (42, 43, "vxlan.flags"),
    (43, 46, "vxlan.reserved1"),
    (46, 49, "vxlan.vni"),
    (49, 50, "vxlan.reserved2"),
    (62, 64, "ethernet.ether_type"),
)
TAG_FIELDS = (
    (12, 14, "ethernet.ether_type"),
    (14, 16, "pcp, dei or vid of vlan"),
    (16, 18, "vlan.ether_type"),
)


def defined(
    student: Student, given: Given, frames: list[Frame], fields: Sequence[tuple[int, int, str]]
) -> None:
    """Fail where a field of what leaves depends on values that P4 leaves undefined."""
    usual, noisy = (left(student, given, *frames, noise=noise) for noise in (False, True))
    for (_, frame), outs in zip(frames, zip(usual, noisy, strict=True), strict=True):
        for (_, one), (_, other) in zip(*outs, strict=False):
            for start, end, name in fields:
                expect(
                    one[start:end] == other[start:end],
                    "a field has whatever value was there before: nothing writes it, or it is "
                    "computed from a header that is not valid",
                    seen=f"{name} of a frame of {len(frame)} bytes",
                    expected="the same value on every switch",
                )
        same = [port for port, _ in outs[0]] == [port for port, _ in outs[1]]
        expect(same, "where a frame leaves depends on a field that nothing writes")


def flooded(
    student: Student, given: Given, frame: Frame, want: list[int], what: str
) -> list[Frame]:
    """The copies of a frame, when they leave by the right ports."""
    (out,) = left(student, given, frame)
    found = sorted(port for port, _ in out)
    if found != sorted(want):
        expected = ", ".join(f"port {port}" for port in want)
        came = [port for port in found if port == frame[0]]
        if came:
            fail(
                f"a copy of {what} goes back to where the frame came from: a loop",
                ports_of(out),
                expected,
            )
        fail(
            f"the copies of {what} do not leave by the ports that they should",
            ports_of(out),
            expected,
        )
    return out


def macs(number: int) -> str:
    """A number as a MAC address."""
    return (number & (2**48 - 1)).to_bytes(6, "big").hex(":")


def ips(number: int) -> str:
    """A number as an IPv4 address."""
    return address((number & (2**32 - 1)).to_bytes(4, "big"))
