"""Accounts for the frames of a run: how many were lost at which place, and whose they were."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.attribution import Hop, Losses, attribute
from falcon_ctl.checks.outcome import UNACCOUNTED
from falcon_ctl.live.counting import CONTAINER_INTERFACE, Path, Point, uplink_of
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.traffic.flows import Flow

DROP_COUNTERS, PORT_RX = ("ingress_drops", "egress_drops"), "port_rx"
# Codes of docs/p4-program.md. The copy of a flooded frame towards its own port is no loss.
REASONS = (  # noqa: SIM905  # one word per code reads better than a column of quotes
    "NONE TRUNCATED MALFORMED IP_CHECKSUM LENGTH TTL PORT_UNKNOWN UNTAGGED VLAN_UNKNOWN "
    "NOT_OUR_MAC NOT_UNDERLAY NO_ROUTE VXLAN_PORT VXLAN_FLAGS VNI_UNKNOWN METER SOURCE_MAC ACL "
    "LINK_LOCAL NO_FLOOD REFLECTED SPLIT_HORIZON REPLICA TENANT_ABSENT TOO_BIG ECN NO_LINK"
).split()
NO_LOSS = {"SPLIT_HORIZON"}
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8  # asm-generic/socket.h, linux/sock_diag.h
_MEMINFO = struct.Struct("@9I")

Drops = dict[str, int]
"""Drops of anybody's frames, by place."""


class Account:
    """The account of one run; it is opened before the run's first frame is sent.

    Args:
        testbed: the network whose hosts and switches it drives.
        flows: of the run, all to containers of one machine.
        sockets: on which the receiving applications read.
    """

    def __init__(
        self, testbed: Testbed, flows: Sequence[Flow], sockets: Iterable[socket.socket] = ()
    ) -> None:
        self._lab = testbed
        self._path = Path.of(testbed.topology, flows)
        self._sockets = tuple(sockets)
        testbed.counting.start(self._path, flows)
        self._before = self._parts()

    def stop(self, stats: Mapping[str, Any]) -> None:
        """Read all counters; no frame is in flight. `stats`: the receiving host's."""
        now = self._parts()
        self._seen = self._lab.counting.read(self._path)
        self._counted = {part: _since(now[part], self._before[part]) for part in now}
        self._stats = stats

    def losses(self, sent: int, delivered: int, trace: Trace, ours: Sequence[Passage]) -> Losses:
        """What was lost between `stop` and the beginning.

        `trace`: what the receiving host recorded, `ours`: the run's frames in it.
        """
        seen, path = self._seen, self._path

        def arrived(points: Iterable[Point]) -> int:
            return sum(seen[point] for point in points)

        machines = {machine: arrived(path.behind_containers(machine)) for machine in path.senders}
        hops = [Hop(sent, sum(machines.values()), self._counted["senders"], _lost("senders"))]
        for machine, came in machines.items():
            went = seen[path.behind_uplink(machine)]
            hops.append(Hop(came, went, self._counted[machine], _lost(machine)))
        residual = "queues" if self._lab.target == "bmv2" else UNACCOUNTED
        for name in self._switches:
            came, went = arrived(path.ports(name)), arrived(path.behind_ports(name))
            hops.append(Hop(came, went, self._counted[name], f"{name} {residual}"))
        reached = arrived((name, CONTAINER_INTERFACE) for name in path.targets)
        came = seen[uplink_of(path.target)]
        inside, others = _inside(trace, ours, self._stats["drops"])
        hops.append(Hop(came - sum(inside.values()), reached, self._behind(), _lost(path.target)))
        hops.append(Hop(reached, delivered, self._counted["sockets"], _lost("containers")))
        found = attribute(hops)
        foreign = Counter(found.foreign) + Counter(others)
        return Losses(dict(Counter(found.own) + Counter(inside)), dict(foreign))

    @property
    def _switches(self) -> list[str]:
        return list(self._lab.controller.switches)

    def _behind(self) -> Drops:
        """Drops at the receiving host's kernel, before and behind rxpath.

        Where the kernel tells rxpath that a veth did not take a frame, rxpath has counted it.
        """
        drops, veths = self._stats["drops"], self._counted["behind"]
        place = f"{self._path.target} containers veth"
        return {place: sum(veths.values()) - drops["veth"], "afpacket": drops["afpacket"]}

    def _parts(self) -> dict[str, Drops]:
        """Counters of all parts of the path."""
        testbed, path = self._lab, self._path
        found: dict[str, Drops] = {"senders": {}}
        for name in path.sources:
            found["senders"] |= _veths(testbed, name, [CONTAINER_INTERFACE])
        for machine in path.senders:
            found[machine] = _sending(testbed, machine)
        for name, switch in testbed.controller.switches.items():
            found[name] = _in_switch(testbed, switch)
        ends = [container.ifname for container in testbed.topology.containers_of(path.target)]
        found["behind"] = _veths(testbed, path.target, ends)
        socks = {f"{path.target} container socket": sum(map(_socket_drops, self._sockets))}
        return found | {"sockets": socks}


