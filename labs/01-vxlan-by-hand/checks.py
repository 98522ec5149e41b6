"""The checks of lab 1; its frames are made from bytes, without the student's code and Scapy."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from labs.checking import Draw, Student, beside, check, expect, fail
from labs.frames import (
    ICMP,
    IPV4_SIZE,
    IPV6_TYPE,
    OUTER_SIZE,
    TCP,
    UDP,
    UDP_SIZE,
    VXLAN_PORT,
    VXLAN_SIZE,
    address,
    arp_request,
    checksum,
    ip,
    mac,
    udp,
    udp_checksum,
    vxlan_header,
)

calls = beside(__file__, "calls")
tunnel = beside(__file__, "tunnel")
FILE = calls.FILE
dropped = calls.dropped
encapsulated = calls.encapsulated
port_of = calls.port_of
shown = calls.shown
taken = calls.taken
inner_arp = tunnel.inner_arp
inner_ip = tunnel.inner_ip
inner_ipv6 = tunnel.inner_ipv6
inner_tcp = tunnel.inner_tcp
inner_udp = tunnel.inner_udp
outer = tunnel.outer
Given = dict[str, Any]

MTUS = (1500, 1550, 1600, 4000, 4470, 9000, 9216)
FLOWS, FEWEST = 256, 192  # flows of a test, and how many ports they have to have at least


# -- what differs from student to student ----------------------------------------------------------


def parameters(draw: Draw) -> Given:
    """The student's numbers."""
    # No VNI below 2**16 and none of equal bytes: every byte of it has to be in its place.
    vni = draw.named("vni").integer(1, 254) << 16 | draw.named("low").integer(256, 65535)
    received = draw.named("received").integer(2**16, 2**24 - 1)
    reserved = draw.named("reserved").integer(1, 2**24 - 1)
    header = struct.pack("!II", 0x08000000 | reserved, received << 8 | (reserved & 0xFF))
    addresses = draw.named("addresses")
    return {
        "vni": vni,
        "received_header": header.hex(),
        "inner_length": draw.named("length").integer(120, 1400),
        "underlay_mtu": draw.named("mtu").choice(MTUS),
        "tunnel": {
            "src_mac": addresses.mac(),
            "dst_mac": addresses.mac(),
            "src_ip": addresses.ipv4("172.16.0.0/17"),
            "dst_ip": addresses.ipv4("172.16.128.0/17"),
        },
        "hosts": {
            "a_mac": addresses.mac(),
            "b_mac": addresses.mac(),
            "a_ip": addresses.ipv4("10.0.0.0/17"),
            "b_ip": addresses.ipv4("10.0.128.0/17"),
        },
        "src_port": draw.named("src_port").integer(1024, 49151),
        "dst_port": draw.named("dst_port").integer(1024, 49151),
    }


def answers(given: Given) -> dict[str, Any]:
    """What belongs into answers.toml."""
    mtu, length = given["underlay_mtu"], given["inner_length"]
    return {
        "header": vxlan_header(given["vni"]).hex(),
        "received_vni": int(given["received_header"][8:14], 16),
        "udp_length": length + UDP_SIZE + VXLAN_SIZE,
        "ip_total_length": length + IPV4_SIZE + UDP_SIZE + VXLAN_SIZE,
        "frame_length": length + OUTER_SIZE,
        "container_mtu": mtu - 50,
        "container_mss": mtu - 50 - 40,
        "wrong_mtu": "b",
    }


# -- task 1 and 7: pencil and paper ----------------------------------------------------------------


def answered(student: Student, given: Given, keys: dict[str, str]) -> None:
    """Fail at the first answer that is wrong; `keys` with what each one is about."""
    found, right = student.toml("answers.toml"), answers(given)
    for key, about in keys.items():
        if found.get(key) in ("", 0, None):
            fail(
                f"answers.toml: {key} is empty: {about}",
                seen=shown(found.get(key)),
                expected="an answer",
            )
    for key, about in keys.items():
        value = found[key]
        if isinstance(right[key], str):
            value = str(value).lower().replace(" ", "").replace(":", "").removeprefix("0x")
        expect(value == right[key], f"answers.toml: {key}: {about}", seen=shown(found[key]))


