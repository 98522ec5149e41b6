"""Linux's own VXLAN driver at the other end of the tunnel: both understand each other."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from tests.p4.world import (
    FABRIC_A,
    IPV4,
    M2,
    MAC,
    NEIGHBOUR_MAC,
    RED,
    SWITCH_MAC,
    VLAN,
    VTEP,
    World,
    tagged,
)
from tests.switch.harness import SandboxError

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def linux(world: World) -> Iterator[World]:
    """m3 is the sandbox's kernel: its VTEP is the far end of port 3, its container the device."""
    link, ip = world.sandbox.far_ifname(FABRIC_A), world.sandbox.ip
    tunnel = f"id {RED} dstport 4789 local {VTEP[3]} remote {VTEP[2]} dev {link}"
    try:
        ip("link", "add", "vx3", "address", MAC[3], "type", "vxlan", *tunnel.split())
    except SandboxError as error:
        if "Unknown device type" not in str(error):
            raise
        pytest.skip("this kernel has no VXLAN driver")
    ip("link", "set", link, "address", NEIGHBOUR_MAC[FABRIC_A])
    ip("addr", "replace", f"{VTEP[3]}/24", "dev", link)
    ip("neigh", "replace", VTEP[2], "lladdr", SWITCH_MAC[FABRIC_A], "dev", link)
    ip("link", "set", "vx3", "up")
    ip("addr", "replace", f"{IPV4[3]}/24", "dev", "vx3")
    ip("neigh", "replace", IPV4[2], "lladdr", MAC[2], "dev", "vx3")
    yield world
    ip("link", "del", "vx3")


@pytest.mark.parametrize("size", [0, 1, 56, 1400])
@pytest.mark.parametrize("tos", [0, 0xB8 | 2])
def test_linux_answers_through_the_tunnel(linux: World, size: int, tos: int) -> None:
    payload = Raw(bytes(i & 0xFF for i in range(size)))
    ping = IP(src=IPV4[2], dst=IPV4[3], tos=tos) / ICMP(type=8, id=size, seq=tos) / payload
    frame = Ether(src=MAC[2], dst=MAC[3]) / ping
    with linux.mode(2, "decapsulate"):
        linux.sandbox.port(M2).send(tagged(frame, VLAN[M2, RED]))
        answer = Ether(linux.sandbox.port(M2).receive())
    assert (answer.src, answer.dst) == (MAC[3], MAC[2])
    assert answer[Dot1Q].vlan == VLAN[M2, RED]
    assert (answer[IP].src, answer[IP].dst) == (IPV4[3], IPV4[2])
    assert (answer[ICMP].type, answer[ICMP].id, answer[ICMP].seq) == (0, size, tos)
    assert bytes(answer[ICMP].payload) == bytes(payload)
