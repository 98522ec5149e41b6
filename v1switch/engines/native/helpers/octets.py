"""Runs of bytes and bits: copies, and the Internet checksum."""

from __future__ import annotations

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import copy, put8, u8, u16


@kernel
def put_raw(to: int, start: int, size: int) -> None:
    """Copy bytes between addresses; zeros when `start` is 0."""
    if start == 0:
        for n in range(size):
            put8(to + n, 0)
    else:
        copy(to, start, size)


@kernel
def same_raw(a: int, b: int, size: int) -> int:
    """1 when `put_raw` copies the same bytes from two addresses, else 0."""
    for n in range(size):
        x = u8(a + n) if a != 0 else 0
        y = u8(b + n) if b != 0 else 0
        if x != y:
            return 0
    return 1


@kernel
def put_bits(at: int, position: int, value: int, width: int) -> None:
    """Append the low `width` <= 32 bits of a number, `position` bits after an address.

    The bits after them, up to a whole byte, become zero.
    """
    left = width
    while left > 0:
        place, used = at + (position >> 3), position & 7
        taken = min(left, 8 - used)
        left -= taken
        part = (value >> left & (1 << taken) - 1) << (8 - used - taken)
        put8(place, (u8(place) if used != 0 else 0) | part)
        position += taken


@kernel
def put_raw_bits(at: int, position: int, start: int, size: int) -> None:
    """Append bytes as `put_raw` finds them, `position` bits after an address."""
    if position & 7 == 0:
        put_raw(at + (position >> 3), start, size)
        return
    for n in range(size):
        put_bits(at, position + 8 * n, u8(start + n) if start != 0 else 0, 8)


@kernel
def sum16(at: int, size: int) -> int:
    """Sum of big-endian 16-bit words, the last one zero-padded."""
    total = 0
    for n in range(size // 2):
        total += u16(at + 2 * n)
    return total + (u8(at + size - 1) << 8 if size % 2 else 0)


@kernel
def ones_complement(total: int) -> int:
    """The Internet checksum of a sum of 16-bit words (RFC 1071)."""
    rest = total % 65535
    return 65535 - rest if total == 0 or rest != 0 else 0


@kernel
def csum16(at: int, size: int) -> int:
    """The Internet checksum (RFC 1071)."""
    return ones_complement(sum16(at, size))