@check(
    "by-hand",
    "A VXLAN header and the lengths, by hand",
    points=2,
    hidden=False,
    hints=(
        (
            "Draw the 8 bytes as two rows of 32 bits, as in RFC 7348: flags and reserved, VNI and "
            "reserved."
        ),
        (
            "The VNI is 24 bits in the middle: bytes 5, 6 and 7, the highest byte first. Byte 8 is "
            "reserved."
        ),
        (
            "A length field covers its own header and all that follows: UDP counts its 8 bytes, "
            "8 of VXLAN and the inner frame."
        ),
    ),
)
def by_hand(student: Student, given: Given) -> None:
    """Task 1."""
    answered(
        student,
        given,
        {
            "header": "8 bits of flags, 24 reserved, 24 of VNI, 8 reserved",
            "received_vni": "24 of the 64 bits are the VNI, written as a number without quotes, "
            "decimal or 0x...; reserved bits are ignored",
            "udp_length": "it counts UDP header, VXLAN header and inner frame",
            "ip_total_length": "it counts the IP header and all that follows it",
            "frame_length": "the frame is the IP packet and one Ethernet header around it",
        },
    )


# -- task 2 ----------------------------------------------------------------------------------------


@check(
    "header",
    "vxlan_header() builds the 8 bytes",
    hints=(
        "struct.pack('!...') packs in network byte order. There is no format for 24 bits.",
        "Pack two numbers of 32 bits. In the second one the VNI is not at the lowest bit.",
        "The low 8 bits of the second number are reserved, so it is vni << 8.",
    ),
)
def header(student: Student, given: Given) -> None:
    """Task 2."""
    for vni in (given["vni"], 1, 2**24 - 1):
        got = student.call(FILE, "vxlan_header", vni)
        want = vxlan_header(vni)
        if not isinstance(got, bytes):
            fail("vxlan_header has to return bytes", seen=shown(got), expected="8 bytes")
        expect(
            len(got) == 8,
            "a VXLAN header has 8 bytes",
            seen=f"{len(got)} bytes",
            expected="8 bytes",
        )
        flags_only = (
            "the I flag is the one bit 0x08 of the first byte; bit 0x04 would announce VXLAN-GPE"
        )
        expect(
            got[0] == 8,
            f"the flags are wrong: {flags_only}",
            seen=f"0x{got[0]:02x}",
            expected="0x08",
        )
        expect(
            got[4:7] == want[4:7],
            "the VNI is not in bytes 5 to 7, highest byte first: the other VTEP reads another "
            "network",
            seen=got.hex(" "),
            expected="xx xx xx xx " + want[4:7].hex(" ") + " xx",
        )
        expect(
            got == want,
            "reserved bits have to be 0 when sent",
            seen=got.hex(" "),
            expected=want.hex(" "),
        )


# -- task 3 ----------------------------------------------------------------------------------------


@check(
    "port-range",
    "The source port is in 49152..65535 for any inner frame",
    hints=(
        "16384 ports: the dynamic range of RFC 6335, which RFC 7348 recommends.",
        "A hash of any size becomes one of n values by % n.",
        "49152 + hash % 16384; and for a frame without ports hash what it has: its addresses.",
    ),
)
def port_range(student: Student, given: Given) -> None:
    """Task 3: every frame has one."""
    frames = [inner_udp(given, src_port=port) for port in range(1024, 1024 + FLOWS)]
    frames += [inner_arp(given), inner_ipv6(given, 2), inner_arp(given)[:14]]
    frames += [inner_udp(given)[:17], inner_udp(given)[:36], inner_ipv6(given, 2)[:20]]
    for frame in frames:
        port = port_of(student, frame)
        expect(
            49152 <= port <= 65535,
            "the source port is outside of the range that RFC 7348 recommends, 49152..65535",
            seen=str(port),
            expected="49152..65535",
        )


