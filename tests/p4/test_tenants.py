"""A tenant's frames: VLAN and VNI, delivery within the switch, ARP, flooding, learning."""

import pytest
from scapy.layers.inet import UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from tests.p4.world import (
    BLUE,
    BROADCAST,
    FABRIC_A,
    IPV4,
    M1,
    M2,
    MAC,
    NEAR2_MAC,
    RED,
    UNKNOWN_MAC,
    VLAN,
    VTEP,
    World,
    from_m1,
    inner,
    ip_int,
    mac_int,
    tagged,
    vxlan,
)
from tests.switch.harness import SandboxError

pytestmark = pytest.mark.network


def arp_request(src: int, target: str, **fields: str) -> Ether:
    arp = ARP(op=1, hwsrc=MAC[src], psrc=IPV4[src], pdst=target)
    for name, value in fields.items():
        setattr(arp, name, value)
    return Ether(src=MAC[src], dst=BROADCAST) / arp


def opaque(src: str, dst: str) -> Ether:
    """Return a frame of a protocol that the switch does not know."""
    return Ether(src=src, dst=dst, type=0x9000) / Raw(bytes(46))


# ---- delivery to a local port --------------------------------------------------------------------


def test_a_local_frame_gets_the_tag_of_its_tenant_on_the_other_port(world: World) -> None:
    frame = inner(dst=NEAR2_MAC)
    assert world.send(M1, tagged(frame, 101, pcp=5)).only(M2) == tagged(frame, 201, pcp=5)


def test_tenants_with_the_same_addresses_are_isolated(world: World) -> None:
    # The same frame; red knows the address, blue does not and floods within blue.
    frame = inner(dst=NEAR2_MAC)
    assert world.send(M1, from_m1(frame, RED)).only(M2) == tagged(frame, VLAN[M2, RED])
    blue = world.send(M1, from_m1(frame, BLUE), events=2)
    assert blue.out == {M2: [tagged(frame, VLAN[M2, BLUE])]}
    assert blue.drops == {"SPLIT_HORIZON": 1}


def test_a_tenants_own_tag_is_its_data(world: World) -> None:
    frame = tagged(inner(dst=NEAR2_MAC), 7)
    assert world.send(M1, tagged(frame, 101)).only(M2) == tagged(frame, 201)


def test_vxlan_inside_a_tenants_frame_is_its_data(world: World) -> None:
    frame = inner(dst=NEAR2_MAC)
    nested = frame / bytes(8)
    for payload in (b"", b"\x08", bytes(8), bytes(21), bytes(inner())):
        nested = frame.copy()
        nested[UDP].dport = 4789
        nested[UDP].remove_payload()
        nested = Ether(bytes(nested / Raw(payload)))
        del nested[UDP].len, nested["IP"].len, nested["IP"].chksum, nested[UDP].chksum
        assert world.send(M1, from_m1(nested)).only(M2) == tagged(nested, 201)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (bytes(inner(dst=NEAR2_MAC)), "UNTAGGED"),
        (tagged(inner(dst=NEAR2_MAC), 999), "VLAN_UNKNOWN"),
        (tagged(inner(dst=NEAR2_MAC), 201), "VLAN_UNKNOWN"),
        (from_m1(opaque("03:00:00:00:00:01", NEAR2_MAC)), "SOURCE_MAC"),
        (from_m1(opaque(MAC[1], "01:80:c2:00:00:00")), "LINK_LOCAL"),
        (from_m1(opaque(MAC[1], "01:80:c2:00:00:0f")), "LINK_LOCAL"),
        (from_m1(inner(dst=MAC[1])), "REFLECTED"),
    ],
    ids=["untagged", "vlan", "vlan of another port", "source", "stp", "last of stp", "own port"],
)
def test_what_a_bridge_drops(world: World, frame: bytes, reason: str) -> None:
    world.send(M1, frame).dropped(reason)


def test_the_group_after_the_reserved_ones_is_flooded(world: World) -> None:
    frame = opaque(MAC[1], "01:80:c2:00:00:10")
    assert world.send(M1, from_m1(frame, BLUE), events=2).out == {M2: [tagged(frame, 202)]}


def test_a_frame_back_to_its_own_port_is_dropped(world: World) -> None:
    with world.entry(
        "l2_forward", {"vni": BLUE, "dst_addr": mac_int(MAC[3])}, "to_port", {"port": M1}
    ):
        world.send(M1, from_m1(inner(dst=MAC[3]), BLUE)).dropped("REFLECTED")


def test_a_port_without_entries_is_closed(world: World) -> None:
    world.client.delete("port_kind", {"ingress_port": M1})
    try:
        world.send(M1, from_m1(inner())).dropped("PORT_UNKNOWN")
    finally:
        world.client.insert("port_kind", {"ingress_port": M1}, "access")


def test_a_vni_that_is_not_a_tenants_is_dropped(world: World) -> None:
    other = {"vni": 7, "vtep": ip_int(VTEP[1]), "vxlan_port": 4789}
    with world.entry("access_vni", {"ingress_port": M1, "vid": 7}, "set_tenant", other):
        world.send(M1, tagged(inner(), 7)).dropped("VNI_UNKNOWN")


