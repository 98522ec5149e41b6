"""Writer of pcapng, the capture format of Wireshark (IETF draft-ietf-opsawg-pcapng).

One section with one Ethernet interface, nanosecond timestamps, a comment per packet where given.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SECTION, _INTERFACE, _ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
_OPT_COMMENT, _IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL = 1, 2, 3, 9
_LINKTYPE_ETHERNET = 1


class Packet(NamedTuple):
    """A captured frame: wall time (ns), its bytes, its length on the wire, a comment."""

    time_ns: int
    data: bytes
    wire_len: int
    comment: str = ""


def write(
    path: Path, name: str, description: str, packets: Iterable[Packet], comment: str = ""
) -> int:
    """Write `packets`, captured at the point `name`, to `path`; returns how many there were.

    `comment`: on the whole file.
    """
    count = 0
    with path.open("wb") as file:
        remark = _option(_OPT_COMMENT, comment.encode()) + _END_OF_OPTIONS if comment else b""
        file.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + remark))
        options = _option(_IF_NAME, name.encode()) + _option(_IF_DESCRIPTION, description.encode())
        options += _option(_IF_TSRESOL, b"\x09") + _END_OF_OPTIONS
        file.write(_block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_ETHERNET, 0, 0) + options))
        for packet in packets:
            file.write(_packet_block(packet))
            count += 1
    return count


_END_OF_OPTIONS = struct.pack("<HH", 0, 0)


def _packet_block(packet: Packet) -> bytes:
    high, low = packet.time_ns >> 32, packet.time_ns & 0xFFFFFFFF
    body = struct.pack("<IIIII", 0, high, low, len(packet.data), packet.wire_len)
    body += _padded(packet.data)
    if packet.comment:
        body += _option(_OPT_COMMENT, packet.comment.encode()) + _END_OF_OPTIONS
    return _block(_ENHANCED_PACKET, body)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