@check(
    "port-one-flow",
    "All frames of a flow have the same source port",
    points=2,
    after="port-range",
    hints=(
        (
            "The underlay may send each source port along another path. Frames of one flow on two "
            "paths get out of order."
        ),
        (
            "Hash only what all frames of a flow share: addresses, protocol, ports. Not lengths, "
            "checksums, IP identification, TTL, data."
        ),
        (
            "A later fragment has no ports, so no fragment may use them. Python's hash() of bytes "
            "differs from run to run: zlib.crc32 does not."
        ),
    ),
)
def port_one_flow(student: Student, given: Given) -> None:
    """Task 3: no reordering."""
    reordered = "two paths through the underlay reorder the flow"

    def same(frames: list[bytes], what: str) -> None:
        ports = [port_of(student, frame) for frame in frames]
        expect(
            len(set(ports)) == 1,
            f"{what} get different source ports: {reordered}",
            seen=", ".join(map(str, ports)),
            expected="one port",
        )

    once = inner_udp(given)
    same([once, once, once], "three equal frames")
    same(
        [once, inner_udp(given, b"other data, and longer")],
        "two datagrams of a flow with different data",
    )
    same(
        [once, inner_udp(given, ident=77, ttl=9)],
        "two datagrams that differ in IP identification and TTL",
    )
    same(
        [inner_tcp(given, 1, b"a" * 50), inner_tcp(given, 51, b"b" * 10)],
        "two segments of a TCP connection",
    )
    pings = [b"\x12\x34\x00\x07\x00\x01", b"\x56\x78\x00\x07\x00\x02"]  # checksum, id, sequence
    same(
        [inner_ip(given, ICMP, b"\x08\x00" + ping) for ping in pings],
        "two pings between the same containers (only TCP and UDP have ports)",
    )
    same(
        [inner_ipv6(given, echo=ping) for ping in pings],
        "two pings over IPv6 (only TCP and UDP have ports)",
    )
    datagram = udp(given["src_port"], given["dst_port"], bytes(range(200)))
    parts = [(0x2000, datagram[:80]), (10, datagram[80:160]), (20, datagram[160:])]
    same(
        [inner_ip(given, UDP, part, ident=5, fragment=fragment) for fragment, part in parts],
        "the fragments of one datagram (only the first one has the ports)",
    )
    before = port_of(student, once)
    student.restart(hash_seed=1)
    after = port_of(student, once)
    expect(
        before == after,
        "the same frame gets another port after a restart: Python's hash() differs from process "
        "to process",
        seen=f"{before}, then {after}",
        expected="one port",
    )


@check(
    "port-spread",
    "Flows are spread over many source ports",
    points=2,
    after="port-range",
    hints=(
        (
            "The source port is all that the underlay sees of the flow. One port means one path, "
            "one receive queue, one core."
        ),
        (
            "Flows may differ in any one of: source address, destination address, source port, "
            "destination port. Each must count."
        ),
        "Hash the bytes of addresses, protocol and ports together, for example with zlib.crc32.",
    ),
)
def port_spread(student: Student, given: Given) -> None:
    """Task 3: entropy."""
    base = 20000
    kinds: dict[str, Callable[[int], bytes]] = {
        "source port": lambda n: inner_udp(given, src_port=base + n),
        "destination port": lambda n: inner_udp(given, dst_port=base + n),
        "source address": lambda n: inner_udp(given, src=f"10.9.{n // 16}.{n % 16 + 1}"),
        "destination address": lambda n: inner_udp(given, dst=f"10.9.{n // 16}.{n % 16 + 1}"),
        "protocol": lambda n: inner_ip(given, n, b"\x30\x39\x00\x50" + bytes(16)),
        "source port, behind IP options": lambda n: inner_udp(
            given, src_port=base + n, options=b"\x01" * 8
        ),
        "destination address (IPv6)": lambda n: inner_ipv6(given, n + 2),
        "source port (IPv6)": lambda n: inner_ipv6(given, src_port=base + n),
        "source MAC address (ARP)": lambda n: arp_request(
            f"02:00:00:00:{n // 256:02x}:{n % 256:02x}", given["hosts"]["a_ip"], "10.0.0.1"
        ),
    }
    for name, make in kinds.items():
        ports = {port_of(student, make(n)) for n in range(FLOWS)}
        expect(
            len(ports) >= FEWEST,
            f"{FLOWS} flows that differ in their {name} share too few source ports: they share "
            "paths and cores",
            seen=f"{len(ports)} ports",
            expected=f"{FEWEST} or more",
        )


