"""Into the tunnel and out of it: every outer field, and the inner frame unchanged."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from tests.examples import examples
from tests.p4.world import (
    BLUE,
    FABRIC_A,
    IPV4,
    M1,
    M2,
    MAC,
    RED,
    VLAN,
    VTEP,
    World,
    entropy,
    from_m1,
    inner,
    ip_int,
    tagged,
    vxlan,
)

pytestmark = pytest.mark.network

TO3 = {"src": MAC[1], "dst": MAC[3]}
PAYLOAD = Raw(bytes(range(64)))
FRAMES: dict[str, Packet | bytes] = {
    "udp": inner(dst=MAC[3]),
    "tcp": Ether(**TO3) / IP(src=IPV4[1], dst=IPV4[3]) / TCP(sport=5, dport=6) / PAYLOAD,
    "tcp options": Ether(**TO3) / IP(src=IPV4[1]) / TCP(options=[("MSS", 1400), ("WScale", 7)]),
    "icmp": Ether(**TO3) / IP(src=IPV4[1], dst=IPV4[3]) / ICMP(type=8, code=0, id=3) / PAYLOAD,
    "ip options": Ether(**TO3) / IP(src=IPV4[1], options=[b"\x07\x07\x04\0\0\0\0\0"]) / UDP(),
    "most ip options": Ether(**TO3) / IP(src=IPV4[1], options=[b"\x01"] * 40) / UDP(),
    "other ip protocol": Ether(**TO3) / IP(src=IPV4[1], dst=IPV4[3], proto=89) / PAYLOAD,
    "ipv6 udp": Ether(**TO3) / IPv6(src="fd00::1", dst="fd00::3") / UDP(sport=1) / PAYLOAD,
    "ipv6 tcp": Ether(**TO3) / IPv6(src="fd00::1", dst="fd00::3", fl=9) / TCP(dport=80),
    "icmpv6": Ether(**TO3) / IPv6(src="fd00::1", dst="fd00::3") / ICMPv6EchoRequest() / PAYLOAD,
    "ipv6 extension": Ether(**TO3) / IPv6(src="fd00::1", dst="fd00::3", nh=60) / PAYLOAD,
    "arp": Ether(**TO3) / ARP(op=2, psrc=IPV4[1], pdst=IPV4[3]),
    "unknown protocol": Ether(**TO3, type=0x88B5) / PAYLOAD,
    "802.3 length": Ether(**TO3, type=46) / Raw(b"\x42\x42\x03" + bytes(43)),
    "own tag": tagged(inner(dst=MAC[3]), 5),
    "padded": bytes(Ether(**TO3) / ARP(op=2)) + bytes(18),
    "empty": Ether(**TO3, type=0x88B5) / Raw(b"xx"),
}


# ---- encapsulation ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_encapsulated(world: World, kind: str) -> None:
    frame = bytes(FRAMES[kind])
    expected = vxlan(frame, 1, 3, port=FABRIC_A)
    assert world.send(M1, from_m1(frame)).only(FABRIC_A) == expected


def test_the_access_tags_priority_stays_on_its_side(world: World) -> None:
    frame = inner(dst=MAC[3])
    outer = world.send(M1, tagged(frame, 101, pcp=6)).only(FABRIC_A)
    assert outer == vxlan(frame, 1, 3, port=FABRIC_A)


def test_the_vni_is_the_tenants(world: World) -> None:
    frame = inner(dst=MAC[3])
    to = {"vni": BLUE, "dst_addr": int(MAC[3].replace(":", ""), 16)}
    with world.entry("l2_forward", to, "to_vtep", {"vtep": ip_int(VTEP[3])}):
        outer = world.send(M1, from_m1(frame, BLUE)).only(FABRIC_A)
    assert outer == vxlan(frame, 1, 3, port=FABRIC_A, vni=BLUE)


@pytest.mark.parametrize("port", [8472, 6784])
def test_the_udp_port_is_that_of_the_tenants_flavour(world: World, port: int) -> None:
    tenant = {"vni": RED, "vtep": ip_int(VTEP[1]), "vxlan_port": port}
    where = {"ingress_port": M1, "vid": 103}
    frame = inner(dst=MAC[3])
    with world.entry("access_vni", where, "set_tenant", tenant):
        outer = world.send(M1, tagged(frame, 103)).only(FABRIC_A)
    assert outer == vxlan(frame, 1, 3, port=FABRIC_A, udp={"dport": port})


@pytest.mark.parametrize("tos", range(0, 256, 37))
def test_dscp_and_ecn_are_copied_outwards(world: World, tos: int) -> None:
    frame = inner(dst=MAC[3], tos=tos)
    outer = world.send(M1, from_m1(frame)).only(FABRIC_A)
    assert outer == vxlan(frame, 1, 3, port=FABRIC_A, tos=tos)


def test_the_traffic_class_of_ipv6_is_copied_outwards(world: World) -> None:
    frame = Ether(**TO3) / IPv6(src="fd00::1", dst="fd00::3", tc=0xBA) / UDP() / PAYLOAD
    outer = world.send(M1, from_m1(frame)).only(FABRIC_A)
    assert outer == vxlan(frame, 1, 3, port=FABRIC_A, tos=0xBA)


def test_the_source_port_varies_by_flow_and_not_within_one(world: World) -> None:
    flows = [inner(dst=MAC[3], sport=sport) for sport in range(3000, 3050)]
    outcome = world.send(M1, *(from_m1(flow) for flow in flows for _ in range(2)))
    ports = [UDP(frame[34:]).sport for frame in outcome.out[FABRIC_A]]
    assert ports == [entropy(flow) for flow in flows for _ in range(2)]
    assert len(set(ports)) > 40
    assert all(49152 <= port <= 65535 for port in ports)


def test_all_fragments_of_a_packet_share_one_source_port(world: World) -> None:
    whole = IP(src=IPV4[1], dst=IPV4[3], id=77) / UDP(sport=9, dport=9) / Raw(bytes(900))
    parts = [bytes(Ether(**TO3) / part) for part in fragment(whole, 300)]
    outcome = world.send(M1, *(from_m1(part) for part in parts))
    expected = [vxlan(part, 1, 3, port=FABRIC_A) for part in parts]
    assert outcome.out == {FABRIC_A: expected}
    assert len({UDP(frame[34:]).sport for frame in expected}) == 1


# ---- the size --------------------------------------------------------------------------------


def sized(ip_len: int) -> Packet:
    """Return a tenant's frame whose outer IP packet has `ip_len` bytes."""
    return inner(dst=MAC[3], size=ip_len - (20 + 8 + 8) - (14 + 20 + 8))


