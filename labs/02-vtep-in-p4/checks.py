"""The checks of lab 2: frames go in, and what leaves is compared byte by byte.

The student's program, or the tables with the student's choices, runs in the worker; frames, the
controller's entries and what is expected are made here.
"""

from __future__ import annotations

import struct

from labs.checking import Draw, Student, beside, check, expect, fail
from labs.frames import (
    ARP_TYPE,
    OUTER_SIZE,
    arp_request,
    checksum,
    ip,
    mac,
    vxlan_header,
)
from labs.vtep import (
    Given,
    from_machine,
    from_tunnel,
    network,
    packet_of,
    plain,
    tagged,
    various,
)

leaving = beside(__file__, "leaving")
switch = beside(__file__, "switch")
OUTER_FIELDS = leaving.OUTER_FIELDS
TAG_FIELDS = leaving.TAG_FIELDS
defined = leaving.defined
flooded = leaving.flooded
ips = leaving.ips
macs = leaving.macs
only = leaving.only
ports_of = leaving.ports_of
tunnelled = leaving.tunnelled
left = switch.left
run = switch.run

FLOWS, FEWEST = 64, 48


def parameters(draw: Draw) -> Given:
    """The student's network."""
    return network(draw)


# -- task 1 ----------------------------------------------------------------------------------------


@check(
    "program",
    "The program compiles and takes the controller's entries",
    hints=(
        "The line number in the message is that of vtep.p4, or of choices.txt.",
        "Names of tables, actions and parameters are the controller's interface: leave them as "
        "they were.",
    ),
)
def takes_entries(student: Student, given: Given) -> None:
    """Task 0: nothing is filled in yet, and it runs."""
    run(student, given, [])


@check(
    "encapsulate",
    "A frame to a known container far away leaves encapsulated",
    points=3,
    after="program",
    hints=(
        "python look.py encapsulate shows what your program does with such a frame, step by step.",
        "A header leaves only if it is valid: setValid() first, then its fields. And only if the "
        "deparser emits it.",
        "emit in the order of the wire: the four outer headers, then ethernet, vlan, ipv4, ports. "
        'With way = "tables" this is done: vxlan_fields has the VXLAN header.',
    ),
)
def encapsulate(student: Student, given: Given) -> None:
    """Task 1: headers and addresses."""
    arp = arp_request(given["hosts"]["red_a"], "10.0.0.11", "10.0.0.21")[14:]
    for place, host in ((0, "red_c"), (1, "red_d")):
        frame = plain(given, "red_a", host)
        (out,) = left(student, given, from_machine(given, frame))
        what = "a frame to a container behind another VTEP"
        data = only(out, given["underlay_ports"][place], what)
        expect(
            len(data) >= len(frame) + OUTER_SIZE,
            f"{what} leaves with too few bytes in front: a header is not valid, or not emitted",
            seen=f"{len(data) - len(frame)} bytes",
            expected=f"{OUTER_SIZE}: Ethernet 14, IPv4 20, UDP 8, VXLAN 8",
        )
        payload = tunnelled(given, data, place, what)[1]
        expect(
            payload[:1] == b"\x08",
            "the VXLAN flags are not the I flag alone",
            seen=payload[:8].hex(" "),
            expected="08 00 00 00, VNI, 00",
        )
        want = vxlan_header(given["red"]["vni"])
        expect(
            payload[:8] == want,
            "the VXLAN header does not have the VNI of this port and VLAN, and reserved bits 0",
            seen=payload[:8].hex(" "),
            expected=want.hex(" "),
        )
        fragment = data[20:22].hex()
        expect(fragment == "4000", "a VTEP does not fragment: DF is to be set", fragment, "4000")
        expect(
            data[22] > 1,
            "the outer TTL is used up by the first router",
            data[22],
            "64, for example",
        )
    (out,) = left(
        student, given, from_machine(given, plain(given, "red_a", "red_c", arp, ARP_TYPE))
    )
    data = only(out, given["underlay_ports"][0], "an ARP frame to a known container far away")
    expect(
        data[22] > 1,
        "the outer TTL is that of the inner packet, and ARP has none: the first router drops it",
        data[22],
        "64, for example",
    )


