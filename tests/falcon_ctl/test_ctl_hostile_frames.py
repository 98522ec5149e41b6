"""A container as attacker on the wire: no frame of its reaches another tenant.

The frames are sent by a program in the container, as a student's would be.
"""

import socket
import struct
import sys
from collections.abc import Iterator

import pytest

from falcon_ctl.live import reach
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OFFLOAD, OVERLAY
from falcon_ctl.systems.system import System
from tests.topo.driver import Topo, network_up
from topo.client.network import Network
from topo.spec.model import Topology

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]
ATTACKER = "red1-1"
MARK = b"out of tenant red"
EVERYONE = b"\xff" * 6
SEND = """
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0))
for line in sys.stdin:
    sock.send(bytes.fromhex(line))
"""


@pytest.fixture(scope="module")
def pair() -> Iterator[Topo]:
    with network_up("pair", "--switch", "v1switch") as topo:
        yield topo


def raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def tag(vlan: int, ethertype: int = 0x8100) -> bytes:
    return struct.pack("!HH", ethertype, vlan)


def frame(target: bytes, source: bytes, tags: bytes = b"", payload: bytes = b"") -> bytes:
    """A frame with the mark in it, of an EtherType for experiments (IEEE 802)."""
    return target + source + tags + (payload or b"\x88\xb5") + MARK.ljust(60, b".")


def ipv4(source: str, target: str, protocol: int, payload: bytes) -> bytes:
    """The end of an Ethernet header, and an IPv4 header with its checksum."""
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    start = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    words = struct.unpack("!10H", start + addresses)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return b"\x08\x00" + start[:10] + struct.pack("!H", checksum) + addresses + payload


def vxlan(vni: int, inner: bytes) -> bytes:
    """UDP to the VXLAN port, and the header of RFC 7348."""
    body = struct.pack("!II", 0x08000000, vni << 8) + inner
    return struct.pack("!HHHH", 50000, 4789, 8 + len(body), 0) + body


def attacks(topology: Topology) -> Iterator[bytes]:
    """Frames that aim at tenant blue, by its tag, its addresses or its VNI."""
    red, blue = topology.tenants
    of = {c.name: raw(c.mac) for c in topology.containers}
    machines = [raw(machine.mac) for machine in topology.machines]
    (switch,) = (raw(s.mac) for s in topology.switches)
    blues = [of[c.name] for c in topology.containers if c.tenant == "blue"]
    me = of[ATTACKER]
    stacks = [b"", tag(blue.vlan), tag(0), tag(0x1000 | blue.vlan), tag(4095), tag(red.vlan)]
    stacks += [tag(red.vlan) + tag(blue.vlan), tag(blue.vlan) + tag(red.vlan)]
    stacks += [tag(blue.vlan, 0x88A8), tag(red.vlan, 0x88A8) + tag(blue.vlan)]
    for tags in stacks:
        for source in (me, *blues, *machines, switch, of["red2-1"]):
            for target in (*blues, EVERYONE, *machines, switch):
                yield frame(target, source, tags)
    first, second = topology.machines
    for target in (*machines, switch, EVERYONE, *blues):
        for source in (str(first.vtep), str(second.vtep), "10.0.0.11"):
            for machine in topology.machines:
                inner = frame(blues[-1], blues[0])
                packet = ipv4(source, str(machine.vtep), 17, vxlan(blue.vni, inner))
                yield target + me + packet
                yield target + me + tag(blue.vlan) + packet


def listen(network: Network, container: str) -> socket.socket:
    every = socket.htons(0x0003)
    sock = network.socket(container, socket.AF_PACKET, socket.SOCK_RAW, every)
    sock.bind(("eth0", 0x0003))
    sock.setblocking(False)
    return sock


def heard(sock: socket.socket) -> list[bytes]:
    """All frames with the mark that a socket has received and not sent itself."""
    found = []
    while True:
        try:
            data, address = sock.recvfrom(4096)
        except BlockingIOError:
            return found
        if MARK in data and address[2] != socket.PACKET_OUTGOING:
            found.append(data)


@pytest.mark.parametrize("system", [OVERLAY, OFFLOAD], ids=lambda system: system.name)
def test_no_frame_of_a_container_reaches_another_tenant(pair: Topo, system: System) -> None:
    with pair.network() as network, Testbed.open(network) as testbed:
        topology = network.spec
        testbed.controller.push_pipelines()
        testbed.use(system, 1000)
        assert all(reach.ping_all(testbed, 20.0).values())
        ears = {c.name: listen(network, c.name) for c in topology.containers if c.name != ATTACKER}
        try:
            me, friend = (raw(testbed.container(name).mac) for name in (ATTACKER, "red2-1"))
            frames = [*attacks(topology), *[frame(friend, me)] * 3]
            lines = "\n".join(data.hex() for data in frames)
            argv = [sys.executable, "-I", "-S", "-c", SEND]
            network.exec(ATTACKER, argv, input=lines, check=True, timeout=60)
            # What comes later than this could not be told from what never comes: both tenants
            # still work, and the answers to their pings are behind the frames.
            answered = reach.ping_all(testbed, 20.0)
            got = {name: heard(sock) for name, sock in ears.items()}
        finally:
            for sock in ears.values():
                sock.close()
    blue = {c.name for c in topology.containers if c.tenant == "blue"}
    assert {name: got[name] for name in blue} == {name: [] for name in blue}
    assert got["red2-1"], "a frame within the tenant arrives: the ears hear"
    spoiled = [pair for pair, ok in answered.items() if not ok and pair[0] in blue]
    assert spoiled == []