def test_the_largest_packet_fits_and_a_larger_one_is_counted(world: World) -> None:
    fits, too_big = sized(1600), sized(1601)
    assert world.send(M1, from_m1(fits)).only(FABRIC_A) == vxlan(fits, 1, 3, port=FABRIC_A)
    world.send(M1, from_m1(too_big)).dropped("TOO_BIG")


def test_the_mtu_counts_without_ethernet_header_and_tag(world: World) -> None:
    with world.changed(
        "port_mtu",
        {"egress_port": M2},
        ("set_mtu", {"bytes": 1500}),
        ("set_mtu", {"bytes": 1600}),
    ):
        fits, too_big = inner(size=1500 - 28), inner(size=1501 - 28)
        with world.mode(2, "decapsulate"):
            assert world.send(M1, from_m1(fits)).only(M2) == tagged(fits, 201)
            world.send(M1, from_m1(too_big)).dropped("TOO_BIG")
        world.send(M1, from_m1(fits)).dropped("TOO_BIG")  # 50 bytes more in a tunnel


def test_a_port_without_an_entry_has_the_default_mtu(world: World) -> None:
    world.client.delete("port_mtu", {"egress_port": FABRIC_A})
    try:
        assert world.send(M1, from_m1(sized(1500))).only(FABRIC_A)
        world.send(M1, from_m1(sized(1501))).dropped("TOO_BIG")
    finally:
        world.client.insert("port_mtu", {"egress_port": FABRIC_A}, "set_mtu", {"bytes": 1600})


# ---- in front of a machine -------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAMES)
def test_one_pass_passes_vxlan_on_or_delivers_the_frame(world: World, kind: str) -> None:
    frame = bytes.fromhex(MAC[2].replace(":", "")) + bytes(FRAMES[kind])[6:]
    overlay = world.send(M1, from_m1(frame)).only(M2)
    assert overlay == vxlan(frame, 1, 2, port=M2)
    with world.mode(2, "decapsulate"):
        assert world.send(M1, from_m1(frame)).only(M2) == tagged(frame, 201)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_tunnel_from_the_fabric_is_passed_on_or_ends_here(world: World, kind: str) -> None:
    frame = bytes(FRAMES[kind])
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True)
    passed = vxlan(frame, 3, 2, port=M2, ttl=63)
    with world.mode(2, "pass_on"):
        assert world.send(FABRIC_A, arrives).only(M2) == passed
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(frame, 201)