@check(
    "inner",
    "The frame in the tunnel is the container's, without the tag",
    points=2,
    after="encapsulate",
    hints=(
        "The tag is local to a port: it means the tenant on this port only. In the tunnel the "
        "VNI takes its place.",
        "Without the tag, what does the EtherType of the Ethernet header have to be?",
        "hdr.ethernet.ether_type = hdr.vlan.ether_type, then hdr.vlan.setInvalid(). "
        "In choices.txt: access_tag.",
    ),
)
def inner(student: Student, given: Given) -> None:
    """Task 1: the payload."""
    frames = various(given)
    outs = left(student, given, *(from_machine(given, frame) for frame in frames))
    for frame, out in zip(frames, outs, strict=True):
        data = only(out, given["underlay_ports"][0], "a frame to a container behind another VTEP")
        got = tunnelled(given, data, 0, "the frame")[1][8:]
        if got == frame:
            continue
        expect(
            got[12:14] != b"\x81\x00",
            "the frame in the tunnel still begins with the access port's tag (EtherType 0x8100)",
            seen=f"{got[:18].hex(' ')} …",
            expected=f"{frame[:18].hex(' ')} …",
        )
        fail(
            "the frame in the tunnel is not the one that the container sent",
            seen=f"{len(got)} bytes: {got[:24].hex(' ')} …",
            expected=f"{len(frame)} bytes: {frame[:24].hex(' ')} …",
        )


@check(
    "lengths",
    "Outer lengths and checksums are right for every frame",
    points=2,
    after="encapsulate",
    hints=(
        "total_len counts the IP header and all behind it. What is behind it that meta.frame_len "
        "does not count?",
        "Not every frame has an inner IPv4 header: ARP and IPv6 do not. meta.frame_len is right "
        "for all.",
        "IP: frame_len + 20 + 8 + 8. UDP: frame_len + 8 + 8. update_checksum needs "
        "hdr.outer_ipv4.isValid() as its condition. In choices.txt: outer_lengths and "
        "outer_checksums.",
    ),
)
def lengths(student: Student, given: Given) -> None:
    """Task 1: lengths and checksums."""
    frames = various(given)
    outs = left(student, given, *(from_machine(given, frame) for frame in frames))
    for frame, out in zip(frames, outs, strict=True):
        data = only(out, given["underlay_ports"][0], "a frame to a container behind another VTEP")
        tunnelled(given, data, 0, "the frame")
        total, (length, sum_) = (
            struct.unpack_from("!H", data, 16)[0],
            struct.unpack_from("!HH", data, 38),
        )
        kind = f"an inner frame of {len(frame)} bytes, EtherType 0x{frame[12:14].hex()}"
        expect(
            total == len(frame) + 36,
            "the outer IP total length is wrong: the next router drops the packet or cuts it off",
            seen=f"{total} for {kind}",
            expected=len(frame) + 36,
        )
        expect(
            length == len(frame) + 16,
            "the outer UDP length is not that of UDP header, VXLAN header and inner frame",
            seen=f"{length} for {kind}",
            expected=len(frame) + 16,
        )
        expect(
            checksum(data[14:34]) == 0,
            "the outer IP checksum is wrong or missing: the first router drops the packet",
            seen=f"0x{data[24:26].hex()}",
            expected=f"0x{checksum(data[14:24] + bytes(2) + data[26:34]):04x}",
        )
        expect(
            sum_ == 0,
            "the outer UDP checksum is to be 0, as nothing computes it",
            f"0x{sum_:04x}",
            "0x0000",
        )