# -- task 4 ----------------------------------------------------------------------------------------


@check(
    "outer-ethernet",
    "The outer Ethernet header is the next hop's",
    hints=(
        "The outer MAC addresses are those of the link in the underlay, not of the containers.",
    ),
)
def outer_ethernet(student: Student, given: Given) -> None:
    """Task 4: 14 bytes."""
    frame, tunnel = encapsulated(student, given, inner_udp(given)), given["tunnel"]
    for what, at, want in (("destination", 0, "dst_mac"), ("source", 6, "src_mac")):
        expect(
            frame[at : at + 6] == mac(tunnel[want]),
            f"the outer {what} MAC is not tunnel['{want}']",
            seen=frame[at : at + 6].hex(":"),
            expected=tunnel[want],
        )
    ether_type = frame[12:14].hex()
    expect(
        ether_type == "0800",
        "the outer EtherType is not IPv4's",
        seen=f"0x{ether_type}",
        expected="0x0800",
    )


@check(
    "outer-ip",
    "The outer IPv4 header is right: addresses, length, checksum",
    points=2,
    hints=(
        (
            "The total length covers the IP header and everything behind it: UDP, VXLAN, the inner "
            "frame."
        ),
        (
            "Scapy computes len and chksum when you leave them alone, over the whole payload that "
            "you give it."
        ),
        (
            "bytes(Ether()/IP()/UDP()/Raw(header + inner)) has all lengths right. VTEPs set DF "
            "(flags='DF')."
        ),
    ),
)
def outer_ip(student: Student, given: Given) -> None:
    """Task 4: 20 bytes."""
    for inner in (inner_udp(given), inner_udp(given, bytes(1001)), inner_arp(given)):
        frame = encapsulated(student, given, inner)
        packet, tunnel = frame[14:], given["tunnel"]
        expect(
            packet[0] == 0x45,
            "version and header length are not 4 and 5",
            f"0x{packet[0]:02x}",
            "0x45",
        )
        expect(
            packet[9] == UDP, "the outer protocol is not UDP", seen=str(packet[9]), expected="17"
        )
        for what, at, want in (("source", 12, "src_ip"), ("destination", 16, "dst_ip")):
            expect(
                packet[at : at + 4] == ip(tunnel[want]),
                f"the outer {what} address is not tunnel['{want}']",
                seen=address(packet[at : at + 4]),
                expected=tunnel[want],
            )
        total, right = int.from_bytes(packet[2:4], "big"), len(inner) + 36
        expect(
            total == right,
            "the outer total length is not that of the IP header and all behind it: the receiver "
            "cuts the inner frame",
            seen=str(total),
            expected=f"{right} for an inner frame of {len(inner)} bytes",
        )
        expect(
            checksum(packet[:20]) == 0,
            "the outer IP header's checksum is wrong: the first router drops the frame",
        )
        fragment = int.from_bytes(packet[6:8], "big")
        expect(
            fragment == 0x4000,
            "a VTEP must not fragment (RFC 7348, section 4.3): set DF, and no fragment offset",
            seen=f"0x{fragment:04x}",
            expected="0x4000",
        )
        expect(
            packet[8] >= 2,
            "the outer TTL does not last for one router",
            str(packet[8]),
            "64, for example",
        )