@pytest.mark.parametrize("port", [8472, 4789])
def test_every_enabled_flavour_is_decapsulated(world: World, port: int) -> None:
    frame = inner(src=3)
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, udp={"dport": port})
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(frame, 201)


def test_a_flavour_that_is_not_enabled_is_dropped(world: World) -> None:
    arrives = vxlan(inner(), 3, 2, port=FABRIC_A, inbound=True, udp={"dport": 6784})
    world.send(FABRIC_A, arrives).dropped("VXLAN_PORT")
    with world.entry("vxlan_port", {"udp_port": 6784}, "enabled"):
        assert world.send(FABRIC_A, arrives).only(M2)


def test_outer_options_and_a_checksum_do_not_hinder(world: World) -> None:
    frame = inner(src=3)
    options = [b"\x07\x0b\x08" + bytes(8), b"\x00"]
    arrives = vxlan(
        frame, 3, 2, port=FABRIC_A, inbound=True, options=options, udp={"chksum": 0xBEEF}
    )
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(frame, 201)
    passed = vxlan(frame, 3, 2, port=M2, ttl=63, options=options, udp={"chksum": 0xBEEF})
    assert world.send(FABRIC_A, arrives).only(M2) == passed


def test_the_reserved_bits_of_vxlan_are_ignored(world: World) -> None:
    frame = inner(src=3)
    arrives = bytearray(vxlan(frame, 3, 2, port=FABRIC_A, inbound=True))
    arrives[42] |= 0xF7
    arrives[43:46] = b"\xff\xff\xff"
    arrives[49] = 0xFF
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, bytes(arrives)).only(M2) == tagged(frame, 201)


def test_a_tunnel_does_not_cross_tenants(world: World) -> None:
    frame = inner(src=3)
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, vni=BLUE)
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(frame, VLAN[M2, BLUE])
    stranger = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, vni=4711)
    world.send(FABRIC_A, stranger).dropped("VNI_UNKNOWN")


def test_vxlan_in_vxlan_is_decapsulated_once(world: World) -> None:
    nested = Ether(vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True))
    arrives = vxlan(nested, 3, 2, port=FABRIC_A, inbound=True)
    with world.mode(2, "decapsulate"):
        assert world.send(FABRIC_A, arrives).only(M2) == tagged(nested, 201)
    as_sent = bytes(Ether(src=MAC[1], dst=MAC[3]) / nested["IP"])
    outer = world.send(M1, from_m1(as_sent)).only(FABRIC_A)
    assert outer == vxlan(as_sent, 1, 3, port=FABRIC_A)


# ---- RFC 6040, figure 4 ----------------------------------------------------------------------

NOT_ECT, ECT1, ECT0, CE = range(4)
# (inner, outer) as they arrive -> inner as it leaves; None is a drop
FIGURE_4 = {
    (NOT_ECT, NOT_ECT): NOT_ECT, (NOT_ECT, ECT0): NOT_ECT,
    (NOT_ECT, ECT1): NOT_ECT, (NOT_ECT, CE): None,
    (ECT0, NOT_ECT): ECT0, (ECT0, ECT0): ECT0, (ECT0, ECT1): ECT1, (ECT0, CE): CE,
    (ECT1, NOT_ECT): ECT1, (ECT1, ECT0): ECT1, (ECT1, ECT1): ECT1, (ECT1, CE): CE,
    (CE, NOT_ECT): CE, (CE, ECT0): CE, (CE, ECT1): CE, (CE, CE): CE,
}  # fmt: skip  # one line per inner value, as in the RFC


def test_congestion_marks_survive_decapsulation(world: World) -> None:
    dscp = 46 << 2
    with world.mode(2, "decapsulate"):
        for (before, outer), after in FIGURE_4.items():
            v4 = inner(src=3, tos=dscp | before)
            v6 = Ether(v4.build()[:12] + b"\x86\xdd") / IPv6(tc=dscp | before) / UDP() / PAYLOAD
            for frame in (v4, v6):
                arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, tos=outer)
                outcome = world.send(FABRIC_A, arrives)
                if after is None:
                    outcome.dropped("ECN")
                    continue
                expected: Any = frame.copy()
                if frame is v4:
                    expected[IP].tos = dscp | after
                else:
                    expected[IPv6].tc = dscp | after
                assert outcome.only(M2) == tagged(expected, 201), (before, outer)


