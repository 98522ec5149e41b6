"""The case of the VXLAN switch in p4/: the world of tests/p4, and frames of every kind."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf import text_format
from p4.config.v1.p4info_pb2 import P4Info
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.p4 import world
from tests.p4.world import (
    BLUE,
    BROADCAST,
    FABRIC_A,
    FABRIC_B,
    M1,
    M2,
    MAC,
    NEAR2_MAC,
    RED,
    UNKNOWN_MAC,
)
from tests.switch.harness_p4info import Match as NamedMatch
from tests.switch.harness_p4info import Names, Params, Path
from tests.v1switch.cases import Entries, Frame
from tests.v1switch.random_entries import changed
from v1switch.program.model import KeyField, Program
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    CloneSession,
    Exact,
    Lpm,
    Match,
    MeterConfig,
    MulticastGroup,
    Replica,
    TableEntry,
    Ternary,
    WeightedAction,
)

Row = tuple[str, NamedMatch, Any, Params]
CHANGED = 120
LINK_LOCAL = "01:80:c2:00:00:03"
BURST = 6000  # bytes that the blue tenant may send; no tokens are added over time
ETHERNET = 14  # bytes that every frame has


def _match(field: KeyField, found: int | bytes | tuple[int, int] | None) -> Match:
    if isinstance(found, tuple):
        return Lpm(*found) if field.match_kind == "lpm" else Ternary(*found)
    if field.match_kind == "ternary":
        return Ternary(0, 0)
    assert isinstance(found, int)
    return Exact(found)


class Translator:
    """Turns rows of aliases into entries."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = Names(text_format.Parse(world.P4INFO.read_text(), P4Info()))

    def call(self, action: str, params: Params) -> ActionCall:
        found = self.names.get("actions", action)
        return ActionCall(found.preamble.name, tuple(params[p.name] for p in found.params))  # type: ignore[misc]  # numbers only

    def entry(self, row: Row, priority: int = 0) -> tuple[str, TableEntry]:
        table, match, action, params = row
        name = self.names.get("tables", table).preamble.name
        key = tuple(_match(f, match.get(f.name)) for f in self.program.tables[name].key)
        if isinstance(action, str):
            return name, TableEntry(key, self.call(action, params), priority)
        return name, TableEntry(key, self.choice(action), priority)

    def choice(self, paths: Sequence[Path]) -> ActionSet:
        items = (WeightedAction(self.call(p.action, p.params), p.weight) for p in paths)
        return ActionSet(tuple(items))


class Rows(world.World):
    """The world's rows, without a switch."""

    def __init__(self) -> None:
        pass

    def all(self) -> list[Row]:
        return self._ports() + self._tenants() + self._fabric()


def fill(program: Program, entries: Entries) -> None:
    """Write what the world of tests/p4 has, an access list, and modes of two machines."""
    translate = Translator(program)
    rows = Rows().all()
    rows.append(("vtep_mode", {"vtep": world.ip_int(world.VTEP[2])}, "decapsulate", {}))
    rows += [
        ("replica", {"egress_rid": rid}, "replica_to_vtep", {"vtep": world.ip_int(world.VTEP[n])})
        for rid, n in ((11, 1), (12, 2), (13, 3))
    ]
    rows += [("replica", {"egress_rid": rid}, "replica_to_port", {}) for rid in (21, 22)]
    rows.append(("arp_suppress", {"vni": RED, "target_ip": 0x0A000015}, "arp_reply", {"mac": 7}))
    entries.tables += [translate.entry(row) for row in rows]
    policy: list[Row] = [
        ("tenant_acl", {"l4_dst": (53, 0xFFFF)}, "deny", {}),
        ("tenant_acl", {"vni": (BLUE, 0xFFFFFF), "protocol": (1, 0xFF)}, "permit_and_copy", {}),
        ("tenant_acl", {"fragment": (1, 1)}, "deny", {}),
    ]
    entries.tables += [translate.entry(row, n + 1) for n, row in enumerate(policy)]
    number = next(n for n, (_, e) in enumerate(entries.tables) if e.key == (Exact(BLUE),))
    entries.direct_meters.append((number, MeterConfig(0, BURST, 0, BURST)))
    punt: Row = ("punt", {"ether_type": (0x88CC, 0xFFFF)}, "send_to_cpu", {})
    entries.tables.append(translate.entry(punt, 1))
    entries.multicast += [
        MulticastGroup(1, (Replica(M1, 11), Replica(M2, 12), Replica(FABRIC_A, 13))),
        MulticastGroup(2, (Replica(M1, 21), Replica(M2, 22))),
    ]
    entries.clones.append(CloneSession(world.CPU_PORT, (Replica(world.CPU_PORT),)))


