"""The network around the switch under test, and what tests observe in it.

One switch, four ports: machines m1 and m2 on the access ports 1 and 2, the fabric on the
underlay ports 3 and 4. Far machines m3 (by port 3) and m4 (by both, ECMP). Tenants red and
blue; the VLAN ids of a tenant differ from port to port, so that a test sees the translation.
"""

import contextlib
import dataclasses
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from typing import Any

from p4.v1 import p4runtime_pb2 as rt
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from tests.switch.harness import ROOT, Sandbox, poll
from tests.switch.harness_client import INSERT, SwitchClient
from tests.switch.harness_p4info import Match, Params, Path

COMPILED = ROOT / "p4" / "compiled"
P4INFO = COMPILED / "falcon_vtep.p4info.txtpb"
JSON = COMPILED / "falcon_vtep.json"
CONSTANTS = ROOT / "p4" / "include" / "constants.p4"

CPU_PORT = 510
M1, M2, FABRIC_A, FABRIC_B = 1, 2, 3, 4
VTEP = {n: f"172.16.0.{n}" for n in (1, 2, 3, 4)}
SWITCH_MAC = {port: f"02:5a:00:00:00:{port:02x}" for port in (1, 2, 3, 4)}
NEIGHBOUR_MAC = {port: f"02:ee:00:00:00:{port:02x}" for port in (1, 2, 3, 4)}
RED, BLUE = 5001, 5002
VLAN = {(M1, RED): 101, (M2, RED): 201, (M1, BLUE): 102, (M2, BLUE): 202}
# Containers by the machine that they are on; the same addresses in both tenants.
MAC = {n: f"02:aa:00:00:00:{n:02x}" for n in (1, 2, 3, 4)}
IPV4 = {n: f"10.0.0.{n}1" for n in (1, 2, 3, 4)}
NEAR2_MAC = "02:aa:00:00:01:02"  # on m2 as well, but reached without a tunnel
UNKNOWN_MAC = "02:aa:00:00:09:09"
BROADCAST = "ff:ff:ff:ff:ff:ff"
UNDERLAY_MTU = 1600
VXLAN_PORTS = (4789, 8472)
BURST = 32  # frames at once; BMv2's egress queue holds 64 and silently drops the rest


def mac_int(text: str) -> int:
    """Return a MAC address as a number."""
    return int(text.replace(":", ""), 16)


def ip_int(text: str) -> int:
    """Return an IPv4 address as a number."""
    return int.from_bytes(bytes(int(part) for part in text.split(".")), "big")


def drop_reasons() -> dict[str, int]:
    """Read the drop reasons out of the P4 source: name to code."""
    body = re.search(r"enum bit<8> DropReason \{(.*?)\n\}", CONSTANTS.read_text(), re.DOTALL)
    assert body is not None
    return {name: int(code) for name, code in re.findall(r"(\w+)\s*=\s*(\d+)", body[1])}


REASON = drop_reasons()
REASON_NAME = {code: name for name, code in REASON.items()}


# ---- frames ----------------------------------------------------------------------------------


def inner(src: int = 1, dst: str = MAC[2], size: int = 40, sport: int = 4000, **ip: Any) -> Packet:
    """Return a tenant's UDP frame as the container sends it, without a tag."""
    ip = {"src": IPV4[src], "dst": IPV4[2], "id": 7} | ip
    payload = bytes(i & 0xFF for i in range(size))
    return Ether(src=MAC[src], dst=dst) / IP(**ip) / UDP(sport=sport, dport=5000) / Raw(payload)


def tagged(frame: Packet | bytes, vid: int, pcp: int = 0) -> bytes:
    """Insert an 802.1Q tag after a frame's addresses."""
    plain = bytes(frame)
    return plain[:12] + b"\x81\x00" + ((pcp << 13) | vid).to_bytes(2, "big") + plain[12:]


def from_m1(frame: Packet | bytes, vni: int = RED) -> bytes:
    """Return a frame as m1 sends it for a tenant."""
    return tagged(frame, VLAN[M1, vni])


