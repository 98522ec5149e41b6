"""The network of lab 2: what its controller writes into the switch, and the addresses in it.

One switch with two access ports and two ports to the underlay. Two tenants share it:

    machine 1 (red a, blue a) -- access 1 --+--------+-- underlay 1 -- remote VTEP 1 (red c)
    machine 2 (red b)         -- access 2 --+ switch +-- underlay 2 -- remote VTEP 2 (red d, blue c)

A student's numbers (`given`) are made by `network`; everything else follows from them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from labs.draw import Draw
from labs.frames import (
    ARP_TYPE,
    IPV4_TYPE,
    IPV6_TYPE,
    TCP,
    UDP,
    VLAN_TYPE,
    VXLAN_PORT,
    arp_request,
    ethernet,
    ipv4,
    ipv6,
    tcp,
    udp,
    vxlan_header,
)

Given = dict[str, Any]
Frame = tuple[int, bytes]
"""The port that it comes from, and its bytes."""
PORTS = 48  # of the switch; the student's ports are some of them


def network(draw: Draw) -> Given:
    """A student's network, as JSON's types."""
    ports = draw.named("ports").sample(range(1, PORTS), 4)
    vids = draw.named("vids").sample(range(2, 4000), 3)
    low, high = draw.named("vnis").integer(4096, 2**23), draw.named("vnis").integer(0, 2**22)
    vnis = draw.named("tenants").shuffle([low, 2**23 + 1 + high])
    vteps, macs = draw.named("vteps"), draw.named("macs")
    own, first, second = (vteps.ipv4(f"172.16.{16 * n}.0/20") for n in range(3))
    names = ("red_a", "red_b", "red_c", "red_d", "blue_a", "unknown")
    hosts = {name: macs.mac() for name in names}
    hosts["blue_c"] = hosts["red_c"]  # two tenants may use one MAC address
    return {
        "access_ports": ports[:2],
        "underlay_ports": ports[2:],
        "red": {"vni": vnis[0], "vids": vids[:2]},  # the VLAN on each access port
        "blue": {"vni": vnis[1], "vids": vids[2:]},  # on the first one only
        "own_vtep": own,
        "remote_vteps": [first, second],
        "links": [{"own_mac": macs.mac(), "next_mac": macs.mac()} for _ in range(2)],
        "hosts": hosts,
        "src_port": draw.named("src_port").integer(1024, 49151),
        "dst_port": draw.named("dst_port").integer(1024, 49151),
    }


RED_GROUP, BLUE_GROUP = 1, 2
NODES = {
    RED_GROUP: (("access", 0), ("access", 1), ("underlay", 0), ("underlay", 1)),
    BLUE_GROUP: (("access", 0), ("underlay", 1)),
}
"""Copies of a flooded frame: to an access port, or to the VTEP behind an underlay port."""


def controller(given: Given, learned: bool = True) -> str:
    """What the controller writes, as commands of simple_switch_CLI.

    Args:
        given: the student's network.
        learned: with the MAC addresses that it has learned; without, everything is flooded.
    """
    lines = [*_ports(given), *_floods(given)]
    if learned:
        lines += _addresses(given)
    return "".join(f"{line}\n" for line in lines)


def _ports(given: Given) -> Iterator[str]:
    own, vteps = given["own_vtep"], given["remote_vteps"]
    access, underlay = given["access_ports"], given["underlay_ports"]
    for tenant in (given["red"], given["blue"]):
        for port, vid in zip(access, tenant["vids"], strict=False):
            yield f"table_add access_vni set_vni {port} {vid} => {tenant['vni']} {own}"
            yield f"table_add port_vlan set_vid {port} {tenant['vni']} => {vid}"
    yield f"table_add local_vtep terminate {own} =>"
    for port, link, _ in zip(underlay, given["links"], vteps, strict=True):
        yield f"table_add link set_macs {port} => {link['own_mac']} {link['next_mac']}"


def _floods(given: Given) -> Iterator[str]:
    node = 0
    for group, tenant in ((RED_GROUP, "red"), (BLUE_GROUP, "blue")):
        yield f"mc_mgrp_create {group}"
        for kind, place in NODES[group]:
            rid = 100 * group + node  # the instance: which copy this is
            yield f"mc_node_create {rid} {given[f'{kind}_ports'][place]}"
            yield f"mc_node_associate {group} {node}"
            if kind == "access":
                yield f"table_add replica copy_to_port {rid} =>"
            else:
                yield f"table_add replica copy_to_vtep {rid} => {given['remote_vteps'][place]}"
            node += 1
        yield f"table_add flood_group flood {given[tenant]['vni']} => {group}"


def _addresses(given: Given) -> Iterator[str]:
    hosts, access, underlay = given["hosts"], given["access_ports"], given["underlay_ports"]
    near = (("red", "red_a", 0), ("red", "red_b", 1), ("blue", "blue_a", 0))
    far = (("red", "red_c", 0), ("red", "red_d", 1), ("blue", "blue_c", 1))
    for tenant, host, place in near:
        vni, mac = given[tenant]["vni"], hosts[host]
        yield f"table_add dmac to_port {vni} {mac} => {access[place]}"
        yield f"table_add smac known {vni} {mac} {access[place]} 0 =>"
    for tenant, host, place in far:
        vni, mac, vtep = given[tenant]["vni"], hosts[host], given["remote_vteps"][place]
        yield f"table_add dmac to_vtep {vni} {mac} => {vtep} {underlay[place]}"
        yield f"table_add smac known {vni} {mac} 0 {vtep} =>"


# -- frames ----------------------------------------------------------------------------------------


def packet_of(given: Given, data: bytes = b"ping", **changes: Any) -> bytes:
    """The IPv4 packet of a UDP flow; `changes`: src_port, dst_port, src, dst, those of `ipv4`."""
    source = changes.pop("src_port", given["src_port"])
    port = changes.pop("dst_port", given["dst_port"])
    src, dst = changes.pop("src", "10.0.0.11"), changes.pop("dst", "10.0.0.21")
    return ipv4(src, dst, UDP, udp(source, port, data), **changes)


def plain(
    given: Given, src: str, dst: str, payload: bytes | None = None, kind: int = IPV4_TYPE
) -> bytes:
    """A container's frame without a tag, between two hosts of the network."""
    hosts = given["hosts"]
    data = packet_of(given) if payload is None else payload
    return ethernet(hosts[dst], hosts[src], data, kind)