def test_a_tenant_that_a_port_does_not_have_is_not_delivered_there(world: World) -> None:
    there = {"egress_port": M2, "vni": RED}
    world.client.delete("deliver_vlan", there)
    try:
        world.send(M1, from_m1(inner(dst=NEAR2_MAC))).dropped("TENANT_ABSENT")
    finally:
        world.client.insert("deliver_vlan", there, "set_vlan", {"vid": VLAN[M2, RED]})


def test_delivered_frames_are_counted_by_port_and_tenant(world: World) -> None:
    there = {"egress_port": M2, "vni": RED}
    before = world.client.direct_counter("deliver_vlan", there)
    frame = from_m1(inner(dst=NEAR2_MAC))
    world.send(M1, frame, frame)
    after = world.client.direct_counter("deliver_vlan", there)
    assert after.packets - before.packets == 2
    assert after.bytes - before.bytes == 2 * len(frame)


# ---- broadcast, unknown, multicast -----------------------------------------------------------


@pytest.mark.parametrize("dst", [BROADCAST, "01:00:5e:00:00:05", UNKNOWN_MAC])
def test_flooding_reaches_all_ports_but_the_senders(world: World, dst: str) -> None:
    frame = inner(dst=dst)
    outcome = world.send(M1, from_m1(frame), events=3)
    assert outcome.out == {
        M2: [vxlan(frame, 1, 2, port=M2)],
        FABRIC_A: [vxlan(frame, 1, 3, port=FABRIC_A)],
    }
    assert outcome.drops == {"SPLIT_HORIZON": 1}


def test_a_flooded_copy_is_decapsulated_where_the_table_says_so(world: World) -> None:
    frame = inner(dst=BROADCAST)
    with world.mode(2, "decapsulate"):
        outcome = world.send(M1, from_m1(frame), events=3)
    assert outcome.out == {
        M2: [tagged(frame, 201)],
        FABRIC_A: [vxlan(frame, 1, 3, port=FABRIC_A)],
    }


def test_decapsulated_frames_are_never_flooded(world: World) -> None:
    frame = inner(src=3, dst=BROADCAST)
    with world.mode(2, "decapsulate"):
        outcome = world.send(FABRIC_A, vxlan(frame, 3, 2, port=FABRIC_A, inbound=True))
    assert outcome.only(M2) == tagged(frame, 201)


def test_without_a_group_nothing_is_flooded(world: World) -> None:
    world.client.delete("vni_flood", {"vni": BLUE})
    try:
        world.send(M1, from_m1(inner(dst=BROADCAST), BLUE)).dropped("NO_FLOOD")
    finally:
        world.client.insert("vni_flood", {"vni": BLUE}, "set_group", {"group": 2})


def test_a_copy_that_no_entry_describes_is_dropped(world: World) -> None:
    world.client.delete("replica", {"egress_rid": 22})
    try:
        outcome = world.send(M1, from_m1(inner(dst=BROADCAST), BLUE), events=2)
        assert outcome.out == {}
        assert outcome.drops == {"SPLIT_HORIZON": 1, "REPLICA": 1}
    finally:
        world.client.insert("replica", {"egress_rid": 22}, "replica_to_port")


# ---- ARP -----------------------------------------------------------------------------------------


def test_the_switch_answers_for_an_address_it_knows(world: World) -> None:
    known = {"vni": RED, "target_ip": ip_int(IPV4[3])}
    with world.entry("arp_suppress", known, "arp_reply", {"mac": mac_int(MAC[3])}):
        answer = world.send(M1, from_m1(arp_request(1, IPV4[3]))).only(M1)
    reply = ARP(op=2, hwsrc=MAC[3], psrc=IPV4[3], hwdst=MAC[1], pdst=IPV4[1])
    assert answer == from_m1(Ether(src=MAC[3], dst=MAC[1]) / reply)


def test_padding_after_an_answer_is_kept(world: World) -> None:
    known = {"vni": RED, "target_ip": ip_int(IPV4[3])}
    padded = bytes(arp_request(1, IPV4[3])) + bytes(18)
    with world.entry("arp_suppress", known, "arp_reply", {"mac": mac_int(MAC[3])}):
        answer = world.send(M1, from_m1(padded)).only(M1)
    assert len(answer) == len(padded) + 4


@pytest.mark.parametrize(
    ("vni", "fields"),
    [
        (BLUE, {}),  # another tenant's address
        (RED, {"psrc": IPV4[3]}),  # gratuitous: it announces its own address
        (RED, {"psrc": "0.0.0.0", "hwsrc": MAC[3]}),  # the owner probes for its address
    ],
    ids=["other tenant", "gratuitous", "owner probes"],
)
def test_requests_that_are_flooded_and_not_answered(
    world: World, vni: int, fields: dict[str, str]
) -> None:
    known = {"vni": RED, "target_ip": ip_int(IPV4[3])}
    request = arp_request(1, IPV4[3], **fields)
    with world.entry("arp_suppress", known, "arp_reply", {"mac": mac_int(MAC[3])}):
        outcome = world.send(M1, from_m1(request, vni), events=3 if vni == RED else 2)
    assert M1 not in outcome.out
    assert M2 in outcome.out


