"""The operator's rules on a tenant: ACL, meter, and the counters that show them at work."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.p4.world import (
    BLUE,
    CPU_PORT,
    FABRIC_A,
    IPV4,
    M1,
    M2,
    MAC,
    NEAR2_MAC,
    RED,
    World,
    from_m1,
    inner,
    ip_int,
    mac_int,
    tagged,
    vxlan,
)
from tests.switch.harness_client import DELETE, INSERT

pytestmark = pytest.mark.network

ALL = (1 << 128) - 1
HEAD = {"src": MAC[1], "dst": NEAR2_MAC}
UDP_FRAME = inner(dst=NEAR2_MAC)
TCP_FRAME = Ether(**HEAD) / IP(src=IPV4[1], dst=IPV4[2]) / TCP(sport=4000, dport=5000)
PING = Ether(**HEAD) / IP(src=IPV4[1], dst=IPV4[2]) / ICMP(type=8, code=0) / Raw(bytes(8))
UDP6 = Ether(**HEAD) / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=4000, dport=5000)
WHO_HAS = Ether(**HEAD) / ARP(psrc=IPV4[1], pdst=IPV4[2])
OTHER = Ether(**HEAD, type=0x9000) / Raw(bytes(46))
FRAMES: dict[str, Packet] = {
    "udp": UDP_FRAME, "tcp": TCP_FRAME, "ping": PING, "udp6": UDP6, "arp": WHO_HAS, "other": OTHER,
}  # fmt: skip  # one line reads better than six


def exact(value: int, bits: int) -> tuple[int, int]:
    return value, (1 << bits) - 1


@pytest.mark.parametrize(
    ("rule", "denied"),
    [
        ({"vni": exact(RED, 24)}, set(FRAMES)),
        ({"vni": exact(BLUE, 24)}, set()),
        ({"ether_type": exact(0x0800, 16)}, {"udp", "tcp", "ping"}),
        ({"ether_type": exact(0x9000, 16)}, {"other"}),
        ({"protocol": exact(17, 8)}, {"udp", "udp6"}),
        ({"protocol": exact(6, 8), "l4_dst": exact(5000, 16)}, {"tcp"}),
        ({"l4_src": exact(4000, 16)}, {"udp", "tcp", "udp6"}),
        ({"l4_dst": (0x1388, 0xFFF8)}, {"udp", "tcp", "udp6"}),  # ports 5000 to 5007
        ({"protocol": exact(1, 8), "l4_src": exact(8, 16)}, {"ping"}),  # echo requests
        ({"src": (ip_int(IPV4[1]), ALL)}, {"udp", "tcp", "ping", "arp"}),
        ({"src": (ip_int("10.0.0.0"), ALL << 8 & ALL)}, {"udp", "tcp", "ping", "arp"}),
        ({"dst": (ip_int("10.0.0.0"), ALL << 8 & ALL)}, {"udp", "tcp", "ping", "arp"}),
        ({"src": (0xFD00 << 112, 0xFFFF << 112)}, {"udp6"}),
        ({"src": (mac_int(MAC[1]), ALL)}, {"other"}),
        ({"fragment": (1, 1)}, set()),
    ],
)
def test_a_rule_denies_what_it_matches(
    world: World, rule: dict[str, tuple[int, int]], denied: set[str]
) -> None:
    with world.entry("tenant_acl", rule, "deny", priority=1):
        outcomes = {name: world.send(M1, from_m1(frame)) for name, frame in FRAMES.items()}
        counted = world.client.direct_counter("tenant_acl", rule, priority=1)
    assert {name for name, outcome in outcomes.items() if outcome.drops == {"ACL": 1}} == denied
    for name in set(FRAMES) - denied:
        assert outcomes[name].only(M2) == tagged(FRAMES[name], 201)
    assert counted.packets == len(denied)


def test_the_higher_priority_wins(world: World) -> None:
    udp, port = {"protocol": exact(17, 8)}, {"l4_dst": exact(5000, 16)}
    with (
        world.entry("tenant_acl", udp, "deny", priority=5),
        world.entry("tenant_acl", port, "permit", priority=9),
    ):
        assert world.send(M1, from_m1(UDP_FRAME)).only(M2)
    with (
        world.entry("tenant_acl", udp, "deny", priority=9),
        world.entry("tenant_acl", port, "permit", priority=5),
    ):
        world.send(M1, from_m1(UDP_FRAME)).dropped("ACL")


def test_a_closed_default_lets_only_the_named_through(world: World) -> None:
    world.client.set_default("tenant_acl", "deny")
    try:
        with world.entry("tenant_acl", {"protocol": exact(6, 8)}, "permit", priority=1):
            assert world.send(M1, from_m1(TCP_FRAME)).only(M2)
            world.send(M1, from_m1(UDP_FRAME)).dropped("ACL")
    finally:
        world.client.set_default("tenant_acl", "permit")


def test_fragments_can_be_named(world: World) -> None:
    whole = IP(src=IPV4[1], dst=IPV4[2]) / UDP(sport=9, dport=9) / Raw(bytes(600))
    parts = [from_m1(Ether(**HEAD) / part) for part in fragment(whole, 208)]
    assert len(parts) == 3
    with world.entry("tenant_acl", {"fragment": (1, 1)}, "deny", priority=1):
        world.send(M1, *parts).dropped("ACL", 3)
    with world.entry("tenant_acl", {"l4_dst": exact(9, 16)}, "deny", priority=1):
        outcome = world.send(M1, *parts)  # only the first part has ports
    assert outcome.drops == {"ACL": 1}
    assert len(outcome.out[M2]) == 2


def test_the_rules_hold_for_decapsulated_frames(world: World) -> None:
    arrives = vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True)
    for mode in ("pass_on", "decapsulate"):
        with (
            world.mode(2, mode),
            world.entry("tenant_acl", {"src": (ip_int(IPV4[3]), ALL)}, "deny", priority=1),
        ):
            world.send(FABRIC_A, arrives).dropped("ACL")


def test_a_copy_goes_to_the_controller_and_the_frame_is_forwarded(world: World) -> None:
    frame = from_m1(UDP_FRAME)
    with world.entry("tenant_acl", {"protocol": exact(17, 8)}, "permit_and_copy", priority=1):
        assert world.send(M1, frame, events=2).out == {M2: [tagged(UDP_FRAME, 201)]}
        copy = world.client.next_packet_in()
        assert copy.payload == frame
        assert copy.metadata == {"ingress_port": M1, "reason": 2}
        # Encapsulated frames and those from a tunnel are copied as they came in as well.
        tunnelled = from_m1(inner(dst=MAC[3]))
        assert world.send(M1, tunnelled, events=2).out.keys() == {FABRIC_A}
        assert world.client.next_packet_in().payload == tunnelled
        arrives = vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True)
        with world.mode(2, "decapsulate"):
            world.send(FABRIC_A, arrives, events=2)
        copy = world.client.next_packet_in()
        assert copy.payload == arrives
        assert copy.metadata == {"ingress_port": FABRIC_A, "reason": 2}


def test_without_a_clone_session_only_the_copy_is_lost(world: World) -> None:
    world.client.clone_session(CPU_PORT, [(CPU_PORT, 0)], DELETE)
    try:
        with world.entry("tenant_acl", {"protocol": exact(17, 8)}, "permit_and_copy", priority=1):
            assert world.send(M1, from_m1(UDP_FRAME)).only(M2) == tagged(UDP_FRAME, 201)
    finally:
        world.client.clone_session(CPU_PORT, [(CPU_PORT, 0)], INSERT)


# ---- the tenant's counter and meter ----------------------------------------------------------


def test_a_tenants_frames_are_counted_on_both_ways_in(world: World) -> None:
    def counted() -> list[Any]:
        return [world.client.direct_counter("tenant", {"vni": vni}) for vni in (RED, BLUE)]

    (red, blue) = counted()
    sent = from_m1(UDP_FRAME)
    arrives = vxlan(inner(src=3), 3, 2, port=FABRIC_A, inbound=True)
    world.send(M1, sent)
    world.send(FABRIC_A, arrives)
    (red_after, blue_after) = counted()
    assert red_after.packets - red.packets == 2
    assert red_after.bytes - red.bytes == len(sent) + len(arrives)
    assert blue_after == blue


def test_a_meter_drops_what_is_over_its_rate_and_no_other_tenant(world: World) -> None:
    frame = from_m1(UDP_FRAME)
    budget = 3 * len(frame) + 10
    # A byte a second: after the burst nothing more passes while this test runs.
    world.client.set_direct_meter("tenant", {"vni": RED}, (1, budget, 1, budget))
    try:
        outcome = world.send(M1, *[frame] * 10)
        blue = world.send(M1, *[from_m1(UDP_FRAME, BLUE)] * 10, events=20)
    finally:
        world.client.unset_direct_meter("tenant", {"vni": RED})
    assert outcome.drops == {"METER": 7}
    assert outcome.out == {M2: [tagged(UDP_FRAME, 201)] * 3}
    assert blue.drops == {"SPLIT_HORIZON": 10}
    assert world.send(M1, *[frame] * 10).drops == {}


def test_yellow_passes(world: World) -> None:
    frame = from_m1(UDP_FRAME)
    burst = (1, len(frame) + 10, 1, 5 * len(frame) + 10)
    world.client.set_direct_meter("tenant", {"vni": RED}, burst)
    try:
        outcome = world.send(M1, *[frame] * 8)
    finally:
        world.client.unset_direct_meter("tenant", {"vni": RED})
    assert outcome.drops == {"METER": 3}
    assert len(outcome.out[M2]) == 5