@check(
    "outer-udp",
    "The outer UDP header is right: ports, length, checksum 0",
    points=2,
    hints=(
        "The destination port is VXLAN's, 4789. The source port is source_port(inner).",
        (
            "Over IPv4 the outer checksum SHOULD be 0 (RFC 7348): 'not computed'. Ethernet and the "
            "inner checksums protect the data."
        ),
        (
            "Scapy fills in every field that is None, the checksum too. UDP(..., chksum=0) keeps "
            "it out."
        ),
    ),
)
def outer_udp(student: Student, given: Given) -> None:
    """Task 4: 8 bytes."""
    inner = inner_udp(given)
    datagram = encapsulated(student, given, inner)[34:]
    source, port, length, sum_ = struct.unpack_from("!HHHH", datagram)
    expect(
        port == VXLAN_PORT,
        "the destination port is not VXLAN's: nobody decapsulates",
        str(port),
        "4789",
    )
    right = len(inner) + 16
    expect(
        length == right,
        "the UDP length is not that of UDP header, VXLAN header and inner frame",
        seen=str(length),
        expected=str(right),
    )
    expect(
        sum_ == 0,
        "the outer UDP checksum is not 0: it SHOULD be (RFC 7348), since the inner packet has its "
        "own, and computing another one over the same bytes costs time",
        seen=f"0x{sum_:04x}",
        expected="0x0000",
    )
    ports = {
        int.from_bytes(
            encapsulated(student, given, inner_udp(given, src_port=20000 + n))[34:36], "big"
        )
        for n in range(8)
    }
    expect(
        len(ports) > 1,
        "all flows leave with one source port: the underlay cannot tell them apart, all take one "
        "path and one core",
        seen=f"{source} for 8 flows",
        expected="source_port(inner)",
    )
    expect(min(ports) >= 49152, "the source port is not in 49152..65535", seen=str(min(ports)))


@check(
    "inner-untouched",
    "VXLAN header and inner frame stand behind it, unchanged",
    points=2,
    hints=(
        (
            "Behind the UDP header come the 8 bytes of vxlan_header(vni), then the inner frame, "
            "byte for byte."
        ),
        (
            "No FCS: the inner frame's check sequence does not travel, and the outer one is the "
            "network card's work."
        ),
        (
            "With Scapy's VXLAN()/Ether(inner) Scapy chooses the flags for you. "
            "Raw(vxlan_header(vni) + inner) does not."
        ),
    ),
)
def inner_untouched(student: Student, given: Given) -> None:
    """Task 4: the payload."""
    odd = inner_udp(given, b"odd number of bytes")
    for inner in (
        inner_udp(given),
        odd,
        inner_arp(given),
        inner_ipv6(given, 7),
        odd[:14] + bytes(3),
    ):
        payload = encapsulated(student, given, inner)[42:]
        got, want = payload[:8], vxlan_header(given["vni"])
        expect(
            got[:1] == b"\x08",
            "in the frame the VXLAN flags are wrong: only the I flag is set, 0x04 would announce "
            "VXLAN-GPE",
            seen=got.hex(" "),
            expected=want.hex(" "),
        )
        expect(
            got == want,
            "the VXLAN header in the frame is wrong",
            seen=got.hex(" "),
            expected=want.hex(" "),
        )
        extra = len(payload) - 8 - len(inner)
        expect(
            extra <= 0,
            "there are bytes behind the inner frame: neither padding nor FCS belong there",
            seen=f"{extra} bytes more than the inner frame has",
            expected=f"{len(inner)} bytes",
        )
        expect(
            payload[8:] == inner,
            "the inner frame was changed on its way into the tunnel",
            seen=f"{len(payload) - 8} bytes, {shown(payload[8:].hex())}",
            expected=f"{len(inner)} bytes, {shown(inner.hex())}",
        )


# -- tasks 5 and 6 ---------------------------------------------------------------------------------


@check(
    "decapsulate",
    "A plain VXLAN frame is decapsulated",
    hints=(
        "Without options and tags the inner frame begins after 14 + 20 + 8 + 8 bytes.",
        "The VNI is int.from_bytes(header[4:7], 'big').",
    ),
)
def decapsulate(student: Student, given: Given) -> None:
    """Task 5: the good case."""
    for inner in (
        inner_udp(given),
        inner_arp(given),
        inner_ipv6(given, 3),
        inner_udp(given, bytes(1350)),
    ):
        taken(
            student,
            given,
            outer(given, inner),
            inner,
            "a plain VXLAN frame is not decapsulated as it should be",
        )
    back = encapsulated(student, given, inner_udp(given))
    taken(student, given, back, inner_udp(given), "decapsulate does not undo what encapsulate made")