@check(
    "undefined",
    "Every field has a value that the program gave it",
    points=2,
    after="lengths",
    hints=(
        "setValid() writes no field. Go through the struct of each new header: which field does "
        "your action leave out?",
        "A field is also undefined when it is computed from a header that this frame does not "
        "have: ARP has no hdr.ipv4. And after setInvalid() a header has no fields any more.",
        "Write 0 into tos, identification, reserved, more_fragments, frag_offset, checksum of UDP, "
        "reserved1 and reserved2; read hdr.vlan.ether_type before hdr.vlan.setInvalid().",
    ),
)
def undefined(student: Student, given: Given) -> None:
    """Task 1: no field is left to chance. The source port is task 2's."""
    frames = [from_machine(given, frame) for frame in various(given)]
    defined(student, given, frames, [one for one in OUTER_FIELDS if one[0] != 34])


# -- task 2 ----------------------------------------------------------------------------------------


@check(
    "entropy",
    "The tunnel's source port is a hash of the inner flow",
    points=2,
    after="encapsulate",
    hints=(
        "hash(result, algorithm, base, data, max) gives base + H mod max.",
        "Which fields are equal in all frames of a flow, and differ between flows? Take all of "
        "those, and no others.",
        "base 16w49152, max 32w16384, data: both MAC addresses and the five meta.flow_ fields. "
        "In choices.txt: entropy.",
    ),
)
def entropy(student: Student, given: Given) -> None:
    """Task 2."""

    def source_ports(payloads: list[bytes]) -> list[int]:
        frames = [from_machine(given, plain(given, "red_a", "red_c", each)) for each in payloads]
        outs = left(student, given, *frames)
        return [
            tunnelled(given, only(out, given["underlay_ports"][0], "a frame"), 0, "a frame")[0]
            for out in outs
        ]

    one = [
        packet_of(given),
        packet_of(given, b"longer data", ident=9),
        packet_of(given, ident=3, ttl=8),
    ]
    kinds = {
        "source port": [packet_of(given, src_port=2000 + n) for n in range(FLOWS)],
        "destination port": [packet_of(given, dst_port=2000 + n) for n in range(FLOWS)],
        "IP address": [packet_of(given, dst=f"10.0.1.{n + 1}") for n in range(FLOWS)],
    }
    ports = source_ports([*one, *(packet for packets in kinds.values() for packet in packets)])
    wrong = [port for port in ports if not 49152 <= port <= 65535]
    expect(not wrong, "a source port is outside of 49152..65535", wrong[:1], "49152..65535")
    same = ports[: len(one)]
    expect(
        len(set(same)) == 1,
        "packets of one flow get different source ports: the underlay will reorder the flow",
        seen=same,
        expected="one port",
    )
    frames = [from_machine(given, frame) for frame in various(given)]
    defined(student, given, frames, [field for field in OUTER_FIELDS if field[0] == 34])
    for place, name in enumerate(kinds):
        start = len(one) + place * FLOWS
        found = len(set(ports[start : start + FLOWS]))
        expect(
            found >= FEWEST,
            f"{FLOWS} flows that differ in their {name} share too few source ports: one path, "
            "one core",
            seen=f"{found} ports",
            expected=f"{FEWEST} or more",
        )


# -- task 3 ----------------------------------------------------------------------------------------


