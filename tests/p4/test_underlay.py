"""The underlay: who may send what, routing, ECMP, TTL; and frames for or from the controller."""

import zlib
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.p4.world import (
    CPU_PORT,
    FABRIC_A,
    FABRIC_B,
    M1,
    M2,
    MAC,
    NEIGHBOUR_MAC,
    RED,
    SWITCH_MAC,
    VTEP,
    World,
    from_m1,
    inner,
    ip_int,
    mac_int,
    tagged,
    vxlan,
)
from tests.switch.harness_p4info import Path

pytestmark = pytest.mark.network

LLDP = Ether(src=NEIGHBOUR_MAC[FABRIC_A], dst="01:80:c2:00:00:0e", type=0x88CC) / Raw(bytes(46))
PUNT_LLDP = {"ether_type": (0x88CC, 0xFFFF)}


def packet(port: int, l4: Packet, *, ends: tuple[str, str] | None = None, **ip: Any) -> bytes:
    """Return an untagged IPv4 packet on the link of a port; towards the switch by default."""
    src, dst = ends or (NEIGHBOUR_MAC[port], SWITCH_MAC[port])
    header = {"src": "172.16.0.9", "dst": VTEP[3], "ttl": 9} | ip
    return bytes(Ether(src=src, dst=dst) / IP(**header) / l4 / Raw(bytes(30)))


def leaves(port: int) -> tuple[str, str]:
    return SWITCH_MAC[port], NEIGHBOUR_MAC[port]


# ---- routing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("l4", "protocol"),
    [(UDP(sport=1, dport=2), 17), (TCP(dport=80), 6), (Raw(b""), 89)],
    ids=["udp", "tcp", "other"],
)
def test_a_packet_is_routed_one_hop_on(world: World, l4: Packet, protocol: int) -> None:
    sent = packet(FABRIC_B, l4, proto=protocol)
    routed = packet(FABRIC_A, l4, proto=protocol, ends=leaves(FABRIC_A), ttl=8)
    assert world.send(FABRIC_B, sent).only(FABRIC_A) == routed


def test_options_and_fragments_are_routed_like_any_packet(world: World) -> None:
    for change in ({"options": [b"\x07\x07\x04\0\0\0\0\0"]}, {"frag": 5}, {"flags": "MF"}):
        sent = packet(FABRIC_B, UDP(), **change)
        expected = packet(FABRIC_A, UDP(), ends=leaves(FABRIC_A), ttl=8, **change)
        assert world.send(FABRIC_B, sent).only(FABRIC_A) == expected


def test_only_a_whole_datagram_is_parsed(world: World) -> None:
    # To a VTEP of ours, with VXLAN's port, and a length that only the whole datagram has.
    for change in ({"flags": "MF"}, {"frag": 5}):
        part: dict[str, Any] = {"dst": VTEP[2], **change}
        udp = UDP(dport=4789, len=900)
        routed = packet(M2, udp, ends=leaves(M2), ttl=8, **part)
        assert world.send(FABRIC_B, packet(FABRIC_B, udp, **part)).only(M2) == routed


def test_the_longest_prefix_wins(world: World) -> None:
    wide, narrow = (ip_int("10.9.0.0"), 16), (ip_int("10.9.8.0"), 24)
    with (
        world.entry("underlay_route", {"dst_addr": wide}, [Path("route_to", {"port": M1})]),
        world.entry("underlay_route", {"dst_addr": narrow}, [Path("route_to", {"port": M2})]),
    ):
        assert world.send(FABRIC_A, packet(FABRIC_A, UDP(), dst="10.9.9.1")).only(M1)
        assert world.send(FABRIC_A, packet(FABRIC_A, UDP(), dst="10.9.8.1")).only(M2)


def test_a_tunnel_in_transit_is_not_parsed(world: World) -> None:
    # To m3, which is not attached here: what follows the UDP header does not matter.
    for payload in (b"", b"\0" * 8, b"\xff" * 12, bytes(inner())[:30]):
        sent = Ether(packet(FABRIC_B, UDP(sport=50000, dport=4789)))
        sent[UDP].remove_payload()
        sent[IP].chksum = sent[IP].len = sent[UDP].len = sent[UDP].chksum = None
        sent = Ether(bytes(sent / Raw(payload)))
        left = Ether(world.send(FABRIC_B, sent).only(FABRIC_A))
        assert bytes(left[UDP]) == bytes(sent[UDP])
        assert left.ttl == sent.ttl - 1