@check(
    "hostile",
    "Frames that are not for this VTEP, or lie about their length, are dropped",
    points=3,
    after="decapsulate",
    hints=(
        (
            "Return None before you use a byte that may not be there. Test every condition, from "
            "the outside to the inside."
        ),
        (
            "EtherType, IP version, IHL, total length, protocol, fragment, destination address, "
            "UDP port, UDP length, I flag."
        ),
        (
            "Cut the data to the IP total length first, then look whether 8 bytes of UDP, 8 of "
            "VXLAN and 14 of Ethernet are left."
        ),
    ),
)
def hostile(student: Student, given: Given) -> None:
    """Task 6: what must be dropped."""
    inner = inner_udp(given)
    good = outer(given, inner)
    no_flag = b"\x00" + vxlan_header(given["vni"])[1:]

    def drops(message: str, **changes: Any) -> None:
        dropped(student, given, outer(given, changes.pop("data", inner), **changes), message)

    drops("a datagram to another UDP port is not VXLAN, but it was decapsulated", port=53)
    drops(
        "without the I flag there is no valid VNI: the frame MUST NOT be delivered", header=no_flag
    )
    drops(
        "another VTEP's frame was decapsulated: compare the outer destination address",
        dst="172.31.9.9",
    )
    drops("a TCP segment was decapsulated: look at the IP protocol", protocol=TCP)
    drops("a frame that is not IPv4 was decapsulated: look at the EtherType", ether_type=IPV6_TYPE)
    drops("a packet of IP version 6 behind EtherType 0x0800 was decapsulated", version=6)
    drops("a fragment was decapsulated: its bytes are not a whole datagram", fragment=0x2000)
    drops("a later fragment was decapsulated: it does not even have a UDP header", fragment=0x0040)
    drops(
        "the UDP length is larger than the IP packet, and the frame was decapsulated all the same",
        length=len(inner) + 17,
    )
    drops(
        "the UDP length leaves no room for a VXLAN header, and the frame was decapsulated",
        length=10,
    )
    drops("the inner frame is shorter than an Ethernet header, and was delivered", data=inner[:13])
    short_total = "the IP total length ends inside the headers, and the frame was decapsulated"
    drops(short_total, total=30)
    for length in range(len(good)):
        cut = good[:length]
        dropped(
            student,
            given,
            cut,
            f"only the first {length} bytes of a frame arrived, and it was decapsulated",
        )


@check(
    "tolerant",
    "Unusual but correct frames are decapsulated as well",
    points=3,
    after="decapsulate",
    hints=(
        (
            "Be liberal in what you accept: reserved bits, options, a VLAN tag and padding do not "
            "make a frame wrong."
        ),
        (
            "Find each header by what the one before says: EtherType 0x8100 adds 4 bytes; IHL "
            "counts words of 4 bytes."
        ),
        (
            "The IP total length and the UDP length say where the data ends. What comes after is "
            "Ethernet's padding."
        ),
    ),
)
def tolerant(student: Student, given: Given) -> None:
    """Task 6: what must be accepted."""
    inner = inner_udp(given)

    def accepts(message: str, data: bytes = inner, **changes: Any) -> None:
        taken(student, given, outer(given, data, **changes), data, message)

    reserved = bytearray(vxlan_header(given["vni"]))
    reserved[1:4], reserved[7] = b"\x12\x34\x56", 0x99
    accepts(
        "reserved bits MUST be ignored on receipt (RFC 7348), but they change the result",
        header=bytes(reserved),
    )
    reserved[0] = 0xF8 | 0x07
    accepts(
        "the other flag bits are reserved and MUST be ignored (RFC 7348): only the I flag counts",
        header=bytes(reserved),
    )
    accepts("a VLAN tag outside (EtherType 0x8100) moves all headers by 4 bytes", tag=100)
    accepts(
        "IP options make the outer IP header longer than 20 bytes: IHL says how long",
        options=b"\x01" * 8,
    )
    arp = inner_arp(given)[:14] + b"\x88\xb5" + b"short"  # 21 bytes in the tunnel: 71 on the wire
    accepts("a short inner frame is not decapsulated as it should be", arp)
    accepts("an inner frame may be as short as its Ethernet header, 14 bytes", inner[:14])
    padded = outer(given, inner) + bytes(7)
    taken(
        *(student, given, padded, inner),
        "padding behind the IP packet became part of the inner frame: the IP total length says "
        "where the packet ends",
    )
    more = outer(given, inner + b"more", length=len(inner) + UDP_SIZE + VXLAN_SIZE)
    taken(
        *(student, given, more, inner),
        "bytes behind the UDP datagram became part of the inner frame: the UDP length says where "
        "the datagram ends",
    )
    datagram = udp(50000, VXLAN_PORT, vxlan_header(given["vni"]) + inner)
    ends = given["tunnel"]["src_ip"], given["tunnel"]["dst_ip"]
    accepts(
        "a UDP checksum that is not 0, and right, does not make a frame wrong",
        sum_=udp_checksum(*ends, datagram),
    )
    accepts("any source port is right: it is only the sender's hash", source=3440)


