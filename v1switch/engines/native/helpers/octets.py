"""Runs of bytes: copies, checksums, and the hashes of `v1switch.program.hashes`."""

from __future__ import annotations

import numpy as np

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import copy, put8, u8, u16, word
from v1switch.state.crc import BYTE_AT, FINAL_AT, INITIAL_AT, REFLECTED_AT
from v1switch.state.words import WORD_BYTES

_ONES = 0xFFFFFFFF


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


@kernel
def xor16(at: int, size: int) -> int:
    """XOR of big-endian 16-bit words, the last one zero-padded."""
    state = 0
    for n in range(size // 2):
        state ^= u16(at + 2 * n)
    return state ^ (u8(at + size - 1) << 8 if size % 2 else 0)


@kernel
def identity(at: int, size: int) -> int:
    """The first eight bytes as a number, modulo 2**64."""
    state = 0
    for n in range(min(size, 8)):
        state = state << 8 | u8(at + n)
    return state


def _reflected(polynomial: int) -> np.ndarray:
    table = np.zeros(256, np.int64)
    for value in range(256):
        state = value
        for _ in range(8):
            state = state >> 1 ^ (polynomial if state & 1 else 0)
        table[value] = state
    return table


_CRC16, _CRC32 = _reflected(0xA001), _reflected(0xEDB88320)


@kernel
def crc16(at: int, size: int) -> int:
    """CRC-16/ARC."""
    state = 0
    for n in range(size):
        state = state >> 8 ^ _CRC16[(state ^ u8(at + n)) & 0xFF]
    return state


@kernel
def crc32(at: int, size: int) -> int:
    """CRC-32 of IEEE 802.3."""
    state = _ONES
    for n in range(size):
        state = state >> 8 ^ _CRC32[(state ^ u8(at + n)) & 0xFF]
    return state ^ _ONES


@kernel
def crc_custom(at: int, size: int, words: int, width: int) -> int:
    """A CRC of `width` bits with the parameters in `words` (see `v1switch.state.crc`)."""
    ones, shift = (1 << width) - 1, width - 8
    state = word(words + INITIAL_AT * WORD_BYTES)
    for n in range(size):
        byte = word(words + (BYTE_AT + u8(at + n)) * WORD_BYTES)
        state = word(words + (byte ^ state >> shift) * WORD_BYTES) ^ (state << 8 & ones)
    if word(words + REFLECTED_AT * WORD_BYTES) != 0:
        reflected = 0
        for n in range(width):
            reflected = reflected << 1 | (state >> n & 1)
        state = reflected
    return state ^ word(words + FINAL_AT * WORD_BYTES)