def test_padding_of_a_short_packet_is_passed_along(world: World) -> None:
    short = bytes(
        Ether(dst=SWITCH_MAC[FABRIC_B], src=NEIGHBOUR_MAC[FABRIC_B])
        / IP(src="172.16.0.9", dst=VTEP[3])
        / UDP()
    )
    left = world.send(FABRIC_B, short + bytes(60 - len(short))).only(FABRIC_A)
    assert len(left) == 60


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ttl": 0}, "TTL"),
        ({"ttl": 1}, "TTL"),
        ({"chksum": 0xDEAD}, "IP_CHECKSUM"),
        ({"dst": "8.8.8.8"}, "NO_ROUTE"),
        ({"len": 70}, "LENGTH"),
        ({"len": 19}, "LENGTH"),
        ({"len": 0xFFFF}, "LENGTH"),
        ({"len": 19, "proto": 89}, "LENGTH"),
        ({"version": 6}, "MALFORMED"),
        ({"ihl": 4}, "MALFORMED"),
        ({"ihl": 10}, "IP_CHECKSUM"),
        ({"ihl": 15}, "TRUNCATED"),
    ],
)
def test_what_a_router_drops(world: World, change: dict[str, Any], reason: str) -> None:
    world.send(FABRIC_B, packet(FABRIC_B, UDP(), **change)).dropped(reason)


@pytest.mark.parametrize("length", [0, 7, 39, 0xFFFF])
def test_a_wrong_udp_length_is_dropped(world: World, length: int) -> None:
    world.send(FABRIC_B, packet(FABRIC_B, UDP(len=length))).dropped("LENGTH")


def test_a_wrong_checksum_under_options_is_seen(world: World) -> None:
    options = [b"\x07\x07\x04\0\0\0\0\0"]
    world.send(FABRIC_B, packet(FABRIC_B, UDP(), options=options, chksum=1)).dropped("IP_CHECKSUM")


# ---- who may send what ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (packet(FABRIC_B, UDP(), ends=(NEIGHBOUR_MAC[4], NEIGHBOUR_MAC[3])), "NOT_OUR_MAC"),
        (tagged(packet(FABRIC_B, UDP()), 101), "NOT_UNDERLAY"),
        (bytes(Ether(src=MAC[1], dst=SWITCH_MAC[4]) / ARP()), "NOT_UNDERLAY"),
        (bytes(Ether(src=MAC[1], dst=SWITCH_MAC[4]) / IPv6() / UDP()), "NOT_UNDERLAY"),
        (bytes(LLDP), "NOT_UNDERLAY"),
    ],
    ids=["station", "tag", "arp", "ipv6", "lldp"],
)
def test_what_does_not_belong_on_the_underlay(world: World, frame: bytes, reason: str) -> None:
    world.send(FABRIC_B, frame).dropped(reason)


def test_a_machine_cannot_send_vxlan_itself(world: World) -> None:
    forged = vxlan(inner(), 3, 2, port=M1, inbound=True)
    world.send(M1, forged).dropped("UNTAGGED")


def test_a_link_without_addresses_forwards_nothing(world: World) -> None:
    ends = {"src_addr": mac_int(SWITCH_MAC[3]), "dst_addr": mac_int(NEIGHBOUR_MAC[3])}
    world.client.delete("link_macs", {"egress_port": FABRIC_A})
    try:
        world.send(M1, from_m1(inner(dst=MAC[3]))).dropped("NO_LINK")
    finally:
        world.client.insert("link_macs", {"egress_port": FABRIC_A}, "set_macs", ends)


def test_a_tunnel_to_nowhere_is_no_route(world: World) -> None:
    to = {"vni": RED, "dst_addr": mac_int("02:aa:00:00:00:77")}
    with world.entry("l2_forward", to, "to_vtep", {"vtep": ip_int("172.16.7.7")}):
        world.send(M1, from_m1(inner(dst="02:aa:00:00:00:77"))).dropped("NO_ROUTE")


# ---- what is in a tunnel that ends here ----------------------------------------------------------


def test_a_vxlan_header_without_the_i_flag_is_dropped(world: World) -> None:
    frame = vxlan(inner(), 3, 2, port=FABRIC_A, inbound=True, vx={"flags": 0})
    world.send(FABRIC_A, frame).dropped("VXLAN_FLAGS")


def test_a_tunnel_that_ends_here_may_have_its_last_hop(world: World) -> None:
    frame = inner(src=3)
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, ttl=1)
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(frame, 201)
    world.send(FABRIC_A, arrives).dropped("TTL")  # passing on is one hop more
    for mode in ("pass_on", "decapsulate"):
        with world.mode(2, mode):
            dead = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, ttl=0)
            world.send(FABRIC_A, dead).dropped("TTL")