# -- task 7 ----------------------------------------------------------------------------------------


@check(
    "mtu",
    "inner_mtu() leaves room for the tunnel",
    hints=(
        (
            "The underlay's MTU limits its IP packet. What is inside of that packet before the "
            "container's IP packet begins?"
        ),
        (
            "Outer IP (20 or 40), UDP 8, VXLAN 8, and the inner Ethernet header, 14. The outer "
            "Ethernet header does not count."
        ),
        "A tag of the inner frame takes 4 more.",
    ),
)
def mtu(student: Student, given: Given) -> None:
    """Task 7."""
    cases = (
        (4, False, 50, "over IPv4"),
        (6, False, 70, "over IPv6, whose header has 40 bytes"),
        (4, True, 54, "with a tag in the inner frame"),
        (6, True, 74, "over IPv6 with a tag in the inner frame"),
    )
    for version, tag, less, what in cases:
        for underlay in (1500, given["underlay_mtu"]):
            got = student.call(FILE, "inner_mtu", underlay, outer_ip_version=version, inner_tag=tag)
            expect(
                got == underlay - less,
                f"inner_mtu({underlay}) {what} is wrong: the longest frames are lost, or room is "
                "wasted",
                seen=shown(got),
            )


@check(
    "mtu-by-hand",
    "The MTU by hand, and what a wrong one breaks",
    points=2,
    hidden=False,
    hints=(
        (
            "IP, UDP, VXLAN and the inner Ethernet header fit into the underlay's MTU before the "
            "container's packet begins."
        ),
        "The MSS is what is left of the MTU behind 20 bytes of IP and 20 of TCP.",
        "Small packets fit. Which packets of a TCP connection are the first ones that do not?",
    ),
)
def mtu_by_hand(student: Student, given: Given) -> None:
    """Task 7, the questions."""
    answered(
        student,
        given,
        {
            "container_mtu": "outer IP, UDP, VXLAN, inner Ethernet come first",
            "container_mss": "an IPv4 and a TCP header fit into the MTU as well",
            "wrong_mtu": "small packets fit, full ones do not, and nobody tells the sender",
        },
    )


# -- extra -----------------------------------------------------------------------------------------


@check(
    "wireshark",
    "Wireshark reads your frames as VXLAN",
    points=0,
    needs=("tshark",),
    hints=("Open mine.pcap and compare the tree with the picture of the 50 bytes.",),
)
def wireshark(student: Student, given: Given) -> None:
    """Tshark dissects a capture of the student's frames."""
    inner = [inner_udp(given, src_port=20000 + n) for n in range(3)]
    frames = [encapsulated(student, given, each) for each in inner]
    read = student.trial("dissect", frames=frames)
    want = [[str(given["vni"]), given["hosts"]["b_ip"], str(20000 + n)] for n in range(3)]
    expect(
        read == want,
        "tshark does not find VNI, inner address and inner port",
        shown(read),
        shown(want),
    )