@check(
    "decapsulate",
    "A frame from the tunnel is delivered, tagged, without the outer headers",
    points=3,
    after="program",
    hints=(
        "python look.py decapsulate shows it. The parser has to reach parse_inner, and four "
        "headers have to go.",
        "setInvalid() for each outer header. The tag is new: setValid(), and all of its fields.",
        "The tag's ether_type is the one that the Ethernet header had; the Ethernet header's "
        "becomes 0x8100. In choices.txt: tunnel, outer_headers, deliver_tag.",
    ),
)
def decapsulate(student: Student, given: Given) -> None:
    """Task 3: delivery."""
    reserved = bytearray(vxlan_header(given["red"]["vni"]))
    reserved[1:4], reserved[7] = b"\xaa\xbb\xcc", 0xDD
    also = bytearray(vxlan_header(given["red"]["vni"]))
    also[0] |= 0x84
    hosts = given["hosts"]
    arp = arp_request(hosts["red_c"], "10.0.0.31", "10.0.0.11")[14:]
    frames = [plain(given, "red_c", "red_a"), plain(given, "red_c", "red_a", arp, ARP_TYPE)]
    cases = [(frame, b"", "a frame from the tunnel") for frame in frames]
    cases.append(
        (frames[0], bytes(reserved), "a frame with reserved bits set, which a receiver ignores,")
    )
    cases.append(
        (
            frames[0],
            bytes(also),
            "a frame with other flags beside the I flag, which a receiver ignores,",
        )
    )
    sent = [from_tunnel(given, frame, header=header) for frame, header, _ in cases]
    for (frame, _, what), out in zip(cases, left(student, given, *sent), strict=True):
        got = only(out, given["access_ports"][0], what)
        want = tagged(frame, given["red"]["vids"][0])
        if got == want:
            continue
        expect(
            len(got) <= len(want),
            f"{what} is delivered with outer headers still in front: each of the four has to go",
            seen=f"{len(got)} bytes",
            expected=f"{len(want)} bytes: the frame and a tag",
        )
        expect(
            got[12:16] == want[12:16],
            f"{what} is delivered without the tag of its tenant on this port",
            seen=got[12:18].hex(" "),
            expected=want[12:18].hex(" "),
        )
        fail(
            f"{what} is not delivered as the far container sent it",
            seen=f"{got[:26].hex(' ')} …",
            expected=f"{want[:26].hex(' ')} …",
        )
    defined(student, given, [from_tunnel(given, frame) for frame in frames], TAG_FIELDS)


@check(
    "refuse",
    "What is not for this VTEP is dropped",
    points=2,
    after="decapsulate",
    hints=(
        "Without the I flag, the VNI is not valid: look at the flags in parse_vxlan, with a mask.",
        "A frame for which nobody sets egress_spec leaves by port 0. mark_to_drop first, then "
        "decide.",
        "mark_to_drop(std_meta) as the first statement of the ingress; a later write to "
        "egress_spec undoes it. In choices.txt: tunnel and undecided.",
    ),
)
def refuse(student: Student, given: Given) -> None:
    """Task 3 and 4: drops."""
    frame = plain(given, "red_c", "red_a")
    no_flag = b"\x00" + vxlan_header(given["red"]["vni"])[1:]
    other = b"\xf7" + no_flag[1:]
    unused = next(
        vni for vni in range(77, 99) if vni not in (given["red"]["vni"], given["blue"]["vni"])
    )
    access = given["access_ports"]
    vid = next(vid for vid in range(4000, 4094) if vid not in given["red"]["vids"])
    cases = {
        "a VXLAN header without the I flag": from_tunnel(given, frame, header=no_flag),
        "a VXLAN header with every flag but the I flag": from_tunnel(given, frame, header=other),
        "a packet to UDP port 8472": from_tunnel(given, frame, port=8472),
        "a packet to another VTEP": from_tunnel(given, frame, dst="192.0.2.1"),
        "a frame of a VNI that is not here": from_tunnel(given, frame, header=vxlan_header(unused)),
        "a frame with a VLAN that is not in access_vni": (
            access[0],
            tagged(plain(given, "red_a", "red_c"), vid),
        ),
        "an untagged frame that is no VXLAN": (access[0], plain(given, "red_a", "red_c")),
    }
    for what, out in zip(cases, left(student, given, *cases.values()), strict=True):
        expect(not out, f"{what} is not dropped", ports_of(out), "nothing leaves")


# -- task 4 ----------------------------------------------------------------------------------------


