"""A frame's path through the switches to the receiving NIC, as v1switch explains it.

A recording has the frame as it came to the NIC. Taken out of its tunnel and given the tenant's tag,
it is the frame that the sender's machine gave to its switch; from there it is followed from switch
to switch. What the last one emits must be the recorded frame again, which shows that the
explanation is that of the real path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage
from topo.spec.model import End, Topology

_TUNNEL, _MACS = 50, 12  # outer headers of VXLAN; both addresses of Ethernet
_DOT1Q = b"\x81\x00"
_MOST_HOPS = 8

Explain = Callable[[str, int, Sequence[bytes]], list[dict[str, Any]]]
"""(switch, ingress port, frames) → a document (docs/explain.md, "JSON") for each frame."""


class Hop(NamedTuple):
    """A frame in one switch: `explanation` is v1switch's document of it."""

    switch: str
    port: int
    explanation: dict[str, Any]


@dataclass(frozen=True)
class SwitchPath:
    """A frame's way through switches.

    Attributes:
        sent: the frame as the sender's machine gave it to its switch.
        hops: the switches that it passed.
        exact: what the last one emits is the frame that the NIC received, as far as recorded.
    """

    sent: bytes
    hops: tuple[Hop, ...]
    exact: bool


class _Journey(NamedTuple):
    """A frame on its way: it enters `end` next."""

    number: int
    frame: bytes
    end: End
    hops: tuple[Hop, ...]


def as_sent(passage: Passage, containers: Sequence[Mapping[str, Any]]) -> bytes | None:
    """The frame as the sender's machine gave it to its switch; None when that is not known.

    `containers`: of the recording. Beyond the recorded bytes the frame is filled with zeros, so its
    payload's checksum may be wrong; switches do not look at it.
    """
    frame, length = passage.frame, passage.wire_len
    if passage.container < 0:
        return None
    if frame[_MACS : _MACS + 2] == _DOT1Q:
        return frame.ljust(length, b"\0")
    if not headers.is_vxlan(frame):
        return None
    vlan = int(containers[passage.container]["vlan"])
    inner = frame[_TUNNEL:].ljust(length - _TUNNEL, b"\0")
    return inner[:_MACS] + _DOT1Q + vlan.to_bytes(2, "big") + inner[_MACS:]


def follow(
    passages: Sequence[Passage],
    containers: Sequence[Mapping[str, Any]],
    machine: str,
    topology: Topology,
    explain: Explain,
) -> dict[int, SwitchPath]:
    """Index of a passage → its way; those whose sender is unknown have none.

    `machine` received them.
    """
    sent = {number: as_sent(passage, containers) for number, passage in enumerate(passages)}
    by_mac = {container.mac.lower(): container.machine for container in topology.containers}
    going = []
    for number, frame in sent.items():
        source = by_mac.get(_source(frame)) if frame else None
        if frame and source:
            going.append(_Journey(number, frame, topology.uplink_of(source), ()))
    arrived: dict[int, list[_Journey]] = defaultdict(list)
    for _ in range(_MOST_HOPS):
        going = _step(going, topology, explain)
        for journey in going:
            if journey.end == End(node=machine):
                arrived[journey.number].append(journey)
        going = [journey for journey in going if journey.end.port is not None]
    found = {}
    for number, journeys in arrived.items():
        passage, frame = passages[number], sent[number]
        assert frame is not None
        exact = [j for j in journeys if j.frame[: len(passage.frame)] == passage.frame]
        best = (exact or journeys)[0]
        found[number] = SwitchPath(frame, best.hops, bool(exact))
    return found


def _source(frame: bytes) -> str:
    return frame[6:12].hex(":")


def _step(going: list[_Journey], topology: Topology, explain: Explain) -> list[_Journey]:
    """All frames through the switches that they have come to, each to where it is then."""
    at: dict[tuple[str, int], list[_Journey]] = defaultdict(list)
    for journey in going:
        assert journey.end.port is not None
        at[journey.end.node, journey.end.port].append(journey)
    found = []
    for (switch, port), journeys in at.items():
        peers = topology.ports(switch)
        documents = explain(switch, port, [journey.frame for journey in journeys])
        for journey, document in zip(journeys, documents, strict=True):
            hops = (*journey.hops, Hop(switch, port, document))
            for out in document["out"]:
                if out["port"] in peers:
                    frame = bytes.fromhex(out["data"])
                    found.append(_Journey(journey.number, frame, peers[out["port"]], hops))
    return found