def vxlan(
    frame: Packet | bytes,
    src: int,
    dst: int,
    *,
    port: int,
    vni: int = RED,
    inbound: bool = False,
    udp: dict[str, Any] | None = None,
    vx: dict[str, Any] | None = None,
    **ip: Any,
) -> bytes:
    """Return a frame in a tunnel on the link of `port`: what the switch sends there, or gets.

    Outer fields are those that the switch must write; `udp`, `vx` and `ip` change them.
    """
    near, far = SWITCH_MAC[port], NEIGHBOUR_MAC[port]
    ends = {"src": far, "dst": near} if inbound else {"src": near, "dst": far}
    ip = {"src": VTEP[src], "dst": VTEP[dst], "ttl": 64, "id": 0, "flags": "DF"} | ip
    udp = {"dport": 4789, "chksum": 0} | (udp or {})
    if "sport" not in udp:
        udp["sport"] = entropy(frame)
    header = VXLAN(**({"flags": "Instance", "vni": vni} | (vx or {})))
    return bytes(Ether(**ends) / IP(**ip) / UDP(**udp) / header / Raw(bytes(frame)))


def entropy(frame: Packet | bytes) -> int:
    """Return the source port of a frame's tunnel: 49152 + CRC-32 of its flow mod 16384.

    The flow is source, destination (128 bits each), protocol, and ports; read from the bytes here,
    independently of the program's parser.
    """
    data = bytes(frame)
    ether_type = int.from_bytes(data[12:14], "big")
    src, dst, protocol, ports = data[6:12], data[0:6], 0, bytes(4)
    if ether_type == 0x0800:
        ip = data[14:]
        src, dst, protocol = ip[12:16], ip[16:20], ip[9]
        if int.from_bytes(ip[6:8], "big") & 0x3FFF == 0:
            ports = _ports(protocol, ip[4 * (ip[0] & 15) :])
    elif ether_type == 0x86DD:
        ip = data[14:]
        src, dst, protocol = ip[8:24], ip[24:40], ip[6]
        ports = _ports(protocol, ip[40:])
    elif ether_type == 0x0806 and data[14:20] == b"\x00\x01\x08\x00\x06\x04":
        src, dst = data[28:32], data[38:42]
    key = src.rjust(16, b"\0") + dst.rjust(16, b"\0") + bytes([protocol]) + ports
    return 49152 + zlib.crc32(key) % 16384


def _ports(protocol: int, l4: bytes) -> bytes:
    if protocol in (6, 17):
        return l4[:4]
    if protocol in (1, 58):  # type and code take the place of the ports
        return bytes([0, l4[0], 0, l4[1]])
    return bytes(4)


# ---- outcomes --------------------------------------------------------------------------------


@dataclasses.dataclass
class Outcome:
    """What the switch did with the frames of one `send`."""

    out: dict[int, list[bytes]] = dataclasses.field(default_factory=dict)
    drops: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def sum(cls, parts: "Iterable[Outcome]") -> "Outcome":
        """Return one outcome for several, in their order."""
        whole = cls()
        for part in parts:
            for port, frames in part.out.items():
                whole.out.setdefault(port, []).extend(frames)
            for reason, number in part.drops.items():
                whole.drops[reason] = whole.drops.get(reason, 0) + number
        return whole

    def only(self, port: int) -> bytes:
        """Return the one frame that left; assert that there was no other and no drop."""
        assert self.drops == {}
        assert {p: len(frames) for p, frames in self.out.items()} == {port: 1}
        return self.out[port][0]

    def dropped(self, reason: str, times: int = 1) -> None:
        """Assert that nothing left and that the drops were counted under one reason."""
        assert self.out == {}
        assert self.drops == {reason: times}