def various(given: Given) -> list[bytes]:
    """Frames from red a to red c: UDP of three lengths, TCP, ARP, IPv6, a fragment, no IP."""
    hosts = given["hosts"]
    arp = arp_request(hosts["red_a"], "10.0.0.11", "10.0.0.21")[14:]
    segment = tcp(given["src_port"], 80, 1, b"GET /")
    payloads: list[tuple[bytes, int]] = [
        *((packet_of(given, bytes(size)), 0x0800) for size in (0, 33, 1300)),
        (ipv4("10.0.0.11", "10.0.0.21", TCP, segment), 0x0800),
        (packet_of(given, bytes(100), fragment=0x2000), 0x0800),
        (arp, ARP_TYPE),
        (ipv6("2001:db8::1", "2001:db8::2", UDP, udp(1, 2, b"six", sum_=7)), IPV6_TYPE),
        (b"neither IP nor ARP", 0x88B5),
    ]
    return [plain(given, "red_a", "red_c", *each) for each in payloads]


def tagged(frame: bytes, vid: int) -> bytes:
    """The frame with a tag behind its addresses."""
    return frame[:12] + struct.pack("!HH", VLAN_TYPE, vid) + frame[12:]


def from_machine(given: Given, frame: bytes, place: int = 0, tenant: str = "red") -> Frame:
    """The frame as it comes from the machine on an access port."""
    return given["access_ports"][place], tagged(frame, given[tenant]["vids"][place])


def from_tunnel(
    given: Given,
    frame: bytes,
    place: int = 0,
    header: bytes = b"",
    port: int = VXLAN_PORT,
    dst: str = "",
) -> Frame:
    """The frame as it comes from a remote VTEP; of the red tenant, but for another header."""
    link, vtep = given["links"][place], given["remote_vteps"][place]
    payload = (header or vxlan_header(given["red"]["vni"])) + frame
    packet = ipv4(vtep, dst or given["own_vtep"], UDP, udp(50123, port, payload))
    return given["underlay_ports"][place], ethernet(link["own_mac"], link["next_mac"], packet)


def examples(given: Given) -> dict[str, Frame]:
    """A frame for each task, to be looked at."""
    hosts = given["hosts"]
    return {
        "encapsulate": from_machine(given, plain(given, "red_a", "red_c")),
        "decapsulate": from_tunnel(given, plain(given, "red_c", "red_a")),
        "flood": from_machine(given, arp_request(hosts["red_a"], "10.0.0.11", "10.0.0.99")),
        "from-tunnel-flood": from_tunnel(
            given, arp_request(hosts["red_c"], "10.0.0.31", "10.0.0.99")
        ),
        "learn": from_tunnel(given, plain(given, "unknown", "red_a"), 1),
    }