@check(
    "flood",
    "Broadcast and unknown addresses are flooded to all of the tenant, once each",
    points=2,
    after="encapsulate",
    hints=(
        "A frame whose destination is not in dmac goes to the multicast group of its VNI: "
        "flood_group.",
        "std_meta.mcast_grp makes the copies. In the egress, replica says which copy is which.",
        "action flood: meta.flooded = 1 and std_meta.mcast_grp = group. No copy may leave by the "
        "port of arrival. In choices.txt: unknown_destination and leaves.",
    ),
)
def flood(student: Student, given: Given) -> None:
    """Task 4: ingress replication."""
    access, underlay, hosts = given["access_ports"], given["underlay_ports"], given["hosts"]
    arp = arp_request(hosts["red_a"], "10.0.0.11", "10.0.0.99")
    for frame, what in (
        (arp, "a broadcast"),
        (plain(given, "red_a", "unknown"), "a frame to an unknown address"),
    ):
        out = flooded(student, given, from_machine(given, frame), [access[1], *underlay], what)
        by_port = dict(out)
        want = tagged(frame, given["red"]["vids"][1])
        expect(
            by_port[access[1]] == want,
            "the copy for the other access port does not have the tag of that port",
            seen=by_port[access[1]][12:18].hex(" "),
            expected=want[12:18].hex(" "),
        )
        for place, port in enumerate(underlay):
            copy = by_port[port]
            expect(
                copy[12:14] != b"\x81\x00",
                f"the copy of {what} for a VTEP leaves as it came, with its tag: table replica, "
                "which says what a copy is, is looked up for frames with meta.flooded = 1",
                seen=f"port {port}: {copy[:18].hex(' ')} …",
                expected="outer Ethernet, IPv4, UDP, VXLAN in front of the frame",
            )
            payload = tunnelled(given, copy, place, f"the copy of {what}")[1]
            expect(
                payload[8:] == frame,
                "a copy in the tunnel is not the container's frame",
                seen=f"{payload[8:32].hex(' ')} …",
                expected=f"{frame[:24].hex(' ')} …",
            )
    frame = arp_request(hosts["blue_a"], "10.0.0.11", "10.0.0.99")
    where = from_machine(given, frame, tenant="blue")
    flooded(
        student,
        given,
        where,
        [underlay[1]],
        "a broadcast of the other tenant, who is not everywhere",
    )


@check(
    "split-horizon",
    "A frame from the tunnel never goes back into a tunnel",
    points=2,
    after="decapsulate",
    hints=(
        "The sender's VTEP has sent a copy to every VTEP already. Who passes it on makes a loop.",
        "In the egress you know both: meta.from_tunnel and meta.to_tunnel.",
        "Drop in the egress if egress_port == ingress_port, or if from_tunnel and to_tunnel are "
        "both 1. Unicast as well. In choices.txt: two lines of leaves; MASK 0 asks nothing of a key.",
    ),
)
def split_horizon(student: Student, given: Given) -> None:
    """Task 4: no loops."""
    access, hosts = given["access_ports"], given["hosts"]
    arp = arp_request(hosts["red_c"], "10.0.0.31", "10.0.0.99")
    (out,) = left(student, given, from_tunnel(given, arp))
    into = [port for port, _ in out if port in given["underlay_ports"]]
    expect(
        not into,
        "a broadcast from one VTEP is flooded to another VTEP: frames circle in the underlay for "
        "ever",
        seen=ports_of(out),
        expected=", ".join(f"port {port}" for port in access),
    )
    expect(
        sorted(port for port, _ in out) == sorted(access),
        "a broadcast from the tunnel does not reach each access port of its tenant once",
        seen=ports_of(out),
        expected=", ".join(f"port {port}" for port in access),
    )
    (out,) = left(student, given, from_tunnel(given, plain(given, "red_c", "red_d")))
    expect(
        not out,
        "a frame from one VTEP to an address behind another VTEP is sent on: its sender should "
        "have sent it there",
        seen=ports_of(out),
        expected="nothing leaves",
    )
    (out,) = left(student, given, from_machine(given, plain(given, "red_b", "red_a")))
    expect(
        not out, "a frame goes back to the port that it came from", ports_of(out), "nothing leaves"
    )