class World:
    """A running switch with its program and entries, and the links to it."""

    def __init__(self, name: str, sandbox: Sandbox, client: SwitchClient) -> None:
        self.name = name
        self.sandbox = sandbox
        self.client = client

    def populate(self) -> None:
        """Load the program and write the entries of the world described above."""
        self.client.load(P4INFO, JSON)
        self._entries(self._ports() + self._tenants() + self._fabric())
        self._floods()

    def _entries(self, rows: list[tuple[str, Match, Any, Params]]) -> None:
        made = (rt.Entity(table_entry=self.client.names.entry(*row)) for row in rows)
        self.client.write(INSERT, *made)

    def _ports(self) -> list[tuple[str, Match, Any, Params]]:
        rows: list[tuple[str, Match, Any, Params]] = [
            ("port_kind", {"ingress_port": port}, "access", {}) for port in (M1, M2)
        ]
        for port in (FABRIC_A, FABRIC_B):
            mac = {"mac": mac_int(SWITCH_MAC[port])}
            rows.append(("port_kind", {"ingress_port": port}, "underlay", mac))
        for port in (M1, M2, FABRIC_A, FABRIC_B):
            ends = (mac_int(SWITCH_MAC[port]), mac_int(NEIGHBOUR_MAC[port]))
            macs = dict(zip(("src_addr", "dst_addr"), ends, strict=True))
            rows.append(("link_macs", {"egress_port": port}, "set_macs", macs))
            rows.append(("port_mtu", {"egress_port": port}, "set_mtu", {"bytes": UNDERLAY_MTU}))
        return rows

    def _tenants(self) -> list[tuple[str, Match, Any, Params]]:
        rows: list[tuple[str, Match, Any, Params]] = []
        for (port, vni), vid in VLAN.items():
            tenant = {"vni": vni, "vtep": ip_int(VTEP[port]), "vxlan_port": 4789}
            rows.append(("access_vni", {"ingress_port": port, "vid": vid}, "set_tenant", tenant))
            there = {"egress_port": port, "vni": vni}
            rows.append(("deliver_vlan", there, "set_vlan", {"vid": vid}))
        for vni in (RED, BLUE):
            rows.append(("tenant", {"vni": vni}, "admit", {}))
            rows.append(("vni_flood", {"vni": vni}, "set_group", {"group": vni - 5000}))
        for n in VTEP:
            to = {"vni": RED, "dst_addr": mac_int(MAC[n])}
            rows.append(("l2_forward", to, "to_vtep", {"vtep": ip_int(VTEP[n])}))
        near = {"vni": RED, "dst_addr": mac_int(NEAR2_MAC)}
        rows.append(("l2_forward", near, "to_port", {"port": M2}))
        return rows

    def _fabric(self) -> list[tuple[str, Match, Any, Params]]:
        rows: list[tuple[str, Match, Any, Params]] = []
        paths = {1: (M1,), 2: (M2,), 3: (FABRIC_A,), 4: (FABRIC_A, FABRIC_B)}
        for n, ports in paths.items():
            choice = [Path("route_to", {"port": port}) for port in ports]
            to = {"dst_addr": (ip_int(VTEP[n]), 32)}
            rows.append(("underlay_route", to, choice, {}))
        ours = (VTEP[1], VTEP[2])
        rows += [("local_vtep", {"vtep": ip_int(vtep)}, "attached", {}) for vtep in ours]
        rows += [("vxlan_port", {"udp_port": port}, "enabled", {}) for port in VXLAN_PORTS]
        return rows

    def _floods(self) -> None:
        """Red floods into tunnels (m1, m2, m3), blue to the local machines without one."""
        tunnels = {11: (M1, 1), 12: (M2, 2), 13: (FABRIC_A, 3)}
        for rid, (_, n) in tunnels.items():
            vtep = {"vtep": ip_int(VTEP[n])}
            self.client.insert("replica", {"egress_rid": rid}, "replica_to_vtep", vtep)
        for rid in (21, 22):
            self.client.insert("replica", {"egress_rid": rid}, "replica_to_port")
        self.client.multicast_group(1, [(port, rid) for rid, (port, _) in tunnels.items()])
        self.client.multicast_group(2, [(M1, 21), (M2, 22)])
        self.client.clone_session(CPU_PORT, [(CPU_PORT, 0)])

    # ---- sending and watching ----------------------------------------------------------------

    def send(self, port: int, *frames: bytes | Packet, events: int | None = None) -> Outcome:
        """Send frames into a port and return their outcome.

        Args:
            port: where they enter.
            frames: whole Ethernet frames.
            events: how many copies must have left or been dropped before the outcome is complete;
                by default one for each frame.
        """
        if len(frames) > BURST:
            assert events is None
            bursts = [frames[i : i + BURST] for i in range(0, len(frames), BURST)]
            return Outcome.sum(self.send(port, *burst) for burst in bursts)
        wanted = len(frames) if events is None else events
        assert self.sandbox.drain() == {}
        before = self._counts()
        self.sandbox.port(port).send(*(bytes(frame) for frame in frames))
        return self._outcome(before, wanted)

    def _outcome(self, before: "Counter[tuple[str, int]]", wanted: int) -> Outcome:
        received: dict[int, list[bytes]] = {}

        def settled() -> bool:
            now = self._counts()
            now.subtract(before)
            done = sum(n for (name, _), n in now.items() if name != "port_rx")
            for port, frames in self.sandbox.drain().items():
                received.setdefault(port, []).extend(frames)
            left = {p: n for (name, p), n in now.items() if name == "port_tx" and p != CPU_PORT}
            arrived = all(n == len(received.get(p, ())) for p, n in left.items())
            return done >= wanted and arrived

        poll(settled, f"{wanted} frames leave or are counted as dropped")
        delta = self._counts()
        delta.subtract(before)
        drops: Counter[str] = Counter()
        for (name, cell), n in delta.items():
            if name.endswith("_drops") and n:
                drops[REASON_NAME[cell]] += n
        return Outcome(received, dict(drops))

    def _counts(self) -> "Counter[tuple[str, int]]":
        """Read the counters of ports and drops: (counter, index) to packets."""
        asked = []
        for name in ("ingress_drops", "egress_drops"):
            entity = rt.Entity()
            entity.counter_entry.counter_id = self.client.names.id("counters", name)
            asked.append(entity)
        for name in ("port_rx", "port_tx"):
            for port in (M1, M2, FABRIC_A, FABRIC_B, CPU_PORT):
                entity = rt.Entity()
                entity.counter_entry.counter_id = self.client.names.id("counters", name)
                entity.counter_entry.index.index = port
                asked.append(entity)
        found: Counter[tuple[str, int]] = Counter()
        for entity in self.client.read(*asked):
            cell = entity.counter_entry
            name = self.client.names.get("counters", cell.counter_id).preamble.alias
            found[name, cell.index.index] = cell.data.packet_count
        return found

    # ---- changes for the length of a test ----------------------------------------------------

    @contextlib.contextmanager
    def entry(
        self, table: str, match: Match, action: Any, params: Params | None = None, **options: int
    ) -> Iterator[None]:
        """Add an entry inside of the block."""
        self.client.insert(table, match, action, params, **options)
        try:
            yield
        finally:
            self.client.delete(table, match, priority=options.get("priority", 0))

    @contextlib.contextmanager
    def changed(
        self, table: str, match: Match, new: tuple[str, Params], old: tuple[str, Params]
    ) -> Iterator[None]:
        """Change an entry's action inside of the block."""
        self.client.modify(table, match, *new)
        try:
            yield
        finally:
            self.client.modify(table, match, *old)

    def mode(self, n: int, action: str) -> contextlib.AbstractContextManager[None]:
        """Set `vtep_mode` of machine n: "pass_on" or "decapsulate"."""
        return self.entry("vtep_mode", {"vtep": ip_int(VTEP[n])}, action)


def sources() -> list[FilePath]:
    """Return the P4 sources."""
    return sorted((ROOT / "p4").rglob("*.p4"))


def retag(frame: bytes, vid: int) -> bytes:
    """Return a tagged frame with another VLAN id; the priority stays."""
    packet = Ether(frame)
    packet[Dot1Q].vlan = vid
    return bytes(packet)
