"""The order of a TCP flow's frames between the points where they were captured."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.traffic import order

_IPV4, _VLAN, _TCP = b"\x08\x00", b"\x81\x00", 6
_VXLAN_HEADERS = 14 + 20 + 8 + 8
_PORTS_AND_SEQUENCE = struct.Struct("!HHI")


class Point(NamedTuple):
    """A point where frames of some TCP flows were captured, in the order in which they passed."""

    place: str
    segments: list[Segment]


class Segment(NamedTuple):
    """A TCP frame: ports, sequence number, length of the IP packet."""

    source_port: int
    target_port: int
    sequence: int
    length: int


def segments(packets: Iterable[Packet], source_ports: set[int]) -> list[Segment]:
    """TCP frames (untagged, IPv4 without options) from one of `source_ports`."""
    found = (_segment(packet.data) for packet in packets)
    return [segment for segment in found if segment and segment.source_port in source_ports]


def arrived(frames: Iterable[bytes], source_ports: set[int]) -> list[Segment]:
    """TCP frames from one of `source_ports` as a machine received them: tagged or in VXLAN."""
    found = (_segment(_inner(frame)) for frame in frames)
    return [segment for segment in found if segment and segment.source_port in source_ports]


def _inner(frame: bytes) -> bytes:
    if frame[12:14] == _VLAN:
        return frame[:12] + frame[16:]
    return frame[_VXLAN_HEADERS:]


def swaps(path: Sequence[Point]) -> dict[str, int]:
    """Reordered frames between each two neighbouring points of a path, where there are any."""
    found = {
        f"{one.place} -> {other.place}": reordered(one.segments, other.segments)
        for one, other in pairwise(path)
    }
    return {between: count for between, count in found.items() if count}


def reordered(sent: list[Segment], received: list[Segment]) -> int:
    """Reordered frames by RFC 4737 between two points of their path, `sent` being the first.

    Frames that look alike (retransmissions, pure ACKs) cannot be matched and are left out.
    """
    total = 0
    for port in {segment.source_port for segment in sent}:
        flow = [segment for segment in sent if segment.source_port == port]
        times = Counter(flow)
        position = {segment: n for n, segment in enumerate(flow) if times[segment] == 1}
        arrivals = [position[segment] for segment in received if segment in position]
        total += order.analyse(arrivals, len(flow)).reordered
    return total


def _segment(frame: bytes) -> Segment | None:
    if frame[12:14] != _IPV4 or len(frame) < 54 or frame[23] != _TCP:
        return None
    (length,) = struct.unpack_from("!H", frame, 16)
    source, target, sequence = _PORTS_AND_SEQUENCE.unpack_from(frame, 34)
    return Segment(source, target, sequence, length)
