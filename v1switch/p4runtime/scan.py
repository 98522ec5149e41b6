"""How large a message is in its parts, before the costly parsing of it.

Reads the wire format of Protocol Buffers (protobuf.dev, "Encoding"), one level deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
FIXED = {FIXED64: 8, FIXED32: 4}


class Part(NamedTuple):
    """A field that is a message, string or bytes: its number, and where its content is."""

    field: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """Bytes of the content."""
        return self.end - self.start


def parts(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Part]:
    """Yield the fields of the message in data[start:end] that have a length.

    Raises:
        ValueError: it is not a message; not all faults are found.
    """
    end = len(data) if end is None else end
    while start < end:
        tag, start = _varint(data, start)
        kind = tag & 7
        if kind == VARINT:
            _, start = _varint(data, start)
        elif kind == BYTES:
            length, start = _varint(data, start)
            yield Part(tag >> 3, start, start + length)
            start += length
        elif kind in FIXED:
            start += FIXED[kind]
        else:
            raise ValueError(f"wire type {kind}")
    if start > end:
        raise ValueError("a field that is longer than its message")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:  # bits: ten bytes at most
        byte = data[at] if at < len(data) else 0x100
        if byte > 0xFF:
            break
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number that does not end")