def test_a_broken_inner_checksum_is_never_repaired(world: World) -> None:
    frame = Ether(bytes(inner(src=3, tos=ECT0)))
    right = frame[IP].chksum
    for wrong in (0, right ^ 1, 0xFFFF):
        frame[IP].chksum = wrong
        arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, tos=CE)
        with world.mode(2, "decapsulate"):
            left = Ether(world.send(FABRIC_A, arrives).only(M2))
        assert left[IP].tos == CE
        fixed = left.copy()
        del fixed[IP].chksum
        assert left[IP].chksum != Ether(bytes(fixed))[IP].chksum


def test_passing_on_keeps_both_marks(world: World) -> None:
    frame = inner(src=3, tos=ECT0)
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, tos=CE)
    passed = vxlan(frame, 3, 2, port=M2, ttl=63, tos=CE)
    assert world.send(FABRIC_A, arrives).only(M2) == passed


# ---- any frame -------------------------------------------------------------------------------

PAYLOADS = st.binary(max_size=200)
ADDRESSES = st.integers(0, 2**32 - 1).map(lambda n: ".".join(str(b) for b in n.to_bytes(4, "big")))
PORTS = st.integers(0, 65535)


@st.composite
def any_frame(draw: st.DrawFn) -> bytes:
    """Draw a sound tenant's frame from anywhere to m3's container."""
    source = draw(st.binary(min_size=5, max_size=5))
    head = Ether(src=bytes([2, *source]).hex(":"), dst=MAC[3])
    l4 = draw(
        st.one_of(
            st.builds(lambda s, d: UDP(sport=s, dport=d), PORTS, PORTS),
            st.builds(lambda s, d, q: TCP(sport=s, dport=d, seq=q), PORTS, PORTS, PORTS),
            st.builds(lambda t, c: ICMP(type=t, code=c), *(st.integers(0, 255),) * 2),
        )
    )
    v4 = st.builds(
        lambda s, d, tos, ttl: IP(src=s, dst=d, tos=tos, ttl=ttl),
        ADDRESSES,
        ADDRESSES,
        st.integers(0, 255),
        st.integers(1, 255),
    )
    v6 = st.builds(
        lambda s, tc, hops: IPv6(src=f"fd00::{s:x}", dst="fd00::3", tc=tc, hlim=hops),
        PORTS,
        st.integers(0, 255),
        st.integers(1, 255),
    )
    payload = Raw(draw(PAYLOADS))
    if draw(st.booleans()):
        return bytes(head / draw(st.one_of(v4, v6)) / l4 / payload)
    unknown = st.integers(0, 0xFFFF).filter(lambda t: t not in (0x0800, 0x0806, 0x86DD))
    return bytes(head)[:12] + draw(unknown).to_bytes(2, "big") + bytes(2) + bytes(payload)


def traffic_class(frame: bytes) -> int:
    """Return DSCP and ECN of a frame; 0 where it has none."""
    if frame[12:14] == b"\x08\x00":
        return frame[15]
    if frame[12:14] == b"\x86\xdd":
        return int.from_bytes(frame[14:16], "big") >> 4 & 0xFF
    return 0


def test_any_frame_comes_out_of_its_tunnel_as_it_went_in(world: World) -> None:
    @settings(
        max_examples=examples(10),
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(any_frame(), min_size=16, max_size=16))
    def round_trip(frames: list[bytes]) -> None:
        outers = [vxlan(frame, 1, 3, port=FABRIC_A, tos=traffic_class(frame)) for frame in frames]
        assert world.send(M1, *map(from_m1, frames)).out == {FABRIC_A: outers}
        back = [vxlan(frame, 3, 2, port=FABRIC_A, inbound=True) for frame in frames]
        delivered = world.send(FABRIC_A, *back).out[M2]
        assert delivered == [tagged(frame, 201) for frame in frames]

    with world.mode(2, "decapsulate"):
        round_trip()


def test_the_tunnel_header_reads_as_vxlan_for_others(world: World) -> None:
    outer = Ether(world.send(M1, from_m1(inner(dst=MAC[3]))).only(FABRIC_A))
    assert outer[VXLAN].vni == RED
    assert outer[UDP].chksum == 0
    assert outer[UDP].len == outer[IP].len - 20
    assert outer[IP].len == len(outer) - 14
    assert outer[IP].flags == "DF"
