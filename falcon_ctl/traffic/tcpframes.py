"""What a capture says of a TCP flow: which frames were sent, which came, in which order."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.traffic import order

_IPV4, _TCP = b"\x08\x00", 6
_PORTS_AND_SEQUENCE = struct.Struct("!HHI")


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


def reordered(sent: list[Segment], received: list[Segment]) -> int:
    """Reordered frames by RFC 4737, in the order in which the source put them on the wire.

    Frames that look alike (retransmissions, pure ACKs) cannot be told apart and are left out.
    """
    total = 0
    for port in {segment.source_port for segment in sent}:
        ours = [segment for segment in sent if segment.source_port == port]
        times = Counter(ours)
        position = {segment: n for n, segment in enumerate(ours) if times[segment] == 1}
        arrivals = [position[segment] for segment in received if segment in position]
        total += order.analyse(arrivals, len(ours)).reordered
    return total


def _segment(frame: bytes) -> Segment | None:
    if frame[12:14] != _IPV4 or len(frame) < 54 or frame[23] != _TCP:
        return None
    (length,) = struct.unpack_from("!H", frame, 16)
    source, target, sequence = _PORTS_AND_SEQUENCE.unpack_from(frame, 34)
    return Segment(source, target, sequence, length)
