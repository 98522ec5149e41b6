"""Protocol buffers' wire format, as far as a trace needs it (protobuf.dev, "Encoding"). Pure.

Messages are made field by field as bytes: a trace has hundreds of thousands of small ones, for
which protobuf 3.20, which is pure Python on many platforms, takes many times as long.
"""

from __future__ import annotations

import struct
from functools import cache

_VARINT, _FIXED64, _LENGTH = 0, 1, 2
_DOUBLE, _UNSIGNED = struct.Struct("<d"), struct.Struct("<Q")


def varint(value: int) -> bytes:
    """A base-128 number; negative ones as 64 bits in two's complement, as int32 and int64 are."""
    if 0 <= value < _KNOWN:
        return _SMALL[value]
    return _long(value)


def _long(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


_KNOWN = 0x4000  # numbers of up to two bytes are looked up
_SMALL = [_long(value) for value in range(_KNOWN)]


@cache
def _tag(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


def integer(number: int, value: int) -> bytes:
    """A field of type int32, int64, uint32, uint64, bool or enum."""
    return _tag(number, _VARINT) + varint(value)


def fixed64(number: int, value: int) -> bytes:
    """A field of type fixed64."""
    return _tag(number, _FIXED64) + _UNSIGNED.pack(value)


def double(number: int, value: float) -> bytes:
    """A field of type double."""
    return _tag(number, _FIXED64) + _DOUBLE.pack(value)


def message(number: int, content: bytes) -> bytes:
    """A field that is a message, or of type bytes."""
    return _tag(number, _LENGTH) + varint(len(content)) + content


def text(number: int, value: str) -> bytes:
    """A field of type string."""
    return message(number, value.encode())
