"""Malformed frames: each is counted under a reason, none leaves, and the switch continues."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.examples import examples
from tests.p4.world import (
    FABRIC_A,
    FABRIC_B,
    IPV4,
    M1,
    M2,
    MAC,
    NEAR2_MAC,
    NEIGHBOUR_MAC,
    SWITCH_MAC,
    VTEP,
    World,
    from_m1,
    inner,
    tagged,
    vxlan,
)

pytestmark = pytest.mark.network

# Shorter frames never reach a switch: the kernel requires a whole Ethernet header to send, and two
# bytes after an 802.1Q tag (net/core/skbuff.c, skb_vlan_untag) to receive.
SHORTEST_TAGGED = 20
SHORTEST = 14
BROKEN = {"TRUNCATED", "LENGTH", "MALFORMED", "IP_CHECKSUM"}
HEAD = {"src": MAC[1], "dst": NEAR2_MAC}
IP4 = {"src": IPV4[1], "dst": IPV4[2]}
PAYLOAD = Raw(bytes(range(40)))
SOUND: dict[str, Packet] = {
    "udp": inner(dst=NEAR2_MAC),
    "tcp": Ether(**HEAD) / IP(**IP4) / TCP(options=[("MSS", 1400)]) / PAYLOAD,
    "icmp": Ether(**HEAD) / IP(**IP4) / ICMP() / PAYLOAD,
    "ip options": Ether(**HEAD) / IP(**IP4, options=[b"\x01"] * 12) / UDP() / PAYLOAD,
    "fragment": Ether(**HEAD) / IP(**IP4, frag=10, proto=17) / PAYLOAD,
    "ipv6": Ether(**HEAD) / IPv6(src="fd00::1", dst="fd00::2") / UDP() / PAYLOAD,
    "ipv6 tcp": Ether(**HEAD) / IPv6(src="fd00::1", dst="fd00::2") / TCP() / PAYLOAD,
    "arp": Ether(**HEAD) / ARP(psrc=IPV4[1], pdst=IPV4[2]),
}


@pytest.fixture(autouse=True)
def still_forwarding(world: World) -> Iterator[None]:
    """After each test the switch still forwards."""
    yield
    frame = inner(dst=NEAR2_MAC)
    assert world.send(M1, from_m1(frame)).only(M2) == tagged(frame, 201)


# ---- truncated at every byte -----------------------------------------------------------------


@pytest.mark.parametrize("kind", SOUND)
def test_a_tenants_frame_truncated_anywhere_is_dropped(world: World, kind: str) -> None:
    whole = from_m1(SOUND[kind])
    cuts = [whole[:length] for length in range(SHORTEST_TAGGED, len(whole))]
    outcome = world.send(M1, *cuts)
    assert outcome.out == {}
    assert set(outcome.drops) <= BROKEN
    assert sum(outcome.drops.values()) == len(cuts)
    assert world.send(M1, whole).only(M2) == tagged(SOUND[kind], 201)


@pytest.mark.parametrize("mode", ["pass_on", "decapsulate"])
def test_a_tunnel_truncated_anywhere_is_dropped(world: World, mode: str) -> None:
    whole = vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True)
    cuts = [whole[:length] for length in range(SHORTEST, len(whole))]
    with world.mode(2, mode):
        outcome = world.send(FABRIC_A, *cuts)
    assert outcome.out == {}
    assert set(outcome.drops) <= BROKEN
    assert sum(outcome.drops.values()) == len(cuts)


@pytest.mark.parametrize("kind", SOUND)
def test_a_frame_truncated_inside_an_honest_tunnel_is_dropped(world: World, kind: str) -> None:
    # The outer lengths fit the truncated frame, so only the inner headers show it.
    whole = bytes(SOUND[kind])
    cuts = [
        vxlan(whole[:length], 3, 2, port=FABRIC_A, inbound=True, udp={"sport": 50000})
        for length in range(len(whole))
    ]
    for mode in ("pass_on", "decapsulate"):
        with world.mode(2, mode):
            outcome = world.send(FABRIC_A, *cuts)
        assert outcome.out == {}
        assert set(outcome.drops) <= BROKEN
        assert sum(outcome.drops.values()) == len(cuts)


def test_a_transit_packet_truncated_anywhere_is_dropped(world: World) -> None:
    whole = vxlan(inner(src=4), 4, 3, port=FABRIC_B, inbound=True)
    cuts = [whole[:length] for length in range(SHORTEST, len(whole))]
    outcome = world.send(FABRIC_B, *cuts)
    assert outcome.out == {}
    assert set(outcome.drops) <= BROKEN
    assert sum(outcome.drops.values()) == len(cuts)


# ---- wrong lengths and fields ----------------------------------------------------------------


def wrong(layer: type[Packet], **fields: int) -> Packet:
    """Return a frame with wrong fields in a layer; IP checksums stay correct."""
    base = Ether(**HEAD) / (IPv6(src="fd00::1", dst="fd00::2") if layer is IPv6 else IP(**IP4))
    frame = base / (TCP() if layer is TCP else ICMP() if layer is ICMP else UDP()) / PAYLOAD
    for name, value in fields.items():
        setattr(frame[layer], name, value)
    return frame


UDP_LEN = 48
IP_LEN = 68


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (wrong(IP, len=IP_LEN + 1), "LENGTH"),
        (wrong(IP, len=0xFFFF), "LENGTH"),
        (wrong(IP, len=19), "LENGTH"),
        (wrong(IP, len=0), "LENGTH"),
        (wrong(IP, len=20 + 7), "LENGTH"),  # no room for the UDP header
        (wrong(IP, version=5), "MALFORMED"),
        (wrong(IP, ihl=4), "MALFORMED"),
        (wrong(IP, ihl=0), "MALFORMED"),
        (wrong(IP, chksum=0x1234), "IP_CHECKSUM"),
        (Ether(**HEAD) / IP(**IP4, options=[b"\x01"] * 8, chksum=5) / UDP(), "IP_CHECKSUM"),
        (wrong(IP, ttl=0), "TTL"),
        (wrong(UDP, len=UDP_LEN + 1), "LENGTH"),
        (wrong(UDP, len=0xFFFF), "LENGTH"),
        (wrong(UDP, len=7), "LENGTH"),
        (wrong(UDP, len=0), "LENGTH"),
        (wrong(TCP, dataofs=4), "MALFORMED"),
        (wrong(TCP, dataofs=0), "MALFORMED"),
        (Ether(**HEAD) / IP(**IP4) / TCP(dataofs=15), "LENGTH"),
        (wrong(IPv6, plen=UDP_LEN + 1), "LENGTH"),
        (wrong(IPv6, plen=0xFFFF), "LENGTH"),
        (wrong(IPv6, plen=7), "LENGTH"),
        (wrong(IPv6, plen=0), "LENGTH"),
        (wrong(IPv6, version=4), "MALFORMED"),
        (wrong(IPv6, hlim=0), "TTL"),
        # The L4 header is in the padding, after the end of the packet.
        (wrong(IP, len=20), "LENGTH"),
        (Ether(**HEAD) / IP(**IP4, len=20, proto=6) / TCP() / PAYLOAD, "LENGTH"),
        (Ether(**HEAD) / IP(**IP4, len=20, proto=1) / ICMP() / PAYLOAD, "LENGTH"),
    ],
)
def test_a_wrong_length_is_dropped_at_both_ends_of_a_tunnel(
    world: World, frame: Packet, reason: str
) -> None:
    world.send(M1, from_m1(frame)).dropped(reason)
    if reason == "IP_CHECKSUM":
        return  # verified where the tunnel began
    arrives = vxlan(frame, 3, 2, port=FABRIC_A, inbound=True, udp={"sport": 50000})
    world.send(FABRIC_A, arrives).dropped(reason)


def test_a_first_fragments_udp_length_is_accepted(world: World) -> None:
    whole = IP(**IP4) / UDP() / Raw(bytes(600))
    first = Ether(**HEAD) / fragment(whole, 304)[0]
    assert world.send(M1, from_m1(first)).only(M2) == tagged(first, 201)


def test_a_first_fragment_need_not_hold_all_tcp_options(world: World) -> None:
    start = Ether(**HEAD) / IP(**IP4, flags="MF") / TCP(dataofs=15) / Raw(bytes(12))
    assert world.send(M1, from_m1(start)).only(M2) == tagged(start, 201)


def test_padding_is_accepted(world: World) -> None:
    padded = bytes(Ether(**HEAD) / IP(**IP4) / UDP()) + bytes(18)
    assert world.send(M1, from_m1(padded)).only(M2) == tagged(padded, 201)


def test_a_first_fragment_too_short_for_its_l4_header_is_dropped(world: World) -> None:
    tiny = Ether(**HEAD) / IP(**IP4, flags="MF", proto=6, len=28) / Raw(bytes(40))
    world.send(M1, from_m1(tiny)).dropped("MALFORMED")  # data offset 0, read from the padding
    tiny = Ether(**HEAD) / IP(**IP4, flags="MF", proto=6, len=28) / TCP() / Raw(bytes(20))
    world.send(M1, from_m1(tiny)).dropped("LENGTH")
    tiny = Ether(**HEAD) / IP(**IP4, flags="MF", proto=17, len=24) / UDP() / Raw(bytes(32))
    world.send(M1, from_m1(tiny)).dropped("LENGTH")


# ---- any bytes -------------------------------------------------------------------------------


def mutated(whole: bytes) -> st.SearchStrategy[bytes]:
    """Draw the frame with some bytes changed, and perhaps cut."""
    changes = st.lists(
        st.tuples(st.integers(12, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=6
    )

    def change(rows: list[tuple[int, int]], length: int) -> bytes:
        frame = bytearray(whole)
        for index, value in rows:
            frame[index] = value
        return bytes(frame[:length])

    return st.builds(change, changes, st.integers(24, len(whole)))


@pytest.mark.parametrize("side", ["access", "underlay"])
def test_any_bytes_are_forwarded_whole_or_counted(world: World, side: str) -> None:
    """For any input, as many copies leave or are counted as there were frames."""
    port, whole = {
        "access": (M1, from_m1(inner(dst=NEAR2_MAC))),
        "underlay": (FABRIC_A, vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True)),
    }[side]

    @settings(
        max_examples=examples(8),
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(mutated(whole), min_size=25, max_size=25))
    def survives(frames: list[bytes]) -> None:
        outcome = world.send(port, *frames)
        forwarded = sum(map(len, outcome.out.values()))
        assert forwarded + sum(outcome.drops.values()) == len(frames)
        for frame in outcome.out.get(M2, ()):
            assert len(frame) <= max(map(len, frames))

    with world.mode(2, "decapsulate"):
        survives()


def test_runts_are_counted(world: World) -> None:
    runt = bytes(Ether(src=NEIGHBOUR_MAC[FABRIC_A], dst=SWITCH_MAC[FABRIC_A], type=0x0800))
    world.send(FABRIC_A, runt).dropped("TRUNCATED")
    assert VTEP
