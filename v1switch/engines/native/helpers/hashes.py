"""The hashes of `v1switch.program.hashes`, over bytes in memory.

Words are signed and wrap, so a number of 64 bits that is shifted to the right is masked after it.
"""

from __future__ import annotations

import numpy as np

from v1switch.engines.native.helpers.jit import kernel
from v1switch.engines.native.helpers.memory import half, u8, u16, u32, word
from v1switch.program.hashes import (
    CCITT_POLYNOMIAL,
    CRC8_POLYNOMIAL,
    CRC16_REFLECTED,
    CRC32_REFLECTED,
    CRC64_REFLECTED,
)
from v1switch.program.xxh64 import PRIMES
from v1switch.state.crc import BYTE_AT, FINAL_AT, INITIAL_AT, REFLECTED_AT
from v1switch.state.toeplitz import KEY_AT
from v1switch.state.words import WORD_BYTES

_ONES = 0xFFFFFFFF


@kernel
def xor16(at: int, size: int) -> int:
    """XOR of big-endian 16-bit words, the last one zero-padded."""
    state = 0
    for n in range(size // 2):
        state ^= u16(at + 2 * n)
    return state ^ (u8(at + size - 1) << 8 if size % 2 else 0)


@kernel
def word32(at: int, size: int) -> int:
    """The first four of `size` bytes as a big-endian number, zero-padded."""
    if size >= 4:
        return u32(at)
    state = 0
    for n in range(size):
        state |= u8(at + n) << (24 - 8 * n)
    return state


@kernel
def xor32(at: int, size: int) -> int:
    """XOR of big-endian 32-bit words, the last one zero-padded."""
    state = 0
    for n in range(0, size, 4):
        state ^= word32(at + n, size - n)
    return state


@kernel
def toeplitz(at: int, size: int, words: int) -> int:
    """The Toeplitz hash with the key in `words` (see `v1switch.state.toeplitz`)."""
    key, length = words + KEY_AT * WORD_BYTES, word(words)
    state = 0
    for n in range(0, size, 4):
        left = word(key + (n // 4) % length * WORD_BYTES)
        right = word(key + (n // 4 + 1) % length * WORD_BYTES)
        window, data = left << 32 | right, word32(at + n, size - n)
        while data != 0:
            if data >> 31:
                state ^= window >> 32 & _ONES
            window <<= 1
            data = data << 1 & _ONES
    return state


@kernel
def identity(at: int, size: int) -> int:
    """The first eight bytes as a number, modulo 2**64."""
    state = 0
    for n in range(min(size, 8)):
        state = state << 8 | u8(at + n)
    return state


@kernel
def hash_ex(at: int, size: int) -> int:
    """FNV-1a of signed bytes, mixed once more."""
    state = 2166136261
    for n in range(size):
        byte = u8(at + n)
        state = (state ^ (byte - 256 if byte >= 128 else byte)) * 16777619 & _ONES
    state = state + (state << 13) & _ONES
    state ^= state >> 7
    state = state + (state << 3) & _ONES
    state ^= state >> 17
    return state + (state << 5) & _ONES


# -- CRCs ------------------------------------------------------------------------------------------


def _reflected(polynomial: int) -> np.ndarray:
    table = np.zeros(256, np.uint64)
    for value in range(256):
        state = value
        for _ in range(8):
            state = state >> 1 ^ (polynomial if state & 1 else 0)
        table[value] = state
    return table.astype(np.int64)


def _plain(polynomial: int, width: int) -> np.ndarray:
    table = np.zeros(256, np.int64)
    for value in range(256):
        state = value << (width - 8)
        for _ in range(8):
            state <<= 1
            state ^= (1 << width | polynomial) if state >> width else 0
        table[value] = state
    return table


_CRC16, _CRC32 = _reflected(CRC16_REFLECTED), _reflected(CRC32_REFLECTED)
_CRC64 = _reflected(CRC64_REFLECTED)
_CRC8, _CCITT = _plain(CRC8_POLYNOMIAL, 8), _plain(CCITT_POLYNOMIAL, 16)
_BELOW_TOP_BYTE = (1 << 56) - 1


@kernel
def crc8(at: int, size: int) -> int:
    """CRC-8/SMBUS."""
    state = 0
    for n in range(size):
        state = _CRC8[state ^ u8(at + n)]
    return state


@kernel
def crc16(at: int, size: int) -> int:
    """CRC-16/ARC."""
    state = 0
    for n in range(size):
        state = state >> 8 ^ _CRC16[(state ^ u8(at + n)) & 0xFF]
    return state


@kernel
def ccitt(at: int, size: int) -> int:
    """CRC-16/IBM-3740."""
    state = 0xFFFF
    for n in range(size):
        state = (state & 0xFF) << 8 ^ _CCITT[state >> 8 ^ u8(at + n)]
    return state


@kernel
def crc32(at: int, size: int) -> int:
    """CRC-32 of IEEE 802.3."""
    state = _ONES
    for n in range(size):
        state = state >> 8 ^ _CRC32[(state ^ u8(at + n)) & 0xFF]
    return state ^ _ONES


@kernel
def crc64(at: int, size: int) -> int:
    """The CRC of 64 bits of ISO 3309, with initial value 0."""
    state = 0
    for n in range(size):
        state = (state >> 8 & _BELOW_TOP_BYTE) ^ _CRC64[(state ^ u8(at + n)) & 0xFF]
    return state


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


# -- XXH64 -----------------------------------------------------------------------------------------

_ONE, _TWO, _THREE, _FOUR, _FIVE = (prime - (prime >> 63 << 64) for prime in PRIMES)


@kernel
def _shifted(value: int, by: int) -> int:
    """A number of 64 bits, shifted to the right."""
    return value >> by & (1 << (64 - by)) - 1


@kernel
def _rotated(value: int, by: int) -> int:
    return value << by | _shifted(value, 64 - by)


@kernel
def _round(lane: int, number: int) -> int:
    return _rotated(lane + number * _TWO, 31) * _ONE


@kernel
def xxh64(at: int, size: int) -> int:
    """XXH64 with seed 0; of bytes that begin at a word."""
    end, state = at + size, _FIVE
    if size >= 32:
        first, second, third, fourth = _ONE + _TWO, _TWO, 0, -_ONE
        while at + 32 <= end:
            first = _round(first, word(at))
            second = _round(second, word(at + 8))
            third = _round(third, word(at + 16))
            fourth = _round(fourth, word(at + 24))
            at += 32
        state = _rotated(first, 1) + _rotated(second, 7)
        state += _rotated(third, 12) + _rotated(fourth, 18)
        state = (state ^ _round(0, first)) * _ONE + _FOUR
        state = (state ^ _round(0, second)) * _ONE + _FOUR
        state = (state ^ _round(0, third)) * _ONE + _FOUR
        state = (state ^ _round(0, fourth)) * _ONE + _FOUR
    state += size
    while at + 8 <= end:
        state = _rotated(state ^ _round(0, word(at)), 27) * _ONE + _FOUR
        at += 8
    if at + 4 <= end:
        state = _rotated(state ^ half(at) * _ONE, 23) * _TWO + _THREE
        at += 4
    while at < end:
        state = _rotated(state ^ u8(at) * _FIVE, 11) * _ONE
        at += 1
    state = (state ^ _shifted(state, 33)) * _TWO
    state = (state ^ _shifted(state, 29)) * _THREE
    return state ^ _shifted(state, 32)