def test_a_reply_is_forwarded_and_not_answered(world: World) -> None:
    known = {"vni": RED, "target_ip": ip_int(IPV4[2])}
    arp = ARP(op=2, hwsrc=MAC[1], psrc=IPV4[1], hwdst=MAC[2], pdst=IPV4[2])
    frame = Ether(src=MAC[1], dst=NEAR2_MAC) / arp
    with world.entry("arp_suppress", known, "arp_reply", {"mac": mac_int(MAC[2])}):
        assert world.send(M1, from_m1(frame)).only(M2) == tagged(frame, 201)


def test_arp_of_other_hardware_is_only_forwarded(world: World) -> None:
    frame = Ether(src=MAC[1], dst=NEAR2_MAC, type=0x0806) / Raw(b"\0\6\x08\0\x08\4\0\1" + bytes(24))
    assert world.send(M1, from_m1(frame)).only(M2) == tagged(frame, 201)


# ---- learning ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learning(world: World) -> World:
    world.client.enable_digest("mac_learn")
    return world


def fresh(world: World, wanted: tuple[int, ...]) -> None:
    """Read digests until the wanted one arrives; other tests' frames are learned as well."""
    while True:
        if wanted in world.client.next_digest():
            return


def no_digest_for(world: World, mac: str) -> None:
    digests = []
    try:
        while True:
            digests += world.client.next_digest(patience=0.2)
    except SandboxError:
        pass
    assert not [digest for digest in digests if digest[1] == mac_int(mac)]


def test_a_new_address_on_an_access_port_is_learned(learning: World) -> None:
    mac = "02:bb:00:00:00:01"
    frame = inner(dst=NEAR2_MAC)
    frame.src = mac
    learning.send(M1, from_m1(frame))
    fresh(learning, (RED, mac_int(mac), M1, 0))


def test_a_new_address_beyond_a_tunnel_is_learned_with_its_vtep(learning: World) -> None:
    mac = "02:bb:00:00:00:02"
    frame = inner(src=3)
    frame.src = mac
    for mode in ("pass_on", "decapsulate"):
        with learning.mode(2, mode):
            learning.send(FABRIC_A, vxlan(frame, 3, 2, port=FABRIC_A, inbound=True))
        fresh(learning, (RED, mac_int(mac), 0, ip_int(VTEP[3])))


def test_a_known_address_is_learned_again_only_after_a_move(learning: World) -> None:
    mac = "02:bb:00:00:00:03"
    frame = inner(dst=NEAR2_MAC)
    frame.src = mac
    place = {"vni": RED, "mac": mac_int(mac), "port": M1, "vtep": 0}
    with learning.entry("smac", place, "known"):
        learning.send(M1, from_m1(frame))
        no_digest_for(learning, mac)
        learning.send(M2, tagged(frame, VLAN[M2, RED]))
        fresh(learning, (RED, mac_int(mac), M2, 0))


def test_an_idle_address_is_reported(learning: World) -> None:
    place = {"vni": RED, "mac": mac_int("02:bb:00:00:00:05"), "port": M1, "vtep": 0}
    with learning.entry("smac", place, "known", idle_timeout_ns=200_000_000):
        notice = learning.client.next("idle_timeout_notification")
    smac = learning.client.names.id("tables", "smac")
    assert [entry.table_id for entry in notice.table_entry] == [smac]


def test_a_denied_frame_is_not_learned(learning: World) -> None:
    mac = "02:bb:00:00:00:04"
    frame = inner(dst=NEAR2_MAC)
    frame.src = mac
    with learning.entry("tenant_acl", {"vni": (RED, 0xFFFFFF)}, "deny", priority=1):
        learning.send(M1, from_m1(frame)).dropped("ACL")
        no_digest_for(learning, mac)


def test_a_tenants_unknown_addresses_are_reported_up_to_its_limit(learning: World) -> None:
    def stranger(number: int) -> Ether:
        frame = inner(dst=NEAR2_MAC)
        frame.src = f"02:cc:00:00:00:{number:02x}"
        return frame

    frames = [stranger(number) for number in range(16)]
    wanted = {mac_int(frame.src) for frame in frames}
    with learning.entry("learn_limit", {"vni": RED}, "limited"):
        # One a second: after the burst nothing more passes while this test runs.
        learning.client.set_direct_meter("learn_limit", {"vni": RED}, (1, 4, 1, 4))
        outcome = learning.send(M1, *(from_m1(frame) for frame in frames))
        learning.send(M1, from_m1(frames[-1], BLUE), events=2)
        reported = set()
        while BLUE not in {vni for vni, _ in reported}:
            reported |= {(digest[0], digest[1]) for digest in learning.client.next_digest()}
    assert outcome.out == {M2: [tagged(frame, VLAN[M2, RED]) for frame in frames]}
    assert 4 <= len({mac for vni, mac in reported if vni == RED} & wanted) < len(frames)