@check(
    "tenants",
    "Two tenants with the same MAC address stay apart",
    after="encapsulate",
    hints=("Every look-up has meta.vni in its key: is meta.vni set for frames of both kinds?",),
)
def tenants(student: Student, given: Given) -> None:
    """Task 4: the VNI separates."""
    red, blue = plain(given, "red_a", "red_c"), plain(given, "blue_a", "blue_c")
    frames = from_machine(given, red), from_machine(given, blue, tenant="blue")
    for (tenant, place), out in zip(
        (("red", 0), ("blue", 1)), left(student, given, *frames), strict=True
    ):
        data = only(out, given["underlay_ports"][place], f"a frame of the {tenant} tenant")
        vni = int.from_bytes(tunnelled(given, data, place, f"a frame of {tenant}")[1][4:7], "big")
        expect(
            vni == given[tenant]["vni"],
            "a frame carries another tenant's VNI",
            vni,
            given[tenant]["vni"],
        )


# -- task 5 ----------------------------------------------------------------------------------------


@check(
    "learn",
    "The controller is told about unknown source addresses, and where they are",
    points=3,
    after="program",
    hints=(
        "python look.py learn shows the digest. It has four fields: VNI, MAC address, port, VTEP.",
        "The inner source address is the container's. The outer one is a router's, and the same "
        "for all.",
        "From a machine: port of arrival, VTEP 0. From the tunnel: port 0, the outer source IP "
        "address. In choices.txt: seen_address, seen_place, smac.",
    ),
)
def learn(student: Student, given: Given) -> None:
    """Task 5."""
    hosts, access, vteps = given["hosts"], given["access_ports"], given["remote_vteps"]
    vni, stranger = given["red"]["vni"], hosts["unknown"]
    number = int.from_bytes(mac(stranger), "big")
    cases = (
        (
            from_machine(given, plain(given, "unknown", "red_c"), 1),
            [vni, number, access[1], 0],
            "from a machine",
        ),
        (
            from_tunnel(given, plain(given, "unknown", "red_a"), 1),
            [vni, number, 0, int.from_bytes(ip(vteps[1]), "big")],
            "from the tunnel",
        ),
    )
    for frame, want, what in cases:
        ((_, digests),) = run(student, given, [frame])
        expect(
            len(digests) == 1,
            f"a frame {what} with an unknown source address makes no digest, or several",
            seen=f"{len(digests)} digests",
            expected="1",
        )
        got = digests[0]
        expect(
            len(got) == len(want), "the digest does not have the four fields of mac_learn", seen=got
        )
        source = int.from_bytes(frame[1][6:12], "big")
        expect(
            what == "from a machine" or got[1] != source,
            "the address in the digest is the outer one, of the last router: every container "
            "would be the same",
            seen=macs(got[1]),
            expected=stranger,
        )
        for field, seen, wanted, show in zip(
            ("VNI", "MAC address", "port", "VTEP"), got, want, (str, macs, str, ips), strict=True
        ):
            expect(
                seen == wanted,
                f"the digest of a frame {what} has the wrong {field}",
                seen=show(seen),
                expected=show(wanted),
            )
    known = [
        from_machine(given, plain(given, "red_a", "red_c")),
        from_tunnel(given, plain(given, "red_c", "red_a")),
    ]
    for _, digests in run(student, given, known):
        expect(
            not digests, "a source address that is in smac at its place makes a digest all the same"
        )
    moved = from_machine(given, plain(given, "red_c", "red_b"))
    ((_, digests),) = run(student, given, [moved])
    expect(
        len(digests) == 1 and digests[0][2:] == [access[0], 0],
        "a container that moved from a far machine to this one is not reported at its new place",
        seen=f"{len(digests)} digests",
        expected=f"port {access[0]}, VTEP 0",
    )
