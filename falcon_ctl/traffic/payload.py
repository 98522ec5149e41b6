"""The measuring payload: who sent it, its sequence number and when, at a constant checksum.

Layout, big-endian: magic (4), flow (4), sequence (4), send time in wall ns (8), balance (2).
The balance makes the one's-complement sum of the header constant, so the UDP or TCP checksum that
Scapy computed once stays correct for every frame (RFC 1071).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = b"FLCN"
_HEADER = struct.Struct("!4sIIQ")
_BALANCE = struct.Struct("!H")
SIZE = _HEADER.size + _BALANCE.size


class Stamp(NamedTuple):
    """What a receiver reads from a payload."""

    flow: int
    sequence: int
    sent_ns: int


def write(buffer: bytearray, offset: int, stamp: Stamp) -> None:
    """Put `stamp` into `buffer`; `offset` is even as seen from the start of the IP payload."""
    _HEADER.pack_into(buffer, offset, MAGIC, *stamp)
    words = struct.unpack_from("!10H", buffer, offset)
    _BALANCE.pack_into(buffer, offset + _HEADER.size, 0xFFFF - sum(words) % 0xFFFF)


def read(payload: bytes, offset: int = 0) -> Stamp | None:
    """Stamp of a payload, None when it has none."""
    if len(payload) < offset + SIZE:
        return None
    magic, *fields = _HEADER.unpack_from(payload, offset)
    return Stamp(*fields) if magic == MAGIC else None


def filled(size: int, stamp: Stamp) -> bytes:
    """A payload of `size` bytes (at least `SIZE`): the stamp and then a fixed pattern."""
    buffer = bytearray(max(size, SIZE))
    buffer[SIZE:] = bytes(i & 0xFF for i in range(SIZE, len(buffer)))
    write(buffer, 0, stamp)
    return bytes(buffer)
