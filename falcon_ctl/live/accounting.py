"""Drop counters of a run: sending hosts, switches, the receiving host, sockets."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from falcon_ctl.capture.trace import Passage
from falcon_ctl.checks.outcome import UNACCOUNTED
from falcon_ctl.live.lab import Lab
from falcon_ctl.p4rt.switch import Switch
from topo.spec.model import CPU_PORT

DROP_COUNTERS, PORT_COUNTERS = ("ingress_drops", "egress_drops"), ("port_rx", "port_tx")
# Codes of docs/p4-program.md. The copy of a flooded frame towards its own port is no loss.
REASONS = (  # noqa: SIM905  # one word per code reads better than a column of quotes
    "NONE TRUNCATED MALFORMED IP_CHECKSUM LENGTH TTL PORT_UNKNOWN UNTAGGED VLAN_UNKNOWN "
    "NOT_OUR_MAC NOT_UNDERLAY NO_ROUTE VXLAN_PORT VXLAN_FLAGS VNI_UNKNOWN METER SOURCE_MAC ACL "
    "LINK_LOCAL NO_FLOOD REFLECTED SPLIT_HORIZON REPLICA TENANT_ABSENT TOO_BIG ECN NO_LINK"
).split()
_NO_LOSS = {"SPLIT_HORIZON"}
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h
_MEMINFO = struct.Struct("@9I")


@dataclass(frozen=True)
class DropCounters:
    """Drop counters outside the receiving host, by place; they never decrease."""

    by_place: Mapping[str, int]

    def since(self, before: DropCounters) -> dict[str, int]:
        """Frames lost after `before`, by place."""
        found = {p: n - before.by_place.get(p, 0) for p, n in self.by_place.items()}
        return {place: count for place, count in found.items() if count > 0}


def outside_host(lab: Lab, target: str, sockets: Iterable[socket.socket]) -> DropCounters:
    """Frames lost between the senders and machine `target`, and in its containers' kernels."""
    lost: Counter[str] = Counter()
    residual = "queues" if lab.target == "bmv2" else UNACCOUNTED
    for name, switch in lab.controller.switches.items():
        in_switch = _in_switch(switch, list(lab.topology.ports(name)), residual)
        lost.update({f"{name} {place}": count for place, count in in_switch.items()})
    for name, host in lab.hosts.items():
        if name != target:
            for reason, count in host.stats()["tx_drops"].items():
                lost[f"{name} tx {reason}"] += count
    lost[f"{target} container socket"] += sum(map(_socket_drops, sockets))
    return DropCounters(lost)


def _in_switch(switch: Switch, ports: list[int], residual: str) -> Counter[str]:
    """Frames that the program dropped, by reason, and as `residual` those that vanished.

    The residual is what came in and neither left nor was counted as a drop. BMv2 has queues and
    does not count their tail drops; v1switch has no queues, so there a residual is a fault.
    Packets to and from the controller use the CPU port, and the switch's ARP reply replaces the
    request. A flooded frame leaves more often than it came: that lowers the residual, but never
    hides a loss as a drop.
    """
    codes, (port_rx, port_tx) = range(len(REASONS)), PORT_COUNTERS
    ports = [*ports, CPU_PORT]
    # Received frames are read first: a frame that passes meanwhile must not seem lost.
    found = switch.packets({port_rx: ports, **dict.fromkeys(DROP_COUNTERS, codes), port_tx: ports})
    lost: Counter[str] = Counter()
    for counter in DROP_COUNTERS:
        lost.update({REASONS[code]: packets for code, packets in found[counter].items()})
    received, sent = (sum(found[counter].values()) for counter in PORT_COUNTERS)
    lost[residual] = received - sent - sum(lost.values())
    return Counter({place: n for place, n in lost.items() if place not in _NO_LOSS})


def inside_host(passages: Iterable[Passage], kernel_lost: int) -> dict[str, int]:
    """Frames of the run that the receiving host lost, by reason; `kernel_lost` never reached it."""
    found = Counter(passage.drop_reason for passage in passages if passage.drop_reason)
    found["afpacket"] += kernel_lost
    return {reason: count for reason, count in found.items() if count}


def _socket_drops(sock: socket.socket) -> int:
    """Datagrams that the kernel dropped because the socket's buffer was full."""
    data = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    return int(_MEMINFO.unpack(data)[_MEMINFO_DROPS])