def _lost(part: str) -> str:
    return f"{part} {UNACCOUNTED}"


def _since(now: Drops, before: Drops) -> Drops:
    return {place: count - before.get(place, 0) for place, count in now.items()}


def _veths(testbed: Testbed, node: str, interfaces: Iterable[str]) -> Drops:
    """Frames that left by a veth and were not taken at its other end."""
    links = testbed.links(node)
    return {f"{node} {name} veth": links[name].tx_dropped for name in interfaces if name in links}


def _sending(testbed: Testbed, machine: str) -> Drops:
    """Frames of its containers that a machine dropped, and those lost behind its uplink.

    What a veth does not take, recent kernels also refuse to the sender: count it once.
    """
    drops = testbed.hosts[machine].stats()["tx_drops"]
    found = _veths(testbed, machine, [uplink_of(machine)[1]])
    kernel, refused = drops.pop("afpacket"), drops.pop("refused") - sum(found.values())
    found |= {f"{machine} afpacket": kernel, f"{machine} tx refused": refused}
    return found | {f"{machine} tx {reason}": count for reason, count in drops.items()}


def _in_switch(testbed: Testbed, switch: Switch) -> Drops:
    """Frames dropped by the program, by reason, by the switch at its ports, and behind them."""
    name = switch.name
    interfaces = testbed.topology.interfaces(name)
    codes = range(len(REASONS))
    cells = switch.packets({PORT_RX: list(interfaces), **dict.fromkeys(DROP_COUNTERS, codes)})
    found: Counter[str] = Counter()
    for counter in DROP_COUNTERS:
        found.update({f"{name} {REASONS[c]}": n for c, n in cells[counter].items()})
    for reason in NO_LOSS:
        del found[f"{name} {reason}"]
    veths = _veths(testbed, name, interfaces.values())
    at_ports = (
        _not_read(testbed, name, cells[PORT_RX])
        if testbed.target == "bmv2"
        else testbed.ports(name)
    )
    found.update({f"{name}:{port} {what}": count for (port, what), count in at_ports.items()})
    for port, ifname in interfaces.items():
        found[f"{name}:{port} refused"] -= veths.get(f"{name} {ifname} veth", 0)
    return dict(found) | veths


def _not_read(testbed: Testbed, name: str, read: Mapping[int, int]) -> dict[tuple[int, str], int]:
    """Frames that BMv2 did not read in time, by port.

    It does not say; they are what its interfaces received and its program never counted.
    """
    links, interfaces = testbed.links(name), testbed.topology.interfaces(name)
    return {
        (port, "socket"): links[ifname].rx_packets - read[port]
        for port, ifname in interfaces.items()
        if ifname in links
    }


def _inside(trace: Trace, ours: Sequence[Passage], drops: Mapping[str, int]) -> tuple[Drops, Drops]:
    """Frames that the receiving host dropped, by reason: the run's, and others'."""
    own = Counter(passage.drop_reason for passage in ours if passage.drop_reason)
    host = trace.meta["machine"]
    others = {
        f"{host} {reason}": count - own[reason]
        for reason, count in drops.items()
        if reason != "afpacket" and count > own[reason]
    }
    return dict(own), others


def _socket_drops(sock: socket.socket) -> int:
    """Datagrams that the kernel dropped because the socket's buffer was full."""
    data = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    return int(_MEMINFO.unpack(data)[_MEMINFO_DROPS])