def _inner(rng: random.Random) -> Packet:
    """A tenant's frame."""
    dst = rng.choice([*MAC.values(), *MAC.values(), UNKNOWN_MAC, BROADCAST, NEAR2_MAC, LINK_LOCAL])
    frame = Ether(src=rng.choice([MAC[1], MAC[2], MAC[1], MAC[2], MAC[3], BROADCAST]), dst=dst)
    kind = rng.randrange(5)
    if kind == 0:
        target = rng.choice(["10.0.0.21", "10.0.0.9"])
        return frame / ARP(hwsrc=MAC[1], psrc=world.IPV4[1], pdst=target)
    if kind == 1:
        return (
            frame / IPv6(src="fd00::1", dst="fd00::2", hlim=rng.choice([0, 64, 64])) / TCP(dport=80)
        )
    ip = IP(src=world.IPV4[1], dst=world.IPV4[2], **_ip_oddities(rng))
    if kind == 2:
        return frame / ip / TCP(dport=rng.choice([53, 80]), sport=rng.getrandbits(16))
    if kind == 3:
        return frame / ip / ICMP()
    udp = UDP(sport=rng.getrandbits(16), dport=rng.choice([53, 5000, 5001]))
    return frame / ip / udp / rng.randbytes(rng.randrange(60))


def _ip_oddities(rng: random.Random) -> dict[str, Any]:
    """Fields of an IPv4 header: mostly usual values, sometimes unusual ones."""
    usual: dict[str, Any] = {"tos": rng.getrandbits(2)}
    oddities = [
        {"options": [IPOption(b"\x01" * rng.choice([1, 4, 40]))]},
        *({"chksum": 1}, {"ttl": 0}, {"frag": 5}, {"flags": "MF"}, {"len": 900}, {"version": 5}),
    ]
    return usual | (rng.choice(oddities) if rng.random() < 0.25 else {})


def _outer(rng: random.Random) -> Frame:
    """A frame out of the fabric."""
    port = rng.choice([FABRIC_A, FABRIC_B])
    dst = rng.choice([1, 2, 2, 3, 4])
    vx = {"flags": rng.choice(["Instance", "Instance", 0])}
    options: dict[str, Any] = {"vni": rng.choice([RED, RED, BLUE, 7])}
    options |= _ip_oddities(rng) | {"ttl": rng.choice([64, 64, 2, 1, 0])}
    udp = {"dport": rng.choice([4789, 8472, 6784])}
    frame = world.vxlan(
        bytes(_inner(rng)), 3, dst, port=port, inbound=True, vx=vx, udp=udp, **options
    )
    return port, frame


def frames(rng: random.Random) -> list[Frame]:
    """Frames of tenants, of the fabric, for the controller, and broken ones."""
    made: list[Frame] = []
    for _ in range(90):
        vni, port = rng.choice([RED, BLUE]), rng.choice([M1, M2])
        vid = rng.choice([world.VLAN[port, vni]] * 4 + [999])
        made.append((port, world.tagged(_inner(rng), vid, rng.randrange(8))))
        made.append(_outer(rng))
    lldp = Ether(dst="01:80:c2:00:00:0e", type=0x88CC) / b"lldp"
    made += [(FABRIC_A, bytes(lldp)), (M1, bytes(lldp)), (M1, bytes(world.inner()))]
    return made + changed(rng, made, CHANGED, ETHERNET)