@pytest.mark.parametrize("mode", ["pass_on", "decapsulate"])
def test_a_tunnel_must_fill_its_packet_and_frame(world: World, mode: str) -> None:
    frame = inner(src=3)
    right = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True)
    ip_len = len(right) - 14
    with world.mode(2, mode):
        world.send(FABRIC_A, right + b"x").dropped("LENGTH")
        for udp_len in (ip_len - 20 - 1, 16, 8):
            lying = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, udp={"len": udp_len})
            world.send(FABRIC_A, lying).dropped("LENGTH")
        for lie in (ip_len - 1, ip_len + 1):
            lying = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, len=lie)
            world.send(FABRIC_A, lying).dropped("LENGTH")


# ---- ECMP ----------------------------------------------------------------------------------------


def path(frame: bytes) -> int:
    """Return the port that the documented hash gives a packet to m4."""
    ip = IP(frame[14:])
    flow = frame[26:34] + bytes([ip.proto]) + frame[34:38]
    return (FABRIC_A, FABRIC_B)[zlib.crc32(flow) % 2]


def test_flows_spread_over_equal_paths_and_each_keeps_to_one(world: World) -> None:
    flows = [from_m1(inner(dst=MAC[4], sport=sport)) for sport in range(2000, 2064)]
    first = world.send(M1, *flows)
    again = world.send(M1, *flows)
    paths = {port: sorted(frames) for port, frames in first.out.items()}
    assert paths == {port: sorted(frames) for port, frames in again.out.items()}
    assert set(paths) == {FABRIC_A, FABRIC_B}
    assert min(map(len, paths.values())) >= 16  # of 64; a fair coin falls below with p < 1e-4
    for port, frames in paths.items():
        assert {frame[:6].hex(":") for frame in frames} == {NEIGHBOUR_MAC[port]}
        assert {path(frame) for frame in frames} == {port}


def test_a_transit_flow_keeps_to_its_path(world: World) -> None:
    flows = [
        packet(FABRIC_A, UDP(sport=sport, dport=9), dst=VTEP[4]) for sport in range(2000, 2032)
    ]
    first, again = world.send(FABRIC_A, *flows), world.send(FABRIC_A, *flows)
    assert set(first.out) == {FABRIC_A, FABRIC_B}
    assert {p: sorted(f) for p, f in first.out.items()} == {
        p: sorted(f) for p, f in again.out.items()
    }


# ---- the controller's frames ---------------------------------------------------------------------


def test_a_packet_out_leaves_as_it_was_written(world: World) -> None:
    for payload in (bytes(LLDP), from_m1(inner()), b"\xff" * 60):
        world.client.packet_out(payload, egress_port=FABRIC_B)
        assert world.sandbox.port(FABRIC_B).receive() == payload
    assert world.sandbox.drain() == {}


def test_a_trapped_frame_goes_to_the_controller_and_nowhere_else(world: World) -> None:
    with world.entry("punt", PUNT_LLDP, "send_to_cpu", priority=1):
        for port in (FABRIC_A, M1):
            assert world.send(port, LLDP).out == {}
            arrived = world.client.next_packet_in()
            assert arrived.payload == bytes(LLDP)
            assert arrived.metadata == {"ingress_port": port, "reason": 1}


def test_a_trap_may_name_the_port_and_the_address(world: World) -> None:
    here = {
        "ingress_port": (FABRIC_A, 0x1FF),
        "dst_addr": (mac_int("01:80:c2:00:00:0e"), 0xFFFFFFFFFFFF),
    }
    with world.entry("punt", here, "send_to_cpu", priority=1):
        world.send(FABRIC_A, LLDP)
        assert world.client.next_packet_in().metadata["ingress_port"] == FABRIC_A
        world.send(FABRIC_B, LLDP).dropped("NOT_UNDERLAY")


def test_ports_count_their_frames(world: World) -> None:
    frame = from_m1(inner(dst=MAC[3]))
    before = [world.client.counter(n, p) for n, p in (("port_rx", M1), ("port_tx", FABRIC_A))]
    world.send(M1, frame, frame, frame)
    after = [world.client.counter(n, p) for n, p in (("port_rx", M1), ("port_tx", FABRIC_A))]
    assert [b.packets - a.packets for a, b in zip(before, after, strict=True)] == [3, 3]
    assert after[0].bytes - before[0].bytes == 3 * len(frame)
    from_controller = world.client.counter("port_rx", CPU_PORT).packets
    world.client.packet_out(bytes(LLDP), egress_port=FABRIC_B)
    assert world.sandbox.port(FABRIC_B).receive() == bytes(LLDP)
    assert world.client.counter("port_rx", CPU_PORT).packets == from_controller + 1
